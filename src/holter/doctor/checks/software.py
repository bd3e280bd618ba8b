"""Checks of versions, imports, and the requirements of torch.compile."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from holter.causes.cudnn_2d_host_leak import FIXED, cudnn_release
from holter.causes.threadpoolctl_version import is_old
from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Result, State, Survey
from holter.evidence.facts.gpu.fitting import NONE, SLOW_TORCH, slow_kernels
from holter.records import Message
from holter.sentences import define, define_all

define_all(
    {
        "doctor.python-environment.title": "nnU-Net and torch",
        "doctor.nnunet-version.title": "nnU-Net version",
        "doctor.known-bad-versions.title": "known bad versions",
        "doctor.torch-compile.title": "torch.compile",
        "doctor.python-environment.go": "nnU-Net {nnunet}, torch {torch}, Python {python}",
        "doctor.python-environment.missing": "[[{executable}|This Python]] (Python {python}) has no {names}.",
        "doctor.python-environment.missing.do": (
            "Activate the environment that nnU-Net is in, or name it: holter doctor --python PATH. To install nnU-Net "
            "there:"
        ),
        "doctor.python-environment.broken": "{name} cannot be imported[[ in {executable}]]: {why}",
        "doctor.python-environment.broken.do": "Install it again, best in a fresh environment.",
        "doctor.nnunet-version.go": "{version}",
        "doctor.nnunet-version.no-nnunet": "nnU-Net was not found",
        "doctor.nnunet-version.untried": "Holter has been tried with nnU-Net 2.5 to 2.8, not with {version}.",
        "doctor.nnunet-version.untried.do": "Holter will see less of the training; nnU-Net itself may be fine.",
        "doctor.supervision.title": "what Holter will see",
        "doctor.supervision.go": "steps, epochs, workers and checkpoints; workers can be replaced",
        "doctor.supervision.part": (
            "This nnU-Net has no {names}, which Holter wraps: {parts} will be seen from outside only."
        ),
        "doctor.supervision.part.do": (
            "Holter will still watch processes, log and machine. The first minute of a run says what it can see."
        ),
        "doctor.supervision.workers": "data workers",
        "doctor.supervision.steps": "steps and epochs",
        "doctor.supervision.checkpoints": "checkpoints",
        "doctor.supervision.no-nnunet": "nnU-Net was not found",
        "doctor.known-bad-versions.go": "none among {count} packages",
        "doctor.known-bad-versions.batchgenerators-fork": (
            "batchgenerators {version} with threadpoolctl kills or freezes data workers on some machines."
        ),
        "doctor.known-bad-versions.batchgenerators-fork.do": "Update batchgenerators.",
        "doctor.known-bad-versions.threadpoolctl-old": (
            "threadpoolctl {version} fails in every data worker on some machines."
        ),
        "doctor.known-bad-versions.threadpoolctl-old.do": "Update threadpoolctl.",
        "doctor.known-bad-versions.torch-conv3d": (
            "torch {version}: 3D convolutions in mixed precision are about four times slower."
        ),
        "doctor.known-bad-versions.torch-conv3d.do": "Install 2.8, or 2.10 and newer.",
        "doctor.known-bad-versions.cudnn-old": (
            "cuDNN {version}: slow 3D convolutions, and 2D validation takes more host memory with every epoch."
        ),
        "doctor.known-bad-versions.cudnn-old.do": "Update torch, which brings its cuDNN.",
        "doctor.known-bad-versions.numpy-torch": (
            "torch[[ {torch}]] cannot take arrays of numpy[[ {numpy}]]: every data worker would fail."
        ),
        "doctor.known-bad-versions.numpy-torch.do": "Install an older numpy, or torch 2.3 or newer.",
        "doctor.torch-compile.go": "{compiler}, Python.h, Triton, cache",
        "doctor.torch-compile.switched-off": "switched off (nnUNet_compile)",
        "doctor.torch-compile.no-cuda-torch": "no torch with CUDA",
        "doctor.torch-compile.no-compiler": (
            "nnU-Net compiles the network, and there is no C compiler: it would end in epoch 0."
        ),
        "doctor.torch-compile.no-compiler.do": "Install gcc, or switch compilation off (somewhat slower).",
        "doctor.torch-compile.old-compiler": "gcc {version} is too old for the code that torch.compile writes.",
        "doctor.torch-compile.old-compiler.do": "Install a newer gcc, or switch compilation off (somewhat slower).",
        "doctor.torch-compile.no-header": (
            "Python.h[[ of Python {python}]] is missing: torch.compile would end in epoch 0."
        ),
        "doctor.torch-compile.no-header.do": "Install python3-dev, or switch compilation off (somewhat slower).",
        "doctor.torch-compile.no-triton": "Triton is not installed: torch.compile would end in epoch 0.",
        "doctor.torch-compile.no-triton.do": (
            "Install the triton that belongs to this torch, or switch compilation off."
        ),
        "doctor.torch-compile.cache": "torch.compile cannot write to {path}[[: {why}]].",
        "doctor.torch-compile.cache.do": (
            "Set TORCHINDUCTOR_CACHE_DIR and TRITON_CACHE_DIR to another folder, or switch it off."
        ),
        "doctor.torch-compile.no-exec": (
            "{path} is mounted noexec: libraries that torch.compile builds there cannot be loaded."
        ),
        "doctor.torch-compile.no-exec.do": (
            "Set TMPDIR and TORCHINDUCTOR_CACHE_DIR to another folder, or switch it off."
        ),
    }
)

NO_VERSION = define("doctor.torch-compile.no-version", "{command} did not answer")

FALSE_WORDS = ("f", "false", "0", "no", "off")
# Versions of nnU-Net that were tested with Holter's hook.
TRIED = ((2, 5), (2, 8))
GCC_LEAST = 5  # older ones reject the C99 that Triton writes

Version = tuple[int, ...]


def version(text: str | None) -> Version | None:
    """Return the leading numbers: ``2.9.0+cu128`` is (2, 9, 0); None without any."""
    match = re.match(r"\d+(\.\d+)*", text or "")
    return tuple(int(part) for part in match[0].split(".")) if match else None


class Known(NamedTuple):
    """A version that is known to fail; its comment cites the source."""

    package: str
    bad: Callable[[str, Mapping[str, str]], bool]
    variant: str
    state: State
    setting: str


def _is_slow_torch(torch: str, versions: Mapping[str, str]) -> bool:
    # True for 2.9 unless its cuDNN has the fix; an unknown cuDNN counts as the old one of its wheels.
    return (version(torch) or ())[:2] == SLOW_TORCH and slow_kernels(torch, versions.get("cudnn")) != NONE


# If a cause judges a version too, its evidence decides here.
KNOWN: tuple[Known, ...] = (
    # batchgenerators#138, #136, nnUNet#2910: threadpool_limits around the fork kills or freezes workers on some nodes.
    Known(
        "batchgenerators",
        lambda now, versions: version(now) == (0, 25, 1) and "threadpoolctl" in versions,
        "batchgenerators-fork",
        "warn",
        "pip install -U batchgenerators",
    ),
    # nnUNet#1437, #1505, #2166, #2447: AttributeError in every worker.
    Known("threadpoolctl", lambda now, _: is_old(now), "threadpoolctl-old", "warn", "pip install -U threadpoolctl"),
    # pytorch#166122: 3D convolutions in mixed precision about four times slower; nnunetv2 2.8 excludes 2.9.*.
    Known("torch", _is_slow_torch, "torch-conv3d", "warn", "pip install 'torch!=2.9.*'"),
    # nnUNet#904, #469: host memory grows with every 2D validation; below 8.0.2 no tensor cores for 3D (pytorch#51206).
    Known("cudnn", lambda now, _: () < cudnn_release(now) < FIXED, "cudnn-old", "warn", "pip install -U torch"),
)


def python_environment(survey: Survey) -> Result:
    """Check that nnU-Net and torch can be imported."""
    software, packages = survey.software, survey.packages
    if software.python is None:
        return unknown("python-environment", software.why_unread)
    values = {"executable": software.executable, "python": software.python}
    missing = [name for name in ("nnunetv2", "torch") if name not in packages]
    if missing:
        setting = f"{software.executable} -m pip install nnunetv2"
        return result("no-go", "python-environment", "missing", setting=setting, names=tuple(missing), **values)
    for name, error in (("torch", software.why_no_torch), ("nnunetv2", software.nnunet_error)):
        if error is not None:
            return result("no-go", "python-environment", "broken", name=name, why=error, **values)
    if software.unread is not None:
        return unknown("python-environment", software.why_unread)
    return go("python-environment", nnunet=packages["nnunetv2"], torch=packages["torch"], **values)


def nnunet_version(survey: Survey) -> Result:
    """Check that Holter was tested with this version of nnU-Net."""
    text = survey.packages.get("nnunetv2")
    now = version(text)
    if now is None:
        return not_applicable("nnunet-version", "no-nnunet")
    if not TRIED[0] <= now[:2] <= TRIED[1]:
        return result("warn", "nnunet-version", "untried", version=text)
    return go("nnunet-version", version=text)


def supervision(survey: Survey) -> Result:
    """Check what the hook will find to wrap in this nnU-Net: by the source, not by its version."""
    parts = survey.software.unwrapped
    if "nnunetv2" not in survey.packages:
        return not_applicable("supervision", "no-nnunet")
    if not parts:
        return unknown("supervision", survey.software.why_unread or "no-package")
    lacking = {part: names for part, names in parts if names}
    if lacking:
        names = tuple(dict.fromkeys(name for some in lacking.values() for name in some))
        seen = tuple(Message(key=f"doctor.supervision.{part}") for part in lacking)
        return result("warn", "supervision", "part", names=names, parts=seen)
    return go("supervision")


def known_bad_versions(survey: Survey) -> Result:
    packages = survey.packages
    if not packages:
        return unknown("known-bad-versions", survey.software.why_unread or "no-package")
    cudnn = {} if survey.software.cudnn is None else {"cudnn": str(survey.software.cudnn)}
    versions = {**packages, **cudnn}
    for known in KNOWN:
        now = versions.get(known.package)
        if now is not None and known.bad(now, versions):
            return result(known.state, "known-bad-versions", known.variant, setting=known.setting, version=now)
    if survey.software.numpy_bridge is False:
        values = {"numpy": packages.get("numpy"), "torch": packages.get("torch")}
        return result("no-go", "known-bad-versions", "numpy-torch", setting="pip install 'numpy<2'", **values)
    return go("known-bad-versions", count=len(packages))


def torch_compile(survey: Survey) -> Result:
    """Check for compiler, Python.h, Triton and a cache: nnU-Net compiles the network by default."""
    software, off = survey.software, "export nnUNet_compile=f"
    if survey.asked.device == "cpu":
        return not_applicable("torch-compile", "on-cpu")
    if survey.variables.get("nnUNet_compile", "t").lower() in FALSE_WORDS:
        return not_applicable("torch-compile", "switched-off")
    if "torch" not in survey.packages or software.torch_cuda is None:
        return not_applicable("torch-compile", "no-cuda-torch")
    if software.compiler is None:
        return result("no-go", "torch-compile", "no-compiler", setting=off)
    compiler = version(software.compiler_version)
    if software.compiler.endswith("gcc") and compiler is not None and compiler[0] < GCC_LEAST:
        return result("no-go", "torch-compile", "old-compiler", setting=off, version=software.compiler_version)
    if software.python_header is False:
        return result("no-go", "torch-compile", "no-header", setting=off, python=software.python)
    if "triton" not in survey.packages:
        return result("no-go", "torch-compile", "no-triton", setting=off)
    for label in ("compile-cache", "triton-cache", "tmp"):
        folder = survey.folder(label)
        if folder is not None and folder.written is False:
            return result("no-go", "torch-compile", "cache", setting=off, path=folder.path, why=folder.write_error)
        if folder is not None and folder.no_exec:
            return result("no-go", "torch-compile", "no-exec", setting=off, path=folder.path)
    if compiler is None:
        return unknown("torch-compile", NO_VERSION(command=f"{software.compiler} -dumpversion"))
    return go("torch-compile", compiler=f"{software.compiler} {software.compiler_version}")


CHECKS = (python_environment, nnunet_version, supervision, known_bad_versions, torch_compile)
