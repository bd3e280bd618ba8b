"""Memory was refused although enough of it was free.

What happens:  malloc or mmap fails, and a MemoryError or "can't allocate memory" ends the training, although the
               machine and the container have free memory. The kernel refuses because of a rule: strict accounting
               (vm.overcommit_memory=2) or too many mappings (vm.max_map_count). Or another allocator (jemalloc or
               tcmalloc by LD_PRELOAD) has its own limit.
How we know:   an exception says that memory could not be allocated, no OOM kill was counted, and at that time several
               times what it asked for was free. Where it does not say how much it asked for, this is likely at most:
               a program may ask for more than any machine has. A MemoryError without the words of an allocator is
               possible at most: any code can raise one.
Looks like:    ram-oom-train-worker (memory was short); process-limit (ulimit -v or -d explains it).
What helps:    look at the rules of the kernel and at LD_PRELOAD [SAFE]; change them [ADVICE]; then continue with
               --c [CONSENT]. More memory or fewer workers do not help.
Source:        mmap(2), malloc(3); kernel.org, overcommit-accounting; tests/tapes/memory_refused.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import against, is_true, likely_at_most, needs, only, possible_at_most, weigh
from holter.evidence import Evidence
from holter.patterns import later
from holter.records import Verdict

CAUSE = "memory-refused"

SENTENCES = describe(
    CAUSE,
    title="Memory refused",
    meaning="Memory was refused although enough of it was free.",
    findings={
        "memory-was-not-refused": "memory was not refused while it was free",
    },
    remedies={
        "show-memory-rules": "Show the kernel's rules for memory, and libraries that are loaded before all others.",
        "change-memory-rules": (
            "Ask the administrator to change vm.overcommit_memory or vm.max_map_count, or start without the "
            "LD_PRELOAD of another allocator."
        ),
    },
)
ERROR_TEXTS = ("OSError: [Errno 12] Cannot allocate memory",)
# What numpy, torch, the C library and C++ write. Python's own MemoryError has no words, like one that user code raises.
ALLOCATORS = later(
    r"[Uu]nable to (?:allocate|mmap)|tried to allocate|DefaultCPUAllocator|(?:annot|an't) allocate memory|"
    r"\[Errno 12\]|bad_alloc"
)

RULES = (
    needs("memory.refused", is_true, "memory-was-refused", otherwise="memory-was-not-refused", weight=3.0),
    against("limit.reached", is_true, "limit-reached", fatal=True),
    only("death", "unsaved"),
)

OFFERS = (
    Offer("show-memory-rules", "SAFE", "sysctl vm.overcommit_memory vm.max_map_count; echo $LD_PRELOAD"),
    Offer("change-memory-rules", "ADVICE"),
    CONTINUE_ENDED,
)


def diagnose(evidence: Evidence) -> Verdict:
    verdict = weigh(CAUSE, evidence, RULES)
    if not ALLOCATORS.search(str(evidence.fact("exception.first").value)):
        return possible_at_most(verdict)
    return verdict if evidence.fact("memory.asked_bytes").status == "known" else likely_at_most(verdict)
