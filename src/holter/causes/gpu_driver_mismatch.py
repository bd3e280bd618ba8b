"""Driver, CUDA version of PyTorch and GPU do not fit together.

What happens:  the training ends at its first CUDA call: the driver is too old for the CUDA version that PyTorch was
               built for, PyTorch has no code for this GPU ("no kernel image is available": too new a GPU, or one that
               CUDA 13 has dropped), or the driver was updated and the machine not restarted.
How we know:   the exception says so; and versions prove it: CUDA 11 needs driver 450, CUDA 12 driver 525, CUDA 13
               driver 580 or newer; compute capability 9.0 needs CUDA 11.8, 10 and 12 need CUDA 12.8, below 7.5 ends
               with CUDA 12; or NVML reports a version mismatch of driver and library.
Looks like:    container-lost-gpu (everything fits, the container may not open the device); a PyTorch for the CPU alone
               ("not compiled with CUDA enabled": install one with CUDA).
What helps:    a PyTorch built for what the driver can do [CONSENT]; a newer driver, or a restart after its update
               [ADVICE: administrator]. Another CUDA toolkit on the machine changes nothing: PyTorch brings its own.
Source:        NVIDIA, CUDA compatibility; MIC-DKFZ/nnUNet issue 764.
"""

from __future__ import annotations

from holter.causes.offers import LOOK_AT_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, is_false, needs, one_of
from holter.evidence import Evidence

CAUSE = "gpu-driver-mismatch"

SENTENCES = describe(
    CAUSE,
    title="Driver, CUDA and GPU do not fit",
    meaning="Driver, CUDA version of PyTorch and GPU do not fit together.",
    findings={
        "driver-too-old": "the driver is too old ({detail})",
        "driver-was-updated": "driver and library are of different versions ({detail})",
        "no-code-for-gpu": "PyTorch has no code for this GPU ({detail})",
        "versions-do-not-fit": "the exception says that versions do not fit",
        "versions-fit": "no exception says that versions do not fit",
    },
    remedies={
        "fitting-torch": "Install a PyTorch built for a CUDA version that this driver and GPU support.",
        "newer-driver": "Update the driver, or restart the machine after an update of it.",
    },
)
ERROR_TEXTS = (
    "Failed to initialize NVML: Driver/library version mismatch",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    "The NVIDIA driver on your system is too old",
    "RuntimeError: Found no NVIDIA driver on your system.",
)
PRESUPPOSES = ("gpu",)

RULES = (
    needs("exception.kind", one_of("cuda-mismatch"), "versions-do-not-fit", otherwise="versions-fit", weight=2.0),
    Rule("gpu.trouble", one_of("mismatch"), "driver-was-updated", 1.0, group="proof"),
    Rule("gpu.driver_fits", is_false, "driver-too-old", 0.5, group="proof"),
    Rule("gpu.capability_fits", is_false, "no-code-for-gpu", 0.5, group="proof"),
    *not_in("creep", "unsaved"),
)

OFFERS = (
    LOOK_AT_GPU,
    Offer("fitting-torch", "CONSENT"),
    Offer("newer-driver", "ADVICE"),
)
LADDER = (AGAIN,)


# A person may state that versions do not fit without the error that follows.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    if evidence.is_stated and evidence.fact("exception.kind").status == "unknown":
        return tuple(rule._replace(weight=2.0) if rule.group == "proof" else rule for rule in RULES[1:])
    return RULES
