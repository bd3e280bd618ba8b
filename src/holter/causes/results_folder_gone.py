"""The folder of the results was deleted, replaced or unmounted while the training runs.

What happens:  the training goes on, but its log, plots and checkpoints can no longer be written. The next
               checkpoint fails and ends it, or files are written into an empty folder below the mount point.
How we know:   the folder was there, and now it is not, or another one stands at its path. Decisive.
Looks like:    disk-full-or-quota (the folder is there, and nothing can be written); slow-storage (no answer).
What helps:    mount it again, or make the folder again at the same path: the next checkpoint is then saved there
               [CONSENT]. Do not end the training before a checkpoint is saved: its network is only in memory.
Source:        tests/tapes/results_folder_gone.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import at_least, needs, one_of, only, supports

CAUSE = "results-folder-gone"

SENTENCES = describe(
    CAUSE,
    title="Results folder gone",
    meaning="The folder of the results is gone, and nothing can be saved there.",
    findings={
        "results-are-there": "the results folder is the one that was there before",
    },
    remedies={
        "mount-results-again": "Mount the folder again, or make it again at the same path; do not end the training.",
    },
)
ERROR_TEXTS = ("RuntimeError: Parent directory nnUNet_results/fold_0 does not exist.",)

RULES = (
    needs("results.gone", one_of("deleted", "replaced"), "results-are-gone", otherwise="results-are-there", weight=3.0),
    supports("save.failed", at_least(1), "saves-failed", weight=0.5),
    only("unsaved", "death"),
)

OFFERS = (Offer("mount-results-again", "CONSENT", "findmnt -T {results}; ls -ld {results}"),)
STOPS = True  # a restart would fail again: a person must act
