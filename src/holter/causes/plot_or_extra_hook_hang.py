"""A step that the training does not need blocks it: drawing the network, drawing the progress, a tracking service.

What happens:  before epoch 0 nnU-Net tries to draw the network (hiddenlayer, graphviz), after each epoch it draws
               progress.png, and custom trainers talk to wandb or mlflow. With an unusual network or without a
               connection this may take forever.
How we know:   the training stands still and the stack of the main thread is in such a step.
Looks like:    compile-warmup (the main thread is in torch.compile); slow-storage (it writes to a dead mount).
What helps:    override plot_network_architecture in the trainer so that it does nothing [ADVICE]; WANDB_MODE=offline
               [CONSENT]; continue from the last checkpoint [CONSENT].
Source:        MIC-DKFZ/nnUNet issue 2470; tests/tapes/plot_or_extra_hook_hang.
"""

from __future__ import annotations

from holter.causes.offers import END_AND_CONTINUE, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, is_true, one_of, only, symptom

CAUSE = "plot-or-extra-hook-hang"

SENTENCES = describe(
    CAUSE,
    title="An optional step hangs",
    meaning="A step that the training does not need blocks it.",
    findings={
        "plot-failed": "the error comes from drawing the network",
    },
    remedies={
        "leave-out-plot": "Leave the step out: override plot_network_architecture, or WANDB_MODE=offline.",
    },
)

RULES = (
    Rule("main.extra_step", is_true, "main-in-extra-step", 3.0, group="step"),
    Rule("exception.kind", one_of("plot"), "plot-failed", 3.0, group="step"),
    against("workers.blocked", is_true, "worker-blocked", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("main.state", one_of("T", "t"), "main-stopped", fatal=True),
    only("death", "stall"),
    symptom("tracker", weight=1.5),
)
# nnU-Net draws and saves in turn: a disk that refuses writes, or a frozen run, explains both.
IF_KNOWN = (
    against("frozen.processes", is_true, "in-a-freezer", fatal=True),
    against("disk.error", is_true, "disk-explains", weight=3.0),
    against("disk.full", is_true, "disk-is-full", weight=3.0),
    against("disk.read_only", is_true, "disk-is-read-only", weight=3.0),
)

OFFERS = (
    Offer("leave-out-plot", "ADVICE"),
    END_AND_CONTINUE,
)
