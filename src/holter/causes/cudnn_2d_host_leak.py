"""An old cuDNN leaks host memory in 2D configurations until the training is killed.

What happens:  with cuDNN 7.6 the main process grows with every epoch of a 2d configuration, most of all in the
               validation. After 4 to 400 epochs the kernel kills it, and only "Killed" is printed. 3d_fullres runs well
               on the same machine.
How we know:   cuDNN is older than 8.0.2 (or PyTorch older than 1.7, which came with it), the configuration is 2d, and
               the memory of the main process, not of its workers, rises all the time. All three together confirm it.
Looks like:    copy-on-read-growth (the workers grow); malloc-arena-retention (the main process grows with any cuDNN);
               ram-oom-train-worker (the same end for any reason).
What helps:    upgrade PyTorch, which brings a newer cuDNN [CONSENT]; until then continue with --c after each death
               [CONSENT]. More memory only makes it last longer.
Source:        MIC-DKFZ/nnUNet issues 904, 469, 187, 316.
"""

from __future__ import annotations

from holter.causes.offers import END_AND_CONTINUE, Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, one_of, release, symptom

CAUSE = "cudnn-2d-host-leak"

SENTENCES = describe(
    CAUSE,
    title="Old cuDNN leaks memory",
    meaning="With this old cuDNN the main process grows in every epoch of a 2d training.",
    findings={
        "configuration-is-2d": "the configuration is {value}",
        "configuration-is-3d": "the configuration is {value}, not 2d",
        "cudnn-is-new": "cuDNN is {value}, which does not leak in this way",
        "cudnn-is-old": "cuDNN is {value}, older than 8.0.2",
        "torch-is-old": "PyTorch is {value}, which came with an old cuDNN",
    },
    remedies={
        "upgrade-torch": "Upgrade PyTorch, which brings a newer cuDNN.",
    },
)
PRESUPPOSES = ("gpu",)

FIXED = (8, 0, 2)
# PyTorch 1.7 is the first version built for CUDA 11 and so for cuDNN 8.
FIRST_TORCH = (1, 7)


def cudnn_release(version: str) -> tuple[int, ...]:
    """Return the numbers of a cuDNN version; PyTorch writes 7605 for 7.6.5 and, since version 9, 90100 for 9.1.0."""
    parts = release(version)
    if len(parts) == 1 and parts[0] >= 1000:
        major = 10000 if parts[0] >= 90000 else 1000
        parts = (parts[0] // major, parts[0] % major // 100, parts[0] % 100)
    return parts


def is_old_torch(version: str) -> bool:
    """Return whether this PyTorch came with a cuDNN before version 8."""
    return () < release(version) < FIRST_TORCH


def is_2d(configuration: str) -> bool:
    """Return whether this is nnU-Net's 2d configuration, or one with a name that starts with it."""
    return configuration.startswith("2d")


RULES = (
    Rule("software.cudnn", lambda version: () < cudnn_release(version) < FIXED, "cudnn-is-old", 3.0, group="version"),
    Rule("software.torch", is_old_torch, "torch-is-old", 1.0, group="version"),
    Rule("plan.configuration", is_2d, "configuration-is-2d", 1.0, group="configuration"),
    Rule("memory.grows_in", one_of("main", "both"), "main-grows", 1.5, group="growth"),
    against("software.cudnn", lambda version: cudnn_release(version) >= FIXED, "cudnn-is-new", fatal=True),
    against("plan.configuration", lambda name: not is_2d(name), "configuration-is-3d", fatal=True),
    against("memory.grows_in", one_of("workers", "none"), "main-does-not-grow", weight=2.0),
    against("episode.kind", one_of("slow-down", "stall", "unsaved"), "no-memory-episode", fatal=True),
    symptom("host-leak"),
)

OFFERS = (Offer("upgrade-torch", "CONSENT", "pip install --upgrade 'torch>=1.7'"), END_AND_CONTINUE)
