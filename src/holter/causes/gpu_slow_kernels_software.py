"""This PyTorch or cuDNN computes 3D convolutions with slow kernels.

What happens:  every epoch of every 3D data set takes 2 to 10 times as long as on the same GPU elsewhere, from the
               first one on, often after an upgrade. The GPU is fully used, CPU and disk are idle.
How we know:   versions: PyTorch 2.9.0 does not use cuDNN for 3D convolutions in half precision (by nnU-Net's author: 4
               times as slow as 2.8.0); 2.9.1 does only with cuDNN 9.15 or newer, which its wheels do not bring; cuDNN
               8.0.x has no tensor cores for them. Confirmed where epochs are evenly long and the GPU is busy all the
               time.
Looks like:    gpu-thermal-or-power (the clock is low); cpu-starved-augmentation (the training waits for batches);
               batch-size-cliff (only at one batch size); a slow-down in mid-run is never this.
What helps:    pip install "nvidia-cudnn-cu12>=9.15" beside PyTorch 2.9.1, or PyTorch 2.8 or 2.10 and later [CONSENT:
               other environment]. Smaller patches, fewer workers and disabling augmentation do not help.
Source:        pytorch issues 166122, 166643, 57115, 51206 and the notes of release 2.9.1; MIC-DKFZ/nnUNet issues 335,
               1086, 443, 764.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import Facts
from holter.causes.weigh import SYMPTOMS, Rule, against, at_least, is_false, is_true, one_of, symptom
from holter.evidence import Evidence

CAUSE = "gpu-slow-kernels-software"

SENTENCES = describe(
    CAUSE,
    title="Slow PyTorch or cuDNN",
    meaning="This PyTorch or cuDNN computes 3D convolutions with slow kernels.",
    findings={
        "epochs-flat": "all epochs take the same time",
        "is-2d": "the network is 2D: it has no 3D convolution",
        "kernels-are-fine": "these versions are not known to be slow ({detail})",
        "kernels-known-slow": "known to be slow: {value} ({detail})",
        "torch-known-slow": "PyTorch {value} is known for slow 3D convolutions",
    },
    remedies={
        "newer-cudnn": "Install cuDNN 9.15 or newer beside PyTorch 2.9.1; with 2.9.0, another PyTorch.",
        "other-torch": "Use a PyTorch that is not known to be slow: 2.8, or 2.10 and later.",
    },
)
PRESUPPOSES = ("gpu",)


# 2.9.0 and 2.9.1, of any build.
def _is_2_9(version: str) -> bool:
    return version.startswith("2.9.")


RULES = (
    Rule("software.torch", _is_2_9, "torch-known-slow", 2.0, group="version"),
    Rule("software.slow_kernels", lambda word: word != "none", "kernels-known-slow", 1.0, group="version"),
    Rule("gpu.utilization_ratio", at_least(0.9), "gpu-busy", 0.5, group="gpu"),
    Rule("epochs.shape", one_of("flat"), "epochs-flat", 0.5, group="flat"),
    against("software.slow_kernels", one_of("none"), "kernels-are-fine", fatal=True),
    against("plan.configuration", one_of("2d"), "is-2d", fatal=True),
    against("gpu.present", is_false, "no-gpu", fatal=True),
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=1.5),
    against("step.times_usual", at_least(1.3), "steps-got-slower", weight=1.5),
    against("gpu.throttled", is_true, "clock-explains", weight=1.5),
    *not_in("death", "stall", "creep", "unsaved"),
    symptom("new-gpu-slow"),
    symptom("slower-after-upgrade"),
)
ONLY_IF_SEEN = ("epochs.shape",)


# 2.9.0 uses no cuDNN for these convolutions, so a newer one changes nothing.
def _newer_cudnn_helps(facts: Facts) -> bool:
    torch = str(facts.get("software.torch") or "")
    return torch.startswith("2.9.") and not torch.startswith("2.9.0")


# PyTorch 2.8 is not affected, nor is 2.10: pytorch issue 166122.
def _is_of_2_9(facts: Facts) -> bool:
    return str(facts.get("software.torch") or "").startswith("2.9.")


OFFERS = (
    Offer("newer-cudnn", "CONSENT", "pip install 'nvidia-cudnn-cu12>=9.15'", _newer_cudnn_helps),
    Offer("other-torch", "CONSENT", "pip install 'torch==2.8.*'", _is_of_2_9),
    Offer("other-torch", "CONSENT", None, lambda facts: not _is_of_2_9(facts)),
)


FINE = against("software.slow_kernels", one_of("none"), "kernels-are-fine", weight=1.0)


# Versions only count after epochs were seen to be equally long. That Holter does not know a version as slow says
# little against somebody who has compared two.
def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    compared = evidence.fact(SYMPTOMS).value
    is_compared = isinstance(compared, tuple) and "slower-after-upgrade" in compared
    return tuple(FINE if is_compared and rule.text == FINE.text else rule for rule in RULES)
