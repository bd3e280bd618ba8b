"""The network does not fit into the GPU's memory, although no other process uses it.

What happens:  "CUDA out of memory" at the first step, after a change of plans, batch or patch size, or in the
               validation; sometimes later, when fragments of memory add up.
How we know:   the exception says so; the GPU's memory is full; every process that holds a good part of it is ours.
Looks like:    gpu-shared-or-zombie (others hold the memory, or a process that is gone); mig-slice-too-small (the "GPU"
               is a slice); gpu-oom-cpu-fallback (in the prediction: nnU-Net goes on); main-exception (a batch could
               not be page-locked: the same words, and pin_memory in the traceback); wsl2-limits (the same in WSL).
What helps:    PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True against fragments [CONSENT]; plan for this GPU:
               nnUNetv2_plan_experiment -gpu_memory_target, or a GPU with more memory [CONSENT: another network].
               nnUNet_n_proc_DA and RAM have nothing to do with it; cutting the batch size by hand changes the
               training.
Source:        MIC-DKFZ/nnUNet issue 316; PyTorch's notes on memory management.
"""

from holter.causes.offers import CONTINUE_ENDED, PLAN_FOR_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN, UNCOMPILED
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, one_of, supports

CAUSE = "gpu-out-of-memory"

SENTENCES = describe(
    CAUSE,
    title="Out of GPU memory",
    meaning="The network does not fit into the GPU's memory.",
    findings={
        "gpu-memory-is-ours": "all GPU memory in use is that of listed processes",
        "no-gpu-oom": "the exception is not about GPU memory",
    },
    remedies={
        "unfragmented-memory": "Let PyTorch grow its memory in place, so that it is not fragmented.",
    },
)
ERROR_TEXTS = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    "RuntimeError: CUDA error: out of memory",
)
PRESUPPOSES = ("gpu",)

RULES = (
    needs("exception.kind", one_of("cuda-oom"), "gpu-out-of-memory", otherwise="no-gpu-oom", weight=2.0),
    supports("gpu.memory_ratio", at_least(0.9), "gpu-memory-full", weight=1.0),
    Rule("gpu.zombie_bytes", at_most(0), "gpu-memory-is-ours", 1.0, group="own"),
    against("gpu.shared", one_of("memory"), "others-explain", weight=2.0),
    against("gpu.mig", is_true, "is-a-slice", weight=1.5),
    against("exception.pinned_memory", is_true, "pinning-failed", weight=1.5),
    *not_in("creep", "unsaved"),
)

OFFERS = (
    Offer("unfragmented-memory", "CONSENT", "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"),
    PLAN_FOR_GPU,
    CONTINUE_ENDED,
)
LADDER = (AGAIN, UNCOMPILED)
