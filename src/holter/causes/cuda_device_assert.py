"""A label or index is outside its range: a check on the GPU failed, or the loss says so on the CPU.

What happens:  a label in the data is larger than the data set says (or a preprocessed file is damaged). A kernel that
               uses it as an index stops the whole GPU context: "CUDA error: device-side assert triggered". Every later
               call fails with the same words, so the traceback often points somewhere else. On the CPU the loss itself
               raises: "index 2 is out of bounds for dimension 1 with size 2", "Target 2 is out of bounds".
How we know:   the first exception says so; the printed assertion (file and condition, e.g. ScatterGatherKernel.cu and
               idx_dim < index_size) makes it certain that an index was out of range. After that, CUDA may report any
               other error ("an illegal memory access was encountered"): it is a consequence.
Looks like:    gpu-lost-or-gsp (a hardware error in the kernel log, another place each time, data verified);
               worker-exception (the damaged case fails already while it is read).
What helps:    nnUNetv2_plan_and_preprocess --verify_dataset_integrity; look for labels beyond those of dataset.json;
               preprocess again; CUDA_LAUNCH_BLOCKING=1 shows the true place [CONSENT: slow]. Another batch size or
               fewer workers only change the step at which it happens.
Source:        MIC-DKFZ/nnUNet issues 1435, 1043, 1230, 138, 807; tests/tapes/cuda_device_assert.
"""

from __future__ import annotations

from holter.causes.offers import Offer, no, of_kind
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, against, if_seen, is_false, is_true, needs, one_of, supports
from holter.evidence import Evidence

CAUSE = "cuda-device-assert"

SENTENCES = describe(
    CAUSE,
    title="Label or index out of range",
    meaning="A label or an index is outside its range.",  # on the GPU or the CPU
    variants={
        "meaning.device-assert": "A check on the GPU failed; most often a label is outside its range.",
        "meaning.label-range": "The data hold a label that the network has no class for.",
    },
    findings={
        "label-range": "the loss finds a label that is not among the network's classes",
        "device-assert": "the first exception is an assertion on the GPU",
        "no-device-assert": "no assertion failed on the GPU, and no label was out of range",
    },
    remedies={
        "check-labels": "Look for labels beyond those of dataset.json, then preprocess again.",
        "blocking-launches": "Run once with CUDA_LAUNCH_BLOCKING=1: the traceback then shows the true place.",
    },
)
ERROR_TEXTS = (
    "RuntimeError: CUDA error: device-side assert triggered",
    "Assertion `t >= 0 && t < n_classes` failed.",
    'Assertion `idx_dim >= 0 && idx_dim < index_size && "index out of bounds"` failed.',
)
LABEL = "label-range"

SAYS_SO = needs("exception.kind", one_of("cuda-assert"), "device-assert", otherwise="no-device-assert", weight=2.0)
ON_CPU = needs("exception.kind", one_of(LABEL), LABEL, otherwise="no-device-assert", weight=2.0)
PRINTED = supports("exception.kind", one_of("cuda-assert"), "device-assert", weight=2.0)

RULES = (
    SAYS_SO,
    supports("exception.kind", one_of(LABEL), LABEL, weight=0.0),
    Rule("exception.assertion", is_true, "assertion-printed", 1.0, group="assertion"),
    supports("exception.first", is_true, "first-exception", weight=0.5),
    against("gpu.xid_kind", one_of("gone", "memory"), "xid-hardware", weight=1.5),
    *not_in("creep", "unsaved"),
)

OFFERS = (
    Offer(
        "check-labels", "CONSENT", "nnUNetv2_plan_and_preprocess -h | grep -A2 verify_dataset_integrity", of_nnunet=True
    ),
    Offer("blocking-launches", "CONSENT", "CUDA_LAUNCH_BLOCKING=1 {continue}", no(of_kind(LABEL))),
)
LADDER = (AGAIN,)
DESCRIBED = (ON_CPU,)
NO_GPU = against("scope.gpu", is_false, "presupposes-gpu", fatal=True)


# The assertion itself says more than the CUDA errors that follow it. On the CPU the loss raises, and nothing is
# asserted: without a printed assertion nothing is certain.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    if evidence.fact("exception.kind").value == LABEL:
        return (ON_CPU, *(rule for rule in RULES[1:] if rule.fact != "gpu.xid_kind"))
    rules = (*RULES[1:], *if_seen(evidence, NO_GPU))
    is_printed = bool(evidence.fact("exception.assertion").value)
    is_said = SAYS_SO.test(evidence.fact("exception.kind").value)
    return (PRINTED if is_printed and not is_said else SAYS_SO, *rules)
