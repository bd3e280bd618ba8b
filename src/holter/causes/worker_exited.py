"""A data worker ended by itself with an exit code, without an exception and without a signal.

What happens:  code in the worker calls os._exit() or sys.exit() (a library that gives up, a custom transform), or
               returns where it should go on. nnU-Net only says that one or more background workers are no longer alive.
How we know:   the exit code of the worker that ended first, while the training needed it: nothing had asked it to
               return, no exception was seen in it, and no signal ended it. A worker that raises ends with code 0 or
               1, too: where exceptions cannot be seen, these two codes make it possible and no more.
Looks like:    worker-exception (a traceback, exit code 1); worker-killed (a signal); echo of a dying main process.
What helps:    look for exit() in your own transforms and in what they import [ADVICE]; continue with --c [CONSENT].
Source:        tests/tapes/worker_exited.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE, LOOK_FOR_EXIT
from holter.causes.sentences import describe
from holter.causes.weigh import (
    Rule,
    against,
    at_least,
    is_true,
    likely_at_most,
    one_of,
    only,
    possible_at_most,
    supports,
    weigh,
)
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "worker-exited"

SENTENCES = describe(
    CAUSE,
    title="Data worker exited",
    meaning="A data worker ended by itself, without an exception and without a signal.",
    headline="{subject} ended by itself, without an exception and without a signal.",
    findings={
        "worker-not-killed": "no signal ended it",
    },
)

# Exit codes of a worker that raised an exception.
RAISED = (0, 1)

RULES = (
    Rule("worker.exit_code", at_least(0), "worker-left", 2.0, group="left"),
    Rule("worker.exit_signal", one_of(0), "worker-not-killed", 1.0, group="signal"),
    supports("workers.case", is_true, "case-in-hand", weight=0.5),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", fatal=True),
    against("exception.first", is_true, "exception-came-first", fatal=True),
    against("export.replaced", at_least(1), "export-worker-replaced", weight=2.0),
    only("death", "stall"),
)

OFFERS = (LOOK_FOR_EXIT, CONTINUE)


def diagnose(evidence: Evidence) -> Verdict:
    verdict = weigh(CAUSE, evidence, RULES)
    if evidence.fact("worker.exit_code").value not in RAISED:
        return verdict
    if evidence.fact("exception.first").status == "unknown":
        return possible_at_most(verdict)
    return likely_at_most(verdict)  # its traceback may have been lost
