"""The container has lost the right to open the GPU.

What happens:  "systemctl daemon-reload" on the host (an update is enough) writes the device rules of containers again,
               without those of the NVIDIA runtime. A running training continues; the next start in the
               same container fails: "Failed to initialize NVML: Unknown Error", "No CUDA GPUs are available".
How we know:   in a container, an exception of a missing GPU, and /dev/nvidiactl is there and may not be opened.
Looks like:    a container that was started without a GPU (no device file at all); gpu-driver-mismatch (after an update
               of the driver); gpu-lost-or-gsp (nvidia-smi fails on the host, too).
What helps:    restart the container, then continue with --c [CONSENT]. To prevent it, on the host: name the devices
               (--device=/dev/nvidiactl ...), NVIDIA Container Toolkit 1.18 or newer, or the cgroupfs driver [ADVICE:
               administrator]. Reinstalling PyTorch does not help.
Source:        nvidia-docker issues 1730, 1671; nvidia-container-toolkit issues 48, 251, 1227.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, against, is_false, needs, one_of, supports, symptom
from holter.evidence import Evidence

CAUSE = "container-lost-gpu"

SENTENCES = describe(
    CAUSE,
    title="The container has lost its GPU",
    meaning="The container is no longer allowed to open the GPU.",
    findings={
        "device-forbidden": "the device file is there and may not be opened ({detail})",
        "driver-closed": "the driver cannot be opened ({detail})",
        "error-of-missing-gpu": "the exception is one for a missing GPU",
        "in-a-container": "the training runs in a container ({value})",
        "in-no-container": "the training runs in no container",
    },
    remedies={
        "restart-container": "Restart the container; it gets its devices back.",
        "container-devices": "Name the GPU's devices to the container, or update the NVIDIA Container Toolkit.",
    },
)
ERROR_TEXTS = ("Failed to initialize NVML: Unknown Error",)
PRESUPPOSES = ("gpu", "container")

RULES = (
    needs("system.container", lambda kind: kind != "none", "in-a-container", otherwise="in-no-container", weight=0.75),
    Rule("exception.kind", one_of("gpu-missing"), "error-of-missing-gpu", 1.5, group="error"),
    Rule("gpu.trouble", one_of("forbidden"), "device-forbidden", 1.0, group="device"),
    supports("gpu.trouble", one_of("closed"), "driver-closed", weight=0.25),
    against("gpu.trouble", one_of("lost", "hung"), "gpu-is-lost", weight=1.5),
    *not_in("creep", "unsaved"),
    symptom("nvml-fails", weight=1.5),
    symptom("gone-after-a-while", weight=0.5),
)

OFFERS = (
    Offer("restart-container", "CONSENT"),
    CONTINUE,
    Offer("container-devices", "ADVICE"),
)
LADDER = (AGAIN,)

# A container without a GPU cannot have lost one.
NEVER_HAD = against("gpu.present", is_false, "no-gpu", weight=0.75)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    trouble, error = evidence.fact("gpu.trouble"), evidence.fact("exception.kind").value
    silent = trouble.value is None and error != "gpu-missing"
    return (*RULES, NEVER_HAD) if silent else RULES
