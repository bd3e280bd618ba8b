"""Copy the crops that nnU-Net takes from a case if their memory is read-only.

Preprocessed data of nnU-Net 2.5 and older (``.npz``) is unpacked to ``.npy`` and mapped read-only. From 2.7 on, nnU-Net
makes a tensor of the crop without copying it, and its augmentation writes into that tensor: SIGSEGV kills the worker
(docs/upstream.md, section 23). A copy has the same values, and every older version made one.

The line: https://github.com/MIC-DKFZ/nnUNet/blob/v2.8.1/nnunetv2/training/dataloading/data_loader.py#L176

They are copied only if the user asked for healing. Otherwise the training behaves as without Holter, and the problem is
only reported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import permissions
from .remarks import remark
from .runtime import RUNTIME

NAME = "crop_and_pad_nd"  # of acvl_utils, as imported by the data loader


def patch_loader(module: ModuleType) -> None:
    """Make the data loader copy read-only crops, or only report them if healing is off."""
    if hasattr(module, NAME):  # nnU-Net 2.5 crops in another way, and copies
        setattr(module, NAME, _writable(getattr(module, NAME), copies=permissions.is_allowed("workers")))


def _writable(original: Callable[..., Any], *, copies: bool) -> Callable[..., Any]:
    reported: list[bool] = []

    @functools.wraps(original)
    def crop_and_pad_nd(*args: Any, **kwargs: Any) -> Any:
        part = original(*args, **kwargs)
        flags = getattr(part, "flags", None)  # tensors have none
        if flags is None or flags.writeable:
            return part
        if not reported and RUNTIME.page.worker_index < 1:  # one worker reports for all
            reported.append(True)
            what, code = (
                ("read-only-data-copied", "read-only-copied") if copies else ("read-only-data", "read-only-handed-on")
            )
            RUNTIME.emit("note", what=what, say=[remark(code)])
        return part.copy() if copies else part

    return crop_and_pad_nd
