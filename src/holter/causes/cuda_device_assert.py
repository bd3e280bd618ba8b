"""A check on the GPU failed: labels or indices are outside their range.

What happens:  a label in the data is larger than the data set says (or a preprocessed file is damaged). A kernel that
               uses it as an index stops the whole GPU context: "CUDA error: device-side assert triggered". Every later
               call fails with the same words, so the traceback often points somewhere else.
How we know:   the first exception says so; the printed assertion (file and condition, e.g. ScatterGatherKernel.cu and
               idx_dim < index_size) makes it certain that an index was out of range. After that, CUDA may report any
               other error ("an illegal memory access was encountered"): it is a consequence.
Looks like:    gpu-lost-or-gsp (a hardware error in the kernel log, another place each time, data verified);
               worker-exception (the damaged case fails already while it is read).
What helps:    nnUNetv2_plan_and_preprocess --verify_dataset_integrity; look for labels beyond those of dataset.json;
               preprocess again; CUDA_LAUNCH_BLOCKING=1 shows the true place [CONSENT: slow]. Another batch size or
               fewer workers only move the step at which it strikes.
Source:        MIC-DKFZ/nnUNet issues 1435, 1043, 1230, 138, 807; tests/tapes/cuda_device_assert.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, against, is_true, needs, one_of, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "cuda-device-assert"

SENTENCES = describe(
    CAUSE,
    title="Index out of range on the GPU",
    meaning="A check on the GPU failed; most often a label is outside its range.",
    findings={
        "device-assert": "the first exception is an assertion on the GPU",
        "no-device-assert": "no assertion failed on the GPU",
    },
    remedies={
        "check-labels": "Look for labels beyond those of dataset.json, then preprocess again.",
        "blocking-launches": "Run once with CUDA_LAUNCH_BLOCKING=1: the traceback then shows the true place.",
    },
)
PRESUPPOSES = ("gpu",)

SAYS_SO = needs("exception.kind", one_of("cuda-assert"), "device-assert", otherwise="no-device-assert", weight=2.0)
PRINTED = supports("exception.kind", one_of("cuda-assert"), "device-assert", weight=2.0)

RULES = (
    SAYS_SO,
    Rule("exception.assertion", is_true, "assertion-printed", 1.0, group="assertion"),
    supports("exception.first", is_true, "first-exception", weight=0.5),
    against("gpu.xid_kind", one_of("gone", "memory"), "xid-hardware", weight=1.5),
    *not_in("creep", "unsaved"),
)

OFFERS = (
    Offer("check-labels", "CONSENT", "nnUNetv2_plan_and_preprocess -h | grep -A2 verify_dataset_integrity"),
    Offer("blocking-launches", "CONSENT", "CUDA_LAUNCH_BLOCKING=1 {continue}"),
)
LADDER = (AGAIN,)


# The assertion itself says more than the CUDA errors that follow it.
def diagnose(evidence: Evidence) -> Verdict:
    is_printed = bool(evidence.fact("exception.assertion").value)
    is_said = SAYS_SO.test(evidence.fact("exception.kind").value)
    return weigh(CAUSE, evidence, (PRINTED, *RULES[1:]) if is_printed and not is_said else RULES)
