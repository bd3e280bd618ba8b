"""An old threadpoolctl cannot read the version of the BLAS library, and every worker ends at once.

What happens:  threadpoolctl 2.x asks OpenBLAS for its version and gets no answer from newer builds. Each data worker
               raises AttributeError before its first batch. Typical of conda base environments on Windows and macOS.
How we know:   the exception is "'NoneType' object has no attribute 'split'" with threadpoolctl in its traceback
               (decisive), and threadpoolctl is older than 3.1.
Looks like:    nested-threadpoolctl-fork-crash (no traceback at all); worker-exception (any other error).
What helps:    pip install --upgrade threadpoolctl [CONSENT], then start again; nothing was lost. Fewer workers, another
               Python or another data set change nothing.
Source:        MIC-DKFZ/nnUNet issues 1437, 1505, 2166, 2447, 1406; joblib/threadpoolctl issue 131.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer
from holter.causes.sentences import describe
from holter.causes.steps import ALONE
from holter.causes.weigh import Rule, against, at_least, one_of, release

CAUSE = "threadpoolctl-version"

SENTENCES = describe(
    CAUSE,
    title="threadpoolctl is too old",
    meaning="An old threadpoolctl fails in every data worker before its first batch.",
    findings={
        "threadpoolctl-fails": "threadpoolctl fails to read the version of a library",
        "threadpoolctl-is-new": "threadpoolctl is {value}, which does not fail in this way",
        "threadpoolctl-is-old": "threadpoolctl is {value}, older than 3.1",
    },
    remedies={
        "upgrade-threadpoolctl": "Upgrade threadpoolctl and start again; nothing is lost.",
    },
)
ERROR_TEXTS = (
    "File \"threadpoolctl.py\", line 646, in get_version: AttributeError: 'NoneType' object has no attribute 'split'",
)

# Users reported 2.2.0; 3.1 accepts libraries without a version.
FIXED = (3, 1)


def is_old(version: str) -> bool:
    """Return whether this release fails on libraries that report no version."""
    return () < release(version) < FIXED


RULES = (
    Rule("exception.kind", one_of("threadpoolctl"), "threadpoolctl-fails", 3.0, group="error"),
    Rule("software.threadpoolctl", is_old, "threadpoolctl-is-old", 1.0, group="version"),
    against("exception.kind", lambda kind: kind != "threadpoolctl", "exception-says-otherwise", fatal=True),
    against("software.threadpoolctl", lambda version: release(version) >= FIXED, "threadpoolctl-is-new", weight=1.0),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=2.0),
    against("episode.kind", one_of("slow-down", "stall", "creep", "unsaved"), "still-running", fatal=True),
)

UPGRADE = "pip install --upgrade"
OFFERS = (Offer("upgrade-threadpoolctl", "CONSENT", f"{UPGRADE} 'threadpoolctl>=3.1'"), CONTINUE_ENDED)
LADDER = (ALONE,)
