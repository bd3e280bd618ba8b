"""Somebody else uses our GPU, or its memory is held by a process that is gone.

What happens:  from one moment on steps take much longer, at full clock and full utilisation, because another process
               computes on the same GPU; or the training ends with "CUDA out of memory" although it fits alone. In
               exclusive mode a second process gets nothing: "all CUDA-capable devices are busy or unavailable".
How we know:   NVML lists a compute process that is not of this run on a GPU that this run uses, and steps became slower
               while batches were ready; or the GPU has no memory left, and a good part of it is held by other processes
               or by none that is listed; PyTorch's own "CUDA out of memory" shows that too. Processes of another
               container may not be listed: unknown, not alone.
Looks like:    gpu-thermal-or-power (the clock is low); gpu-side-stall (nothing moves at all); a batch or a network that
               is too large by itself ("CUDA out of memory" with nobody else there: gpu-out-of-memory);
               vgpu-unlicensed (its last stage refuses in the same words).
What helps:    ask who it is and who may use the GPU; exclusive mode (nvidia-smi -c EXCLUSIVE_PROCESS) [ADVICE:
               administrator]; end your own leftover process [CONSENT]. The training goes on when it has the GPU again.
Source:        MIC-DKFZ/nnUNet issues 316, 469, 1343, 2814; tests/tapes/gpu_shared_or_zombie (readings by the NVML
               library of the tests).
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer, Wait, ask
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, is_true, needs, one_of, supports, symptom
from holter.evidence import Evidence

CAUSE = "gpu-shared-or-zombie"

SENTENCES = describe(
    CAUSE,
    title="GPU shared with others",
    meaning="Somebody else uses the GPU, or its memory is held by a process that is gone.",
    findings={
        "gpu-is-ours": "sharing the GPU does not explain it",
        "gpu-is-shared": "the GPU is shared ({detail})",
        "memory-of-nobody": "GPU memory that no listed process holds: {size}",
        "others-on-gpu": "others use this GPU: {value}",
    },
    remedies={
        "who-is-on-gpu": "See who is on the GPU.",
        "end-leftovers": "End leftovers of your own earlier runs on this GPU.",
    },
    ask={
        "": (
            "Our training runs on [[{gpu} of {host}|{gpu}|a GPU of {host}|a GPU]], and others compute on the same "
            "GPU[[: {others}]]. Please end or move them, or give us a GPU of our own; exclusive mode (nvidia-smi -c"
            " EXCLUSIVE_PROCESS) keeps others away."
        ),
        "gone": (
            "On [[{gpu} of {host}|{gpu}|a GPU of {host}|a GPU]], [[{held:bytes} of memory are|memory is]] in use "
            "although no process that nvidia-smi lists holds it: probably one that has ended or hangs. Please look "
            "for who still has the device open (fuser -v /dev/nvidia*) and end it, or reset the GPU (nvidia-smi "
            "--gpu-reset) when nobody uses it."
        ),
    },
)
PRESUPPOSES = ("gpu",)

REFUSED = supports("exception.kind", one_of("cuda-refused"), "cuda-refuses")

RULES = (
    needs("gpu.shared", one_of("slow", "memory"), "gpu-is-shared", otherwise="gpu-is-ours", weight=2.0),
    supports("gpu.foreign_processes", is_true, "others-on-gpu"),
    supports("gpu.zombie_bytes", at_least(1), "memory-of-nobody"),
    supports("exception.cuda_oom", is_true, "gpu-out-of-memory", weight=0.5),
    supports("step.times_usual", at_least(1.3), "steps-got-slower", weight=0.5),
    REFUSED,
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=1.0),
    against("gpu.throttled", is_true, "clock-explains", weight=1.0),
    *not_in("creep", "unsaved"),
    symptom("others-use-gpu"),
    symptom("gpu-memory-held"),
)

WHO_IS_ON_GPU = "nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv"


OFFERS = (
    Offer("who-is-on-gpu", "SAFE", WHO_IS_ON_GPU),
    ask(lambda facts: None if facts.get("gpu.foreign_processes") else "gone"),
    Offer("end-leftovers", "CONSENT"),
    CONTINUE_ENDED,
)
# Another process may have been on the GPU all the time: a momentary shortage is worth another try.
WAITS = Wait("gpu-alone", may_be_momentary=True)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    is_refused = REFUSED.test(evidence.fact("exception.kind").value)
    return RULES if is_refused else tuple(rule for rule in RULES if rule != REFUSED)
