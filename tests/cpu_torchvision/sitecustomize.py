"""Lets `import torchvision` succeed beside a CPU-only torch. For tests: put this folder on PYTHONPATH.

nnU-Net searches all its trainers when it is asked for one by name, and one of them imports torchvision. The wheel of
torchvision is built for CUDA: its native library does not load beside a CPU torch, and registering its Python code
then fails, because the operators that the library declares are missing. We declare the two that are missed, without
an implementation; no training calls them.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

MISSED = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class DeclareOperators:
    """A finder that finds nothing; it acts once, just before torchvision is looked for."""

    library = None  # kept: operators vanish with the object that declared them

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            if torch.version.cuda is None:
                DeclareOperators.library = torch.library.Library("torchvision", "FRAGMENT")
                for operator in MISSED:
                    DeclareOperators.library.define(operator + SIGNATURE)


def run_next_sitecustomize():
    """Python imports one sitecustomize only: the one that this file hides runs as if it were not hidden."""
    here = Path(__file__).resolve().parent
    others = [folder for folder in sys.path if Path(folder or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, DeclareOperators())
run_next_sitecustomize()
