"""Shared memory (/dev/shm) is too small for the batches that data workers hand over.

What happens:  workers put their tensors into /dev/shm. Where it is full the kernel ends the writer with SIGBUS, or
               torch raises "unable to write to file </torch_...>"; a worker may go on without that batch, and the
               training gets slower. Docker gives a container 64 MiB by default, so it mostly happens
               in epoch 0, and only in the container.
How we know:   a worker ended by SIGBUS while /dev/shm was full, or an exception that says "No space left on device"
               (ENOSPC) of shared memory. Decisive. An exception that only names shared memory counts only if the size
               of /dev/shm is known too. What full queues hold, from patch size, batch size and queue sizes, is compared
               with its size.
Looks like:    worker-killed (SIGKILL, or SIGBUS with room left: a mapped file that was cut); disk-full-or-quota (the
               same words about a path on a disk); fd-exhaustion (shared memory cannot be opened: "Too many open
               files").
What helps:    a larger /dev/shm: --ipc=host or --shm-size=16g, in Kubernetes an emptyDir of medium Memory [ADVICE];
               fewer data workers hold fewer batches [CONSENT]; then continue with --c.
Source:        MIC-DKFZ/nnUNet issues 1343, 1898, 2331; RepPoints issue 18; simplerecon issue 3;
               tests/tapes/shm_too_small.
"""

from __future__ import annotations

from holter.causes.offers import ASK, CONTINUE_ENDED, FEWER_WORKERS, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import NOTHING_ENDED, not_in
from holter.causes.steps import FOR_SHARED_MEMORY
from holter.causes.weigh import Rule, against, at_least, at_most, needs, no_symptom, one_of, supports, symptom
from holter.evidence import Evidence
from holter.evidence.words import NO_SPACE

CAUSE = "shm-too-small"

SENTENCES = describe(
    CAUSE,
    title="Shared memory is too small",
    meaning="Shared memory (/dev/shm) has no space for the batches of the data workers.",
    findings={
        "no-shm-trouble": "nothing failed for lack of shared memory",
        "shm-below-need": "full queues need {percent} % of /dev/shm ({detail})",
        "shm-failed": "a write into shared memory failed ({detail})",
        "shm-of-docker": "/dev/shm has the default size of Docker (64 MiB)",
    },
    remedies={
        "measure-shm": "See how large and how full shared memory is.",
    },
    ask={
        "": (
            "Shared memory is too small[[ on {host}]]: [[/dev/shm has {shm:bytes} and was {shm_percent:percent} % "
            "full when our|/dev/shm has {shm:bytes}, and our|/dev/shm was {shm_percent:percent} % full when "
            "our|our]] training lost a process (SIGBUS or “No space left on device”). PyTorch passes its batches "
            "through it. Please start our container with --ipc=host or --shm-size=16g (Kubernetes: an emptyDir with"
            " medium: Memory, mounted at /dev/shm; without a container: mount -o remount,size=16g /dev/shm)."
        ),
    },
)
ERROR_TEXTS = (
    "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).",
    "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Bus error. It is possible that dataloader's "
    "workers are out of shared memory. Please try to raise your shared memory limit.",
    "RuntimeError: DataLoader worker (pid(s) 4711) exited unexpectedly",
    "RuntimeError: unable to write to file </torch_4711_123_0>: No space left on device (28)",
)

# Docker's default size, with a page more or less.
DOCKER_BYTES = 65 << 20
# Of /dev/shm in use when the training died.
FULL = 0.95

RULES = (
    needs("shm.trouble", one_of("bus-error", "no-room"), "shm-failed", otherwise="no-shm-trouble", weight=3.0),
    supports("shm.used_ratio", at_least(0.9), "shm-full"),
    supports("shm.needed_ratio", at_least(0.9), "shm-below-need", weight=0.5),
    supports("shm.total_bytes", at_most(DOCKER_BYTES), "shm-of-docker", weight=0.5),
    against("oom.kills", at_least(1), "oom-counted", weight=1.0),
    symptom("fine-without-workers"),
    no_symptom("same-without-workers"),
    *not_in("creep", "unsaved"),
)

OFFERS = (
    Offer("measure-shm", "SAFE", "df -h /dev/shm"),
    ASK,
    FEWER_WORKERS,
    CONTINUE_ENDED,
)
LADDER = FOR_SHARED_MEMORY

# A line about a bus error is only a guess, and one without ENOSPC may have any reason: the size or use of /dev/shm must
# be known to confirm it.
SIZE = frozenset({"shm.used_ratio", "shm.needed_ratio", "shm.total_bytes"})


def _is_full(evidence: Evidence) -> bool:
    used = evidence.fact("shm.used_ratio").value
    return isinstance(used, float) and used >= FULL and evidence.fact("episode.kind").value == "death"


# An evidence file may name no exception, and the size of /dev/shm is not required then.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    no_space, first = evidence.fact("shm.no_space"), str(evidence.fact("exception.first").value or "").strip()
    says_nothing = not first and no_space.status != "known"
    says_so = bool(no_space.value) or NO_SPACE.search(first) is not None
    is_bus_error = evidence.fact("shm.trouble").value == "bus-error"
    # A bus error ends the worker. One whose write is refused continues without that batch: the training gets slower.
    rules = (*RULES, NOTHING_ENDED) if is_bus_error else RULES
    # A person's df shows it full, and no message says how it failed: that lowers nothing.
    if evidence.is_stated and evidence.fact("shm.trouble").status == "unknown" and _is_full(evidence):
        return rules[1:]
    if is_bus_error or says_nothing or says_so:
        return rules
    return tuple(rule._replace(group="size") if rule.fact in SIZE else rule for rule in rules)
