"""A file in nnUNet_preprocessed is cut short: a case cannot be decoded, or plans, dataset.json or splits end too early.

What happens:  the worker that draws this case dies, after a random number of iterations; a restart helps until the
               case is drawn again. Plans, dataset.json and splits_final.json are read at the start, and each start
               fails. The file was cut when it was written: a full disk, a quota, an interrupted unpack or copy.
How we know:   the exception is that of a short or undecodable file, in a worker's load_case, with the case in hand; or
               a JSONDecodeError where nnU-Net reads one of its JSON files.
Looks like:    worker-exception of another kind; slow-storage and I/O errors (the file is whole, the mount is not);
               fold-start-race (another training was writing splits_final.json at that time).
What helps:    remove the files of that case and preprocess again [CONSENT]; look for a full disk or quota first.
Source:        MIC-DKFZ/nnUNet issues 291, 548, 1768, 2388, 2581, 2769; tests/tapes/truncated_preprocessed_file.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE, PREPROCESS_CASE, Offer, has_case, of_kind
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, is_true, needs, one_of, supports
from holter.evidence import Evidence
from holter.evidence.facts.training.endings import JSON_KINDS
from holter.linux.mounts import is_remote

CAUSE = "truncated-preprocessed-file"

SENTENCES = describe(
    CAUSE,
    title="Torn preprocessed file",
    meaning="A preprocessed file is cut short, and its reader fails.",
    headline="{subject} tried to read a preprocessed file that is cut short.",
    findings={
        "no-truncated-file": "the error does not say that a file is cut short",
        "splits-are-shared": "others may be writing the splits at the same time",
    },
    remedies={
        "look-at-file": "Look at the file: its size, and when it was written.",
        "find-torn-json": "Find the JSON file that cannot be read.",
        "make-json-again": "Take that file from a copy, or plan the experiment again.",
        "check-disk-and-quota": "Check free space and quota: torn files usually come from a full disk.",
    },
)
ERROR_TEXTS = (
    "ValueError: mmap length is greater than file size",
    "_pickle.UnpicklingError: pickle data was truncated",
    "zipfile.BadZipFile: File is not a zip file",
    "EOFError: No data left in file",
)
PRESUPPOSES = ("nnunet",)

SHARED = against("exception.kind", one_of("splits"), "splits-are-shared", weight=2.0)

RULES = (
    needs("exception.truncated_file", is_true, "file-is-truncated", otherwise="no-truncated-file", weight=2.0),
    supports("exception.file", is_true, "file-named"),
    supports("workers.case", is_true, "case-in-hand", weight=0.5),
    against("unpack.raced", is_true, "another-starts", weight=1.5),
    SHARED,
    against("storage.kernel_errors", is_true, "storage-errors", weight=1.0),
)

FIND_TORN_JSON = 'for f in {preprocessed}/*.json; do python -m json.tool "$f" > /dev/null || echo "torn: $f"; done'
OFFERS = (
    Offer("look-at-file", "SAFE", "ls -l {preprocessed}/*/{case}*", has_case),
    PREPROCESS_CASE,
    Offer("find-torn-json", "SAFE", FIND_TORN_JSON, of_kind(*JSON_KINDS)),
    Offer("make-json-again", "CONSENT", None, of_kind("json"), of_nnunet=True),
    Offer("remove-torn-splits", "CONSENT", None, of_kind("splits")),
    Offer("check-disk-and-quota", "SAFE", "df -h {preprocessed}"),
    CONTINUE,
)
STOPS = True  # a restart would fail again: a person must act


# On a local disk no other machine writes the splits.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    file_system = evidence.fact("storage.fs_type").value
    is_alone = isinstance(file_system, str) and not is_remote(file_system)
    is_alone = is_alone and evidence.fact("unpack.raced").value is False
    return tuple(rule for rule in RULES if not (is_alone and rule is SHARED))
