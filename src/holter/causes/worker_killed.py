"""A worker process was ended by a signal: it was killed, or crashed in native code.

What happens:  a data or export worker dies without a Python exception. nnU-Net says only that "one or more
               background workers are no longer alive" and ends; nothing is printed above that sentence.
How we know:   exit signal of the first worker that died, and no OOM kill counted by the cgroup or kernel. 9: somebody
               or something outside. 7: a mapped file was cut (shm-too-small if /dev/shm was full). 11, 6, 4: a native
               crash. 15 from its own parent is an echo, not a cause.
Looks like:    ram-oom-train-worker and export-ram-oom (SIGKILL, and an OOM kill was counted); shm-too-small (SIGBUS
               while /dev/shm was full); nested-threadpoolctl-fork-crash (a native crash with batchgenerators 0.25.1);
               worker-exception (a traceback, exit code 0 or 1); echo of a dying main process (signal 15);
               external-kill (the same signal reached other processes at the same moment).
What helps:    find out who sent the signal [ADVICE]; native crash: upgrade batchgenerators, threadpoolctl, torch, or
               start workers without fork (HOLTER_START_METHOD=forkserver) [CONSENT]; then continue with --c.
Source:        MIC-DKFZ/nnUNet issues 1343, 1898, 2708, 2749; batchgenerators issue 138; tests/tapes/worker_killed.
"""

from __future__ import annotations

from holter.causes.lacking import by_kill
from holter.causes.nested_threadpoolctl_fork_crash import NESTED
from holter.causes.offers import CONTINUE, WITHOUT_FORK, Offer, is_one_of
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, ALONE, FEWER, IN_EPOCH, SHM_FULL_RATIO, Facts
from holter.causes.weigh import Rule, against, at_least, is_true, needs, one_of, supports
from holter.evidence import Evidence
from holter.evidence.words import CRASHES, SIGBUS
from holter.linux.mounts import is_remote

CAUSE = "worker-killed"

SENTENCES = describe(
    CAUSE,
    title="Data worker ended by a signal",
    meaning="A data worker was ended by a signal; it left no error message.",
    headline="{subject} was killed.",
    variants={
        "meaning.worker-crashed": "A data worker crashed in native code, without a Python error.",
        "headline.worker-crashed": "{subject} crashed in native code.",
    },
    remedies={
        "bigger-shm": "Enlarge /dev/shm (Docker: --shm-size).",
    },
)
ERROR_TEXTS = (
    "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Killed.",
    "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Terminated.",
)

# Only for a native crash: the version that crashes by itself must be ruled out.
CRASH_RULE = against("software.batchgenerators", one_of(*NESTED), "batchgenerators-nests", weight=2.0)
# SIGBUS also ends the reader of a mapped file if the mount cannot deliver a page.
MAPPED_RULE = against("storage.fs_type", is_remote, "data-on-remote-mount", weight=2.0)

ENDED = needs(
    "worker.exit_signal", at_least(1), "worker-ended-by-signal", otherwise="no-worker-ended-by-signal", weight=3.0
)
# A crash is internal: other words, same rule.
CRASHED = needs("worker.exit_signal", at_least(1), "worker-crashed", otherwise="no-worker-ended-by-signal", weight=3.0)

RULES = (
    ENDED,
    CRASHED,
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),  # then the killer and the reason are known
    against("shm.trouble", is_true, "shm-explains", weight=2.0),
    # The wait after a replacement is the larger problem.
    against("export.replaced", at_least(1), "export-worker-replaced", weight=2.0),
    against("limit.reached", is_true, "limit-reached"),
    against("worker.with_others", is_true, "sent-to-several", weight=1.5),  # sent to the whole training
    against("data.read_only", is_true, "data-read-only", weight=2.0),
    supports("worker.fatal_frame", is_true, "fatal-frame", weight=0.5),
    CRASH_RULE,
)


def _is_shm_full(facts: Facts) -> bool:
    used = facts.get("shm.used_ratio")
    return facts.get("worker.exit_signal") == SIGBUS or (isinstance(used, float) and used > SHM_FULL_RATIO)


HAS_CRASHED = is_one_of("worker.exit_signal", *CRASHES)
OFFERS = (
    Offer("bigger-shm", "CONSENT", None, _is_shm_full),
    Offer(
        "upgrade-native-libraries",
        "CONSENT",
        "pip install --upgrade 'batchgenerators>=0.25.5' 'threadpoolctl>=3.1'",
        HAS_CRASHED,
    ),
    WITHOUT_FORK._replace(only_if=HAS_CRASHED),
    CONTINUE,
)
LADDER = (IN_EPOCH, AGAIN, FEWER, ALONE)
LADDER_BY_FACTS = by_kill


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    signal = evidence.fact("worker.exit_signal").value
    others = (ENDED,) if signal in CRASHES else (CRASHED, CRASH_RULE)
    rules = tuple(rule for rule in RULES if rule not in others)
    return (*rules, MAPPED_RULE) if signal == SIGBUS else rules
