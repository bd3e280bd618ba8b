"""Remedies about GPUs, compilation and several GPUs: more of ``table.REMEDIES``."""

from __future__ import annotations

from holter.remedies.table import CONTINUE, CONTINUE_ENDED, Offer

LOOK_AT_GPU = Offer("look-at-gpu", "SAFE", "nvidia-smi -q")
LOOK_AT_XIDS = Offer("look-at-kernel-log", "SAFE", "dmesg -T | grep -iE 'xid|nvrm'")
PLAN_FOR_GPU = Offer("plan-for-gpu", "CONSENT", "nnUNetv2_plan_experiment -h | grep -A2 gpu_memory_target")

OFFERS: dict[str, tuple[Offer, ...]] = {
    "batch-size-cliff": (Offer("planned-batch-size", "CONSENT"),),
    "compile-toolchain-broken": (
        Offer("without-compile", "CONSENT", "nnUNet_compile=f {continue}"),
        Offer("install-compiler", "ADVICE", "gcc --version; python3-config --includes"),
    ),
    "compile-warmup": (
        Offer("wait-for-compile", "SAFE"),
        Offer("keep-compile-cache", "SAFE", "export TORCHINDUCTOR_CACHE_DIR=$HOME/.cache/torchinductor"),
        Offer("without-compile", "CONSENT", "export nnUNet_compile=f"),
    ),
    "container-lost-gpu": (
        Offer("restart-container", "CONSENT"),
        CONTINUE,
        Offer("container-devices", "ADVICE"),
    ),
    "cuda-device-assert": (
        Offer("check-labels", "CONSENT", "nnUNetv2_plan_and_preprocess -h | grep -A2 verify_dataset_integrity"),
        Offer("blocking-launches", "CONSENT", "CUDA_LAUNCH_BLOCKING=1 {continue}"),
    ),
    "ddp-collective-timeout": (Offer("look-at-rank", "SAFE"), CONTINUE_ENDED),
    "gpu-driver-mismatch": (
        LOOK_AT_GPU,
        Offer("fitting-torch", "CONSENT"),
        Offer("newer-driver", "ADVICE"),
    ),
    "gpu-lost-or-gsp": (LOOK_AT_XIDS, LOOK_AT_GPU, Offer("restart-machine", "ADVICE"), CONTINUE),
    "gpu-oom-cpu-fallback": (Offer("wait-for-prediction", "SAFE"),),
    "gpu-out-of-memory": (
        Offer("unfragmented-memory", "CONSENT", "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"),
        PLAN_FOR_GPU,
        CONTINUE_ENDED,
    ),
    "gpu-slow-kernels-software": (
        Offer("newer-cudnn", "CONSENT", "pip install 'nvidia-cudnn-cu12>=9.15'", "newer_cudnn_helps"),
        Offer("other-torch", "CONSENT"),
    ),
    "mig-slice-too-small": (Offer("bigger-slice", "ADVICE", "nvidia-smi -L"), PLAN_FOR_GPU),
    "nccl-p2p-broken": (
        Offer("without-p2p", "CONSENT", "NCCL_P2P_DISABLE=1 {continue}"),
        Offer("iommu-through", "ADVICE", "sudo lspci -vvv | grep -i ACSCtl; cat /proc/cmdline"),
    ),
    "pcie-link-degraded": (
        Offer("look-at-link", "SAFE", "nvidia-smi --query-gpu=pcie.link.gen.current,pcie.link.gen.max,"
        "pcie.link.width.current,pcie.link.width.max,utilization.gpu --format=csv"),
        Offer("reseat-gpu", "ADVICE"),
    ),
    "vram-spill-to-host": (
        Offer("close-programs", "ADVICE"),
        Offer("no-sysmem-fallback", "CONSENT"),
        PLAN_FOR_GPU,
    ),
}  # fmt: skip
