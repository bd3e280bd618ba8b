"""The parts that nnU-Net cuts out of a case, copied where they are read-only memory.

Preprocessed data of nnU-Net 2.5 and older (``.npz``) is unpacked to ``.npy`` and mapped read-only. From 2.7 on, nnU-Net
makes a tensor of the part that it needs without copying it, and its augmentation writes into that tensor: the worker
ends by SIGSEGV (docs/upstream.md, section 23). A copy has the same values, and every older version made one.

The line: https://github.com/MIC-DKFZ/nnUNet/blob/v2.8.1/nnunetv2/training/dataloading/data_loader.py#L176

Copied only where the user asked for healing: otherwise the training behaves as without Holter, and it is only told.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import permissions
from .remarks import remark
from .runtime import RUNTIME

NAME = "crop_and_pad_nd"  # of acvl_utils, as the data loader knows it


def patch_loader(module: ModuleType) -> None:
    """Have the data loader get memory that it can write to, or have it told that it does not."""
    if hasattr(module, NAME):  # nnU-Net 2.5 cuts in another way, and copies
        setattr(module, NAME, _writable(getattr(module, NAME), copies=permissions.is_allowed("workers")))


def _writable(original: Callable[..., Any], *, copies: bool) -> Callable[..., Any]:
    told: list[bool] = []

    @functools.wraps(original)
    def crop_and_pad_nd(*args: Any, **kwargs: Any) -> Any:
        part = original(*args, **kwargs)
        flags = getattr(part, "flags", None)  # tensors have none
        if flags is None or flags.writeable:
            return part
        if not told and RUNTIME.page.worker_index < 1:  # one worker speaks for all
            told.append(True)
            what, code = (
                ("read-only-data-copied", "read-only-copied") if copies else ("read-only-data", "read-only-handed-on")
            )
            RUNTIME.emit("note", what=what, say=[remark(code)])
        return part.copy() if copies else part

    return crop_and_pad_nd
