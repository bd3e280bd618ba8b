"""The storage that holds the data or the results answers too slowly, or not at all.

What happens:  workers wait for bytes: NFS, SMB, Lustre, a hard disk, an overloaded or dying server. The ready queue
               runs empty; CPU and GPU are idle. Epoch times are large and scatter widely. Below the
               results a dead mount holds the main process itself: in state D it cannot even be killed.
How we know:   workers sit in a read, in state D or in a wait channel of the file system, with a file behind them; our
               own small read of the same folder is slow or does not come back; I/O pressure is high. It is likely,
               and never confirmed, where steps wait for batches while half of the CPUs are idle and a small read
               takes 20 ms or more.
Looks like:    cpu-starved-augmentation (workers compute); frozen-worker (state T); page-cache-cold (ends by itself);
               swap-thrash and cgroup-page-cache-pressure (memory is short: pages come from swap, or the job's limit
               leaves no room for cache).
What helps:    copy nnUNet_preprocessed to a local SSD ($SLURM_TMPDIR) [SAFE]; fewer workers on a hard disk [CONSENT];
               ask the administrator about the mount named here [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 239, 308, 680, 640; nnDetection issue 67; tests/tapes/slow_storage.
"""

from __future__ import annotations

import msgspec

from holter.causes.cgroup_page_cache_pressure import REFAULTS
from holter.causes.offers import MEASURE_STORAGE, NAME_STORAGE, Offer, Wait, ask, storage_is_dead
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import (
    LIKELY_FROM,
    Rule,
    against,
    at_least,
    at_most,
    if_seen,
    is_false,
    is_true,
    one_of,
    supports,
    symptom,
    weigh,
)
from holter.evidence import Evidence
from holter.linux.mounts import is_remote
from holter.records import Verdict

CAUSE = "slow-storage"

SENTENCES = describe(
    CAUSE,
    title="Slow storage",
    meaning="A disk or network share is too slow, or does not answer: the training waits for it.",
    findings={
        "no-iowait": "the CPUs do not wait for storage ({detail})",
        "cpus-idle": "only {percent} % of the usable CPU time is in use ({detail})",
        "main-in-kernel": "the main process is in the kernel (state D)",
        "main-reads": "the main thread reads or writes a file ({detail})",
        "workers-use-cores": "each data worker uses {value} of a core: they compute",
        "no-worker-blocked": "no worker is blocked in a read",
        "read-slower-than-a-disk": "one small read took {ms} ms; a local disk needs 10 ms at most",
        "read-slower-than-before": "a small read takes {value} times as long as before ({detail})",
    },
    ask={
        "": (
            "Reads are slow[[ on {host}]]: a small read[[ of {path} ({mount})| of {path}| of {mount}]] [[takes "
            "{latency:seconds}, and took {usual:seconds} before|takes {latency:seconds}|takes longer than the "
            "{usual:seconds} of before|takes long]], and processes hang in state D. Please check the load and the "
            "health of the file server and the network to it, and whether other machines see the same on this "
            "mount."
        ),
        "dead": (
            "A mount[[ on {host}]] does not answer: a small read[[ of {path} ({mount})| of {path}| of {mount}]] has"
            " not come back[[ for {pending:seconds}]]. Processes that use it hang in state D, where nobody can end "
            "them. Please check whether the file server runs and can be reached[[ from {host}]], and whether other "
            "machines see the same. If it does not come back, a forced unmount (umount -f, then umount -l) or a "
            "restart of [[{host}|the machine]] is needed. The training goes on by itself when the mount answers."
        ),
    },
)

# A local hard disk completes a random read in 10 ms at most, an NVMe drive in 0.1 ms: longer means a network or a
# queue.
SLOW_READ_S = 0.02
STALLED_READ_S = 0.5
# If steps wait for workers that compute, at least three quarters of the CPU time are in use.
IDLE_RATIO = 0.5
# One that waits for storage uses next to nothing of a core, one that also unpacks what it read a third.
COMPUTES = 0.7


def _is_slower_than_a_disk(latency_s: float) -> bool:
    return SLOW_READ_S <= latency_s < STALLED_READ_S


