"""English sentences of the causes about memory, locks and open files: titles, facts, findings, remedies."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Facts
    "fact.worker.role": "role of the worker that ended first",
    "fact.memory.grows_in": "where memory rises all the time",
    "fact.memory.main_growth_bytes_per_h": "growth of the main process",
    "fact.memory.workers_growth_bytes_per_h": "growth of the data workers",
    "fact.memory.private_growth_bytes_per_h": "growth of the workers' own pages",
    "fact.memory.shared_growth_bytes_per_h": "growth of the workers' shared pages",
    "fact.memory.arenas": "arenas of the C library",
    "fact.memory.arena_share": "share of the growth that lies in arenas",
    "fact.memory.trim_freed_ratio": "what malloc_trim(0) gives back",
    "fact.memory.cache_ratio": "page cache of the memory limit",
    "fact.memory.cache_dropped_ratio": "page cache that was dropped",
    "fact.memory.refaults_per_s": "dropped pages that are read again",
    "fact.memory.direct_scans_per_s": "pages scanned to make room",
    "fact.memory.compact_stalls_per_s": "waits for memory to be compacted",
    "fact.pressure.memory": "time lost waiting for memory",
    "fact.swap.in_bytes_per_s": "read back from swap",
    "fact.swap.out_bytes_per_s": "written to swap",
    "fact.swap.run_bytes": "memory of the run in swap",
    "fact.cpu.system_ratio": "share of the kernel in the busy CPU time",
    "fact.workers.locked": "workers that wait on a lock",
    "fact.workers.lock": "where they wait",
    "fact.fds.used_ratio": "open files of the limit",
    "fact.fds.limit": "limit of open files",
    "fact.fds.grown": "open files gained",
}
