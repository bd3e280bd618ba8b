"""The training waits for the GPU: batches are ready, and the main thread does not return from a native call.

What happens:  the main thread sits in a driver or library call within one training step; the workers have filled the
               queues and idle. Many causes look like this: vGPU licence, a lost GPU, NCCL, another process.
How we know:   the ready queue is full, the main thread is inside the step in native code, no worker works.
Looks like:    anything on the data side (the ready queue is empty then); vgpu-unlicensed, gpu-thermal-or-power and
               gpu-shared-or-zombie are the special cases in which the driver says why.
What helps:    nvidia-smi -q, dmesg for Xid lines, who else is on the GPU [ADVICE]; continue with --c when the GPU
               works again [CONSENT].
Source:        returnn issue 1486; open-gpu-kernel-modules issue 446; nnUNet issue 1343; tests/tapes/gpu_side_stall.
"""

from __future__ import annotations

from holter.causes.offers import END_AND_CONTINUE, LOOK_AT_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN, UNCOMPILED
from holter.causes.weigh import Rule, against, at_least, at_most, is_false, is_true, one_of, supports

CAUSE = "gpu-side-stall"

SENTENCES = describe(
    CAUSE,
    title="GPU stalled",
    meaning="Batches are ready; the training waits for the GPU.",
    findings={
        "worker-queue-full": "the workers' queue is full ({detail})",
        "workers-idle": "data workers at work: {value}",
        "xid-logged": "the kernel log names GPU errors: {value}",
    },
)
PRESUPPOSES = ("gpu",)

RULES = (
    Rule("main.waits_on", one_of("native-call"), "main-in-native-call", 2.0, group="main"),
    Rule("queue.ready", one_of("full"), "ready-queue-full", 2.0, group="queue"),
    Rule("queue.worker", one_of("full"), "worker-queue-full", 1.0, group="queue"),
    supports("workers.working", at_most(0), "workers-idle", weight=0.5),
    supports("gpu.kernel_errors", is_true, "xid-logged", weight=0.5),
    against(
        "main.waits_on", one_of("batch-queue", "export-result", "export-slot"), "main-waits-for-workers", fatal=True
    ),
    against("gpu.present", is_false, "no-gpu", weight=6.0),  # as much as all possible support
    against("queue.ready", one_of("empty"), "ready-queue-empty", weight=3.0),
    against("main.state", one_of("T", "t"), "main-stopped", fatal=True),
    against("gpu.licence_stage", one_of("unlicensed-restricted", "unlicensed"), "licence-explains", weight=2.0),
    against("gpu.licence_stage", one_of("unlicensed-unrestricted"), "licence-in-grace", weight=0.5),
    against("gpu.throttled", is_true, "clock-explains", weight=2.0),
    against("gpu.shared", one_of("slow"), "others-explain", weight=2.0),
    # Each has its own, more specific cause; below STRONG, because most machines have one GPU and no such reading.
    against("gpu.trouble", one_of("lost", "hung"), "gpu-is-lost", weight=1.5),
    against("ddp.behind", is_true, "rank-is-behind", weight=1.5),
    against("cpu.throttled_ratio", at_least(0.1), "quota-throttles", weight=2.0),
    against("wait.ratio", at_least(0.5), "waits-for-batches", weight=2.0),
    *not_in("death", "creep", "unsaved"),
)
IF_KNOWN = (against("main.extra_step", is_true, "main-in-extra-step", fatal=True),)

OFFERS = (
    LOOK_AT_GPU,
    Offer("look-at-kernel-log", "SAFE", "dmesg -T | grep -iE 'xid|nvrm'"),
    END_AND_CONTINUE,
)
LADDER = (AGAIN, UNCOMPILED)
# A GPU may recover (driver reset, licence), and the licence text, which separates causes, arrives late.
PATIENCE_S = 90.0
