"""A limit of the process was reached (ulimit), and the kernel ended it or refused what it asked for.

What happens:  limits that a login shell, a batch system or a container sets hold for the training too: CPU time
               (ulimit -t, SIGXCPU, then SIGKILL), the size of a file (ulimit -f, SIGXFSZ or "File too large": mostly
               a checkpoint; batches in shared memory are files too, and then no batch comes), the address space
               (ulimit -v, "Cannot allocate memory" although memory is free), the number of processes and threads
               (ulimit -u, or a container's limit of pids: "can't start new thread").
How we know:   the CPU time used is that of the limit, or the signal is one that only a limit sends; or the error says
               that a file is too large, or that there is no memory, while such a limit is set. If the limit is unknown,
               or no use near it was seen, the cause is at most likely: batch systems send SIGXCPU, too.
Looks like:    external-kill (somebody sent SIGKILL); ram-oom-train-worker (an OOM kill was counted);
               disk-full-or-quota (No space left on device).
What helps:    raise the limit where the training is started: ulimit -t, -f or -v unlimited, or the option of the
               batch system or container [CONSENT]; then continue with --c [CONSENT].
Source:        getrlimit(2), signal(7); tests/tapes/process_limit.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import against, at_least, is_true, likely_at_most, needs, one_of, only, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "process-limit"

SENTENCES = describe(
    CAUSE,
    title="Limit of the process reached",
    meaning="A limit of the process (ulimit) was reached.",
    findings={
        "no-limit-reached": "no limit of the process was reached",
    },
    remedies={
        "show-limits": "Show the limits of the shell that starts the training.",
        "raise-limit": "Raise the limit in the shell, batch system or container that starts the training.",
    },
)
ERROR_TEXTS = (
    "RuntimeError: can't start new thread",
    "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    "OSError: [Errno 27] File too large",
)

RULES = (
    needs(
        "limit.reached",
        one_of("cpu-time", "file-size", "address-space", "processes"),
        "limit-reached",
        otherwise="no-limit-reached",
        weight=3.0,
    ),
    supports("main.exit_signal", one_of(24, 25), "main-ended-by-signal", weight=0.5),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    against("disk.full", is_true, "disk-is-full", weight=1.0),
    only("death", "unsaved", "stall"),
)

OFFERS = (Offer("show-limits", "SAFE", "ulimit -a"), Offer("raise-limit", "CONSENT"), CONTINUE_ENDED)


def diagnose(evidence: Evidence) -> Verdict:
    verdict = weigh(CAUSE, evidence, RULES)
    return verdict if evidence.fact("limit.near").value is True else likely_at_most(verdict)
