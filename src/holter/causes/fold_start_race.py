"""Several trainings were started at once on a fresh data set and wrote the same files.

What happens:  each one makes splits_final.json and, with older data sets, unpacks every case. One reads what another
               has half written: JSONDecodeError in do_split, EOFError, a missing npy, "Error when checking ...
               fixing". Only at the start, only where folds or ranks start together.
How we know:   the error is that of splits or of a torn file, during start-up, and another training on the same
               preprocessed data set was started within five minutes. Or a .npy that unpacking was about to replace was
               gone: only another process takes it away.
Looks like:    truncated-preprocessed-file (the file stays torn; nobody else was starting); disk-full-or-quota.
What helps:    start one fold, wait for "Epoch 0", then start the others, or start all with holter train, where one
               prepares and the others wait [SAFE]; remove the torn splits_final.json or
               npy first, or the error stays [CONSENT].
Source:        MIC-DKFZ/nnUNet issues 560, 2626, 3064; tests/tapes/fold_start_race.
"""

from __future__ import annotations

from holter.causes.offers import PREPROCESS_CASE, Offer, all_of, has_case, no, of_kind
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, is_false, is_true, one_of, only, supports
from holter.evidence import Evidence
from holter.linux.mounts import is_remote

CAUSE = "fold-start-race"

SENTENCES = describe(
    CAUSE,
    title="Trainings started at once",
    meaning="Several trainings were started at once and wrote the same files.",
    findings={
        "at-the-start": "it happened during the start",
        "nobody-else-starts": "no other training on the same data was started at the same time",
        "past-the-start": "it happened long after the start",
        "splits-unreadable": "the file of the splits could not be read",
        "unpacked-file-gone": "a .npy that unpacking was about to replace was gone: somebody else removed it",
        "unpacked-files-torn": "unpacked files that could not be read when they were checked: {value}",
    },
    remedies={
        "start-in-turn": (
            'Start one fold, wait for its "Epoch 0", then start the others; or start all with holter train: they wait.'
        ),
        "remove-unpacked": (
            "Once no training runs on this data, delete its .npy files (not the .npz): the next "
            "start unpacks them again."
        ),
    },
)
ERROR_TEXTS = ("Error when checking case_001.npy and case_001_seg.npy, fixing...",)
PRESUPPOSES = ("nnunet",)

# Phases after unpacking; the splits are read here. Commands that do not train read none.
LATER = ("train", "validate", "epoch-end", "checkpoint", "final-validation", "shutdown", "predict", "preprocess")

SPLITS = Rule("exception.kind", one_of("splits"), "splits-unreadable", 4.0, group="error")
# For one case, only one process of a training checks, removes and writes the .npy.
GONE = Rule("exception.kind", one_of("unpack-race"), "unpacked-file-gone", 4.0, group="error")
# Folds on other machines do not use a local disk.
ALONE = against("unpack.raced", is_false, "nobody-else-starts", weight=0.5, fatal=True)
TORN = supports("unpack.rewritten", at_least(1), "unpacked-files-torn", weight=0.5)

RULES = (
    SPLITS,
    GONE,
    Rule("exception.truncated_file", is_true, "file-is-truncated", 0.5, group="error"),
    Rule("unpack.raced", is_true, "another-starts", 2.0, group="race"),
    TORN,
    supports("phase", one_of("startup", "unpack"), "at-the-start", weight=0.5),
    supports("trainings.others", at_least(1), "other-trainings", weight=0.5),
    # Folds of one data set mostly run on several machines, and only this one is visible.
    against("unpack.raced", is_false, "nobody-else-starts", weight=0.5),
    against("phase", one_of(*LATER), "past-the-start", fatal=True),
    against("disk.error", is_true, "disk-explains", weight=1.5),
    only("death"),
)

RACED = of_kind("unpack-race")
OFFERS = (
    Offer("start-in-turn", "SAFE", of_nnunet=True, of_training=True),
    Offer("remove-unpacked", "CONSENT", None, RACED),
    Offer("remove-torn-splits", "CONSENT", "python -m json.tool {preprocessed}/splits_final.json", no(RACED)),
    PREPROCESS_CASE._replace(only_if=all_of(has_case, no(of_kind("unpack-race", "splits")))),
)


# Each of the two messages suffices alone, and newer data sets are not unpacked.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_gone = GONE.test(evidence.fact("exception.kind").value)
    left_out = (SPLITS if is_gone else GONE, *(() if evidence.fact("unpack.rewritten").status == "known" else (TORN,)))
    file_system = evidence.fact("storage.fs_type").value
    is_local = isinstance(file_system, str) and not is_remote(file_system)
    return (*(rule for rule in RULES if rule not in left_out), *((ALONE,) if is_local else ()))
