"""Describe the training's Python and its torch; run as a file by that Python. Prints lines of JSON.

Standard library first; torch and nnU-Net are imported last, because that may fail, crash or take long. Each part is
printed as soon as it is known, so that a later crash loses nothing. Problems are codes, whose sentences are in
``probes.training.remarks``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from typing import Any

PACKAGES = (
    "torch", "nnunetv2", "batchgenerators", "batchgeneratorsv2", "acvl-utils", "dynamic-network-architectures",
    "threadpoolctl", "blosc2", "numpy", "scipy", "simpleitk", "triton", "nvidia-cudnn-cu11", "nvidia-cudnn-cu12",
    "nvidia-cudnn-cu13",
)  # fmt: skip
COMPILER_S = 5
# What Holter's hook wraps: part -> package, file, class, names that the class must define or use.
WRAPPED = {
    "workers": (
        "batchgenerators", "dataloading/nondet_multi_threaded_augmenter.py", "NonDetMultiThreadedAugmenter",
        ("__next__", "_start", "_finish", "_processes", "_queue", "results_loop_thread", "results_loop_queue",
         "abort_event", "initialized", "seeds"),
    ),
    "steps": (
        "nnunetv2", "training/nnUNetTrainer/nnUNetTrainer.py", "nnUNetTrainer",
        ("on_train_start", "on_train_epoch_start", "train_step", "on_validation_epoch_start", "validation_step",
         "on_epoch_end", "on_train_end", "run_training"),
    ),
    "checkpoints": (
        "nnunetv2", "training/nnUNetTrainer/nnUNetTrainer.py", "nnUNetTrainer", ("save_checkpoint", "load_checkpoint"),
    ),
}  # fmt: skip


def tell(**facts: Any) -> None:
    """Print one line of facts at once."""
    print(json.dumps(facts), flush=True)


def interpreter() -> dict[str, Any]:
    """Return Python, its packages, and the requirements of torch.compile except torch."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    header = os.path.join(sysconfig.get_paths()["include"], "Python.h")  # noqa: PTH118 - without pathlib's import
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "executable": sys.executable,
        "packages": sorted(versions.items()),
        "cpu_count": os.cpu_count(),
        "python_header": os.path.exists(header),  # noqa: PTH110
    }


def compiler() -> dict[str, Any]:
    """Return the compiler that Triton and Inductor would call, and its version."""
    for name in (os.environ.get("CC"), "gcc", "clang"):
        path = shutil.which(name) if name else None
        if path is None:
            continue
        try:
            done = subprocess.run(
                [path, "-dumpversion"], capture_output=True, text=True, timeout=COMPILER_S, check=False
            )
            version = done.stdout.strip() if done.returncode == 0 else None
        except (OSError, subprocess.TimeoutExpired):
            version = None
        return {"compiler": path, "compiler_version": version}
    return {"compiler": None, "compiler_version": None}


def wrapped() -> dict[str, Any]:
    """Return what each part of the hook will miss, from the source of the packages; nothing is imported."""
    missing = []
    for part, (package, file, name, names) in WRAPPED.items():
        try:
            found = importlib.util.find_spec(package)
            folder = next(iter(getattr(found, "submodule_search_locations", None) or ("",)))
            with open(os.path.join(folder, file), encoding="utf-8") as source:  # noqa: PTH118, PTH123
                tree = ast.parse(source.read())
        except (OSError, SyntaxError, ValueError, ImportError):
            missing.append((part, [f"{package}/{file}"]))
            continue
        cls = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)
        inside = [] if cls is None else list(ast.walk(cls))
        known = {node.name for node in inside if isinstance(node, ast.FunctionDef)}
        known |= {node.attr for node in inside if isinstance(node, ast.Attribute)}
        missing.append((part, [name] if cls is None else [each for each in names if each not in known]))
    return {"unwrapped": missing}


def torch_facts(device: str) -> dict[str, Any]:
    """Return how torch was built, and whether it can use the GPU."""
    try:
        torch = importlib.import_module("torch")
    except Exception as error:  # noqa: BLE001 - any error is the result
        return {"torch_error": f"{type(error).__name__}: {error}"[:400]}
    facts: dict[str, Any] = {
        "torch_cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None,
        "architectures": list(torch.cuda.get_arch_list()),
        "numpy_bridge": _bridge(torch),
    }
    return facts if device == "cpu" else {**facts, **_cuda(torch)}


def _bridge(torch: Any) -> bool:
    # numpy 2 with a torch that was built for numpy 1 ends every data worker.
    try:
        numpy = importlib.import_module("numpy")
        return int(torch.from_numpy(numpy.zeros(1, dtype="int16")).numel()) == 1
    except Exception:  # noqa: BLE001 - as above
        return False


def _cuda(torch: Any) -> dict[str, Any]:
    try:
        torch.cuda.init()
        devices = []
        for index in range(torch.cuda.device_count()):
            major, minor = torch.cuda.get_device_capability(index)
            devices.append((torch.cuda.get_device_name(index), major, minor))
        works, error = bool(devices), None if devices else {"code": "no-cuda-device"}
    except Exception as failure:  # noqa: BLE001 - the driver's own message helps most
        return {"cuda_works": False, "cuda_error": f"{type(failure).__name__}: {failure}"[:400]}
    return {"cuda_works": works, "cuda_error": error, "capabilities": devices}


def main() -> None:
    """Run as ``software_child.py cuda|cpu``."""
    sys.path.pop(0)  # our own folder: its modules must not hide the training's
    tell(**interpreter())
    tell(**compiler())
    tell(**wrapped())
    tell(**torch_facts(sys.argv[1]))
    try:
        importlib.import_module("nnunetv2")
    except Exception as error:  # noqa: BLE001 - as above
        tell(nnunet_error=f"{type(error).__name__}: {error}"[:400])


if __name__ == "__main__":
    main()
