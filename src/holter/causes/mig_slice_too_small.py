"""The "GPU" is a MIG slice, and the slice is too small.

What happens:  the GPU is divided into slices (MIG); the training sees one of them as its whole GPU. nnU-Net's plans
               want a GPU of 10 GB; a slice like 1g.5gb has half of that and a seventh of the cores: it ends with "CUDA
               out of memory", or trains many times slower than the name of the GPU promises.
How we know:   MIG is on, the slice of this run has less than 10 GB, and the exception is a lack of GPU memory. That a
               slice is only slow cannot be seen from outside.
Looks like:    gpu-out-of-memory (a whole GPU); gpu-shared-or-zombie (slices do not share memory: others do no harm).
What helps:    ask for a bigger slice or a whole GPU [ADVICE]; plan for the slice: nnUNetv2_plan_experiment
               -gpu_memory_target [CONSENT: another network]. nnUNet_n_proc_DA does not help.
Source:        nnU-Net's notes on hardware (10 GB); NVIDIA's MIG user guide.
"""

from __future__ import annotations

from holter.causes.offers import PLAN_FOR_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN, UNCOMPILED
from holter.causes.weigh import Rule, at_least, is_true, needs, one_of, supports

CAUSE = "mig-slice-too-small"

SENTENCES = describe(
    CAUSE,
    title="MIG slice too small",
    meaning="The GPU is divided, and the slice of this training is too small.",
    findings={
        "is-no-slice": "the GPU is not divided into MIG slices",
        "slice-is-small": "the slice of this run is smaller than nnU-Net asks for",
    },
    remedies={
        "bigger-slice": "Ask for a bigger slice or a whole GPU.",
    },
)
ERROR_TEXTS = ("MIG 1g.5gb: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",)
PRESUPPOSES = ("gpu",)

# GPU memory for which nnU-Net's default plans are made.
NEEDED_BYTES = 10e9

RULES = (
    needs("gpu.mig", is_true, "is-a-slice", otherwise="is-no-slice", weight=1.0),
    Rule("gpu.slice_bytes", lambda size: bool(size < NEEDED_BYTES), "slice-is-small", 1.0, group="small"),
    Rule("exception.kind", one_of("cuda-oom"), "gpu-out-of-memory", 1.0, group="want"),
    supports("gpu.memory_ratio", at_least(0.9), "gpu-memory-full", weight=0.5),
    *not_in("creep", "unsaved"),
)
# A small, mostly full slice only counts after it refused memory.
ONLY_IF_SEEN = ("exception.kind",)

OFFERS = (Offer("bigger-slice", "ADVICE", "nvidia-smi -L"), PLAN_FOR_GPU)
LADDER = (AGAIN, UNCOMPILED)
