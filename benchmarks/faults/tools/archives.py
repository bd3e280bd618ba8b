"""Preprocessed data as nnU-Net 2.5 and older stored it: ``python -m benchmarks.faults.tools.archives FOLDER``.

FOLDER is the folder of a configuration; every ``.b2nd`` in it becomes part of a ``.npz``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import blosc2
import numpy as np


def pack(folder: Path) -> None:
    """Pack all cases, as ``save_case`` of nnU-Net's ``nnUNetDatasetNumpy`` does."""
    for file in sorted(folder.glob("*.pkl")):
        image, seg = (file.with_name(f"{file.stem}{part}.b2nd") for part in ("", "_seg"))
        arrays = [np.asarray(blosc2.open(str(array))[:]) for array in (image, seg)]
        np.savez_compressed(file.with_suffix(".npz"), data=arrays[0], seg=arrays[1])
        image.unlink()
        seg.unlink()


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
