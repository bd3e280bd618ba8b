"""batchgenerators 0.25.1 limits thread pools around the fork, and its workers crash or freeze on some machines.

What happens:  version 0.25.1 enters threadpool_limits twice, in the main process before the fork and again in each
               worker. On some nodes (EPYC with A100, Python 3.11 and 3.12) native code then crashes in the worker, or
               it waits forever in set_num_threads. Memory and shared memory are fine; there is no traceback.
How we know:   batchgenerators is exactly 0.25.1 (0.25.5 does not do it any more), and a worker crashed natively
               (SIGSEGV, SIGABRT, SIGILL) or waits on a lock within threadpoolctl. Both together are decisive; the
               version alone says "possible".
Looks like:    ram-oom-train-worker (an OOM kill is counted, SIGKILL); shm-too-small (SIGBUS); fork-lock-deadlock (the
               same wait with any version, in another library); threadpoolctl-version (a traceback).
What helps:    upgrade batchgenerators [CONSENT]; until then start workers without fork
               (HOLTER_START_METHOD=forkserver) [CONSENT]; continue with --c. Fewer workers only make it rarer.
Source:        batchgenerators issues 138, 136, 133; MIC-DKFZ/nnUNet issues 2910, 2749, 1343.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, WITHOUT_FORK, Offer
from holter.causes.sentences import describe
from holter.causes.steps import FOR_CRASHES
from holter.causes.weigh import (
    Rule,
    against,
    at_least,
    is_true,
    one_of,
    possible_at_most,
    possible_unless_seen,
    supports,
    weigh,
)
from holter.evidence import Evidence
from holter.evidence.words import CRASHES
from holter.records import Verdict

CAUSE = "nested-threadpoolctl-fork-crash"

SENTENCES = describe(
    CAUSE,
    title="Workers crash with batchgenerators 0.25.1",
    meaning="This version of batchgenerators limits thread pools around the fork; its workers crash or freeze.",
    findings={
        "batchgenerators-is-another": "batchgenerators {value} does not limit thread pools around the fork",
        "locked-elsewhere": "the lock is that of other code: {value}",
    },
)

# Versions that enter threadpool_limits around the fork as well as in the worker.
NESTED = ("0.25.1",)


def in_threadpoolctl(frame: str) -> bool:
    """Return whether a frame sets a number of threads."""
    return "threadpoolctl" in frame or "set_num_threads" in frame


RULES = (
    Rule("software.batchgenerators", one_of(*NESTED), "batchgenerators-nests", 3.5, group="version"),
    Rule("worker.exit_signal", one_of(*CRASHES), "worker-ended-by-signal", 1.5, group="how"),
    Rule("workers.lock", in_threadpoolctl, "locked-in", 1.5, group="how"),
    supports("worker.fatal_frame", in_threadpoolctl, "fatal-frame", weight=0.5),
    against(
        "software.batchgenerators", lambda version: version not in NESTED, "batchgenerators-is-another", fatal=True
    ),
    against("worker.exit_signal", one_of(7, 9), "another-signal", weight=3.0),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    against("exception.first", is_true, "exception-came-first", weight=2.0),
    against("workers.lock", lambda spot: not in_threadpoolctl(spot), "locked-elsewhere", weight=2.0),
    against("episode.kind", one_of("slow-down", "creep", "unsaved"), "still-running", fatal=True),
)

UPGRADE = "pip install --upgrade"
OFFERS = (
    Offer("upgrade-native-libraries", "CONSENT", f"{UPGRADE} 'batchgenerators>=0.25.5' 'threadpoolctl>=3.1'"),
    WITHOUT_FORK,
    CONTINUE_ENDED,
)
LADDER = FOR_CRASHES


# A version only counts after a crash or a lock was seen; a crash that a person states, only if it names nnU-Net, whose
# workers these are, or the package.
def diagnose(evidence: Evidence) -> Verdict:
    verdict = possible_unless_seen(weigh(CAUSE, evidence, RULES), "worker.exit_signal", "workers.lock")
    named = any(evidence.fact(name).status == "known" for name in ("scope.nnunet", "software.batchgenerators"))
    return possible_at_most(verdict) if evidence.is_stated and not named else verdict