RULES = (
    Rule("workers.blocked", is_true, "worker-blocked", 2.0, group="blocked"),
    Rule("main.waits_on", one_of("file-read", "checkpoint"), "main-reads", 1.0, group="blocked"),
    Rule("main.state", one_of("D"), "main-in-kernel", 1.0, group="blocked"),
    Rule("storage.pending_s", at_least(2.0), "read-does-not-return", 1.5, group="storage"),
    Rule("storage.latency_s", at_least(STALLED_READ_S), "read-is-slow", 1.5, group="storage"),
    Rule("storage.times_usual", at_least(20.0), "read-slower-than-before", 0.5, group="storage"),
    Rule("pressure.io", at_least(0.25), "io-pressure", 0.5, group="storage"),
    supports("storage.latency_s", _is_slower_than_a_disk, "read-slower-than-a-disk", weight=0.5),
    supports("cpu.run_busy_ratio", at_most(IDLE_RATIO), "cpus-idle", weight=0.5),
    against("workers.cpu_each", at_least(COMPUTES), "workers-use-cores", weight=1.5),
    supports("wait.ratio", at_least(0.3), "waits-for-batches", weight=0.5),
    supports("storage.fs_type", is_remote, "data-on-remote-mount", weight=0.5),
    supports("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", weight=0.5),
    supports("storage.kernel_errors", is_true, "storage-errors", weight=0.5),
    supports("epochs.shape", one_of("heavy-tail"), "epochs-have-this-shape", weight=0.5),
    against("system.virtual_machine", one_of("wsl"), "is-wsl", weight=0.5),
    against("storage.windows_drive", is_true, "data-on-windows-drive", weight=1.0),
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=2.0),
    against("swap.in_bytes_per_s", at_least(4e6), "swaps-in", weight=1.5),
    against("memory.refaults_per_s", at_least(REFAULTS), "pages-read-again", weight=2.0),
    against("pressure.memory", at_least(0.1), "memory-pressure"),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("workers.blocked", is_false, "no-worker-blocked", weight=2.0),
    *not_in("death", "creep", "unsaved"),
    symptom("waits-for-disk"),
    symptom("pauses-as-workers", weight=1.0),
    symptom("slow-disk", weight=1.5),
    symptom("gpu-use-low", weight=0.5),
)


OFFERS = (
    NAME_STORAGE,
    MEASURE_STORAGE,
    Offer("copy-to-local-disk", "SAFE", of_nnunet=True),
    ask(lambda facts: "dead" if storage_is_dead(facts) else None),
)
WAITS = Wait("storage-answers")
FROZEN = against("frozen.processes", is_true, "in-a-freezer", fatal=True)
# Cores that have nothing to do but wait for storage; with many cores the share of one waiting worker is small.
IOWAIT = supports("cpu.iowait_ratio", at_least(0.15), "cpus-wait-for-storage", weight=0.5)
# A person who looked and saw none: every process that waits for a disk, or for a file server, counts.
NO_IOWAIT = against("cpu.iowait_ratio", at_most(0.01), "no-iowait", fatal=True)
# Together they leave few other explanations for a slow training; they do not explain a stall.
STARVED = {"storage.latency_s", "cpu.run_busy_ratio", "wait.ratio"}


def diagnose(evidence: Evidence) -> Verdict:
    waits = evidence.fact("cpu.iowait_ratio").value
    seen = (FROZEN, IOWAIT) if isinstance(waits, (int, float)) and IOWAIT.test(waits) else (FROZEN,)
    seen = (*seen, NO_IOWAIT) if evidence.is_stated else seen
    verdict = weigh(CAUSE, evidence, (*RULES, *if_seen(evidence, *seen)))
    starved = {finding.fact for finding in verdict.supports} >= STARVED and not verdict.against
    if verdict.verdict == "possible" and starved and evidence.fact("episode.kind").value == "slow-down":
        return msgspec.structs.replace(verdict, verdict="likely", score=max(verdict.score, LIKELY_FROM))
    return verdict
