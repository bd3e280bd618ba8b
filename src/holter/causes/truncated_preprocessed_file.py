"""A file in nnUNet_preprocessed is shorter than its header says or cannot be decoded.

What happens:  the worker that draws this case dies, after a random number of iterations; a restart helps until the
               case is drawn again. The file was cut when it was written: a full disk, a quota, an interrupted unpack.
How we know:   the exception is that of a short or undecodable file, in a worker's load_case, with the case in hand.
Looks like:    worker-exception of another kind; slow-storage and I/O errors (the file is whole, the mount is not).
What helps:    remove the files of that case and preprocess again [CONSENT]; look for a full disk or quota first.
Source:        MIC-DKFZ/nnUNet issues 291, 548, 1768, 2388, 2581, 2769; tests/tapes/truncated_preprocessed_file.
"""

from __future__ import annotations

from holter.causes.weigh import against, is_true, needs, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "truncated-preprocessed-file"
PRESUPPOSES = ("nnunet",)

RULES = (
    needs("exception.truncated_file", is_true, "file-is-truncated", otherwise="no-truncated-file", weight=2.0),
    supports("exception.file", is_true, "file-named"),
    supports("workers.case", is_true, "case-in-hand", weight=0.5),
    against("unpack.raced", is_true, "another-starts", weight=1.5),
    against("storage.kernel_errors", is_true, "storage-errors", weight=1.0),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
