"""blosc2 refuses to open or to write a preprocessed file on this system.

What happens:  on Windows, older versions of nnunetv2 open a .b2nd by memory map, which Windows denies; some pairs of
               versions cannot create an array ("Error while creating the NDArray", seen with nnunetv2 2.6.4), or no
               array of this size ("Could not build empty array").
How we know:   the first exception is one of these sentences. The system or a version known for it confirms.
Looks like:    truncated-preprocessed-file (an existing file is too short); disk-full-or-quota (no room to write).
What helps:    another version of nnunetv2 or blosc2, then preprocess again [CONSENT]; on Windows a newer nnunetv2
               (2.8 does not map files there) [CONSENT]. Some people open the files with 'r+' instead: then a
               crash can damage the data.
Source:        MIC-DKFZ/nnUNet issues 2723, 2771, 2838, 3003; python-blosc2 issue 392.
"""

from __future__ import annotations

from holter.causes.offers import PREPROCESS_CASE, Offer, is_one_of, no
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, is_true, one_of, only

CAUSE = "blosc2-io"

SENTENCES = describe(
    CAUSE,
    title="blosc2 refuses a file",
    meaning="blosc2 cannot open or write a preprocessed file with these versions on this system.",
    findings={
        "blosc2-refuses": "blosc2 refused to open or write a file",
        "version-known-for-it": "nnunetv2 {value} is known for it",
    },
    remedies={
        "other-versions": "Use other versions of nnunetv2 and blosc2, then preprocess again.",
    },
)
ERROR_TEXTS = ("RuntimeError: Error while creating the NDArray",)
PRESUPPOSES = ("nnunet",)

RULES = (
    Rule("exception.kind", one_of("blosc2-version"), "blosc2-refuses", 4.0, group="error"),
    Rule("system.os", one_of("windows"), "on-windows", 1.0, group="known"),
    Rule("software.nnunetv2", one_of("2.6.4"), "version-known-for-it", 1.0, group="known"),
    against("exception.truncated_file", is_true, "file-is-truncated", weight=1.5),
    against("disk.error", is_true, "disk-explains", weight=1.5),
    only("death"),
)

IS_2_6_4 = is_one_of("software.nnunetv2", "2.6.4")
OFFERS = (
    # The person of nnUNet issue 3003 went back to 2.6.0.
    Offer("other-versions", "CONSENT", "pip install 'nnunetv2==2.6.0'", IS_2_6_4, of_nnunet=True),
    Offer(
        "other-versions",
        "CONSENT",
        "pip install --upgrade nnunetv2 blosc2",
        no(IS_2_6_4),
        of_nnunet=True,
    ),
    PREPROCESS_CASE,
)
