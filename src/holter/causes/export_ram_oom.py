"""The final validation or prediction needs more memory than there is, and an export process is ended.

What happens:  each export process resamples the network's output to the original size: classes x voxels x 4 bytes,
               about twice, for one case at a time. Large CTs with many classes need tens of GB, and several cases are
               exported at once. Training itself never had a memory problem.
How we know:   an OOM kill was counted in the final validation, or an export process could not allocate memory; or
               nnU-Net's sentence of the export ("Some background workers are no longer alive") or of the prediction
               ("Background workers died") with no other error before it. The sentence alone never confirms it. Without
               any sign of an export, an OOM kill only makes it possible.
Looks like:    ram-oom-train-worker (the same during training); export-lost-result-hang (an export process died for
               another reason, nothing counted); a long export of one big case (not-stuck).
What helps:    the network is trained, nothing is lost: run nnUNetv2_train ... --val with fewer export processes
               (nnUNet_def_n_proc; for prediction -npp 1 -nps 1) [CONSENT]; leave out --npz [CONSENT]; more memory, or
               swap for this one step [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 1758, 2182, 1568, 2151, 1698, 2243, 2912; TotalSegmentator issues 240, 417, 547;
               tests/tapes/export_ram_oom.
"""

from __future__ import annotations

from holter.causes.offers import MORE_MEMORY, Offer
from holter.causes.sentences import describe
from holter.causes.steps import AGAIN, FEWER_EXPORTERS
from holter.causes.weigh import Rule, against, at_least, at_most, one_of, supports
from holter.evidence import Evidence
from holter.evidence.words import CRASHES, SIGBUS

CAUSE = "export-ram-oom"

SENTENCES = describe(
    CAUSE,
    title="Out of memory in the export",
    meaning="Memory ran out while predictions were exported; the training itself is complete.",
    findings={
        "echo-of-export": "the sentence about export workers was printed",
    },
)
ERROR_TEXTS = (
    "RuntimeError: Some background workers are no longer alive",
    "RuntimeError: Background workers died. Look for the error message further up! "
    "If there is none then your RAM was full and the worker was killed by the OS.",
)
PRESUPPOSES = ("export", "nnunet")

# No export runs in these phases.
BEFORE = ("startup", "unpack", "compile", "train", "validate", "epoch-end", "checkpoint")

RULES = (
    Rule("oom.kills", at_least(1), "oom-counted", 3.0, group="memory"),
    Rule("exception.kind", one_of("memory"), "no-memory-left", 2.0, group="memory"),
    Rule("echo.says", one_of("export", "prediction"), "echo-of-export", 2.0, group="memory"),
    supports("phase", one_of("final-validation"), "in-final-validation", weight=0.5),
    supports("export.replaced", at_least(1), "export-worker-replaced", weight=0.5),
    supports("worker.exit_signal", one_of(9), "worker-ended-by-signal", weight=0.5),
    supports("memory.used_ratio", at_least(0.9), "memory-full", weight=0.5),
    against("phase", one_of(*BEFORE), "not-in-final-validation", fatal=True),
    against("oom.kills", at_most(0), "no-oom-counted", weight=4.0),
    against("worker.exit_signal", one_of(*CRASHES, SIGBUS), "another-signal", weight=2.0),
    against("exception.kind", lambda kind: kind != "memory", "exception-says-otherwise", weight=3.0),
    against("echo.says", one_of("training", "preprocessing"), "echo-of-another-part", weight=2.0),
    against("episode.kind", one_of("creep", "slow-down", "unsaved"), "still-running", fatal=True),
)
# A kill alone more likely hits the training, which takes days, than the final validation, which takes an hour.
ONLY_IF_SEEN = ("phase", "echo.says", "export.replaced")

OFFERS = (
    Offer("validate-again", "CONSENT", "{validate}", of_nnunet=True, of_training=True),
    Offer("fewer-exporters", "CONSENT", "export nnUNet_def_n_proc=2", of_nnunet=True),
    MORE_MEMORY,
)
LADDER = (AGAIN, FEWER_EXPORTERS)


# "Killed" and nothing else, once the training is complete: the kernel does this, for lack of memory.
KILLED = supports("main.exit_signal", one_of(9), "main-ended-by-signal", weight=2.0)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    exports = evidence.is_stated and evidence.fact("phase").value == "final-validation"
    return (*RULES, KILLED) if exports else RULES
