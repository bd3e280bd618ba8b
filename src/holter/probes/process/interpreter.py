"""Versions of the packages of a running Python, read from its folders; it executes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from holter.linux.procfs import read_text
from holter.patterns import later

# Normalised name -> name on the tape. Other packages have no effect on stalls.
PACKAGES = (
    "torch", "nnunetv2", "batchgenerators", "batchgeneratorsv2", "acvl-utils", "dynamic-network-architectures",
    "threadpoolctl", "blosc2", "numpy", "scipy", "simpleitk", "triton", "nvidia-cudnn-cu11", "nvidia-cudnn-cu12",
    "nvidia-cudnn-cu13", "nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13", "fft-conv-pytorch",
)  # fmt: skip
_SITE_FOLDERS = ("site-packages", "dist-packages")
_INFO = later(r"^(?P<name>[A-Za-z0-9_.]+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$")
_PYTHON_FOLDER = later(r"python(\d+\.\d+)t?$")


def package_versions(
    pid: int | None, variables: Mapping[str, str], command: Sequence[str], proc: Path = Path("/proc")
) -> tuple[tuple[str, str], ...]:
    """Return ``(name, version)`` of Python, of torch's CUDA, and of each package of ``PACKAGES`` that is installed.

    ``pid``: the process, None if there is none yet; ``variables`` and ``command``: its environment and command line, by
    which its packages are found. What is not found is left out.
    """
    view = _View(pid, proc)
    sites = list(dict.fromkeys(_sites(view, variables, command)))
    versions: dict[str, str] = {}
    for site in sites:
        for name, version in _installed(site):
            versions.setdefault(name, version)
    python = _python_version(view, sites)
    named = [("python", python)] if python else []
    named += [(name, versions[name]) for name in PACKAGES if name in versions]
    cuda = _cuda_of_torch(sites)
    return tuple(named + ([("cuda", cuda)] if cuda else []))


class _View:
    """Paths as the training sees them; in a container its root differs from ours."""

    def __init__(self, pid: int | None, proc: Path) -> None:
        self.process = proc / str(pid) if pid is not None else None

    def path(self, path: str | Path) -> Path:
        """Return our path of what the training calls ``path``."""
        if self.process is not None:
            inside = self.process / "root" / str(path).lstrip("/")
            try:
                if inside.exists():
                    return inside
            except OSError:
                pass
        return Path(path)

    def mapped_files(self) -> list[str]:
        """Return the files mapped into the process: its libraries and extension modules."""
        lines = (read_text(self.process / "maps") or "").splitlines() if self.process else []
        fields = (line.split(maxsplit=5) for line in lines)
        return list(dict.fromkeys(field[5] for field in fields if len(field) == 6 and field[5].startswith("/")))

    def executable(self) -> str | None:
        """Return the path of the interpreter, links resolved by the kernel; None if it cannot be read."""
        try:
            return str((self.process / "exe").readlink()) if self.process else None
        except OSError:
            return None


def _sites(view: _View, variables: Mapping[str, str], command: Sequence[str]) -> Iterator[Path]:
    # Package folders, the surest first: where loaded modules are, then what the settings say.
    for file in view.mapped_files():
        for parent in Path(file).parents:
            if parent.name in _SITE_FOLDERS:
                yield view.path(parent)
                break
    for folder in variables.get("PYTHONPATH", "").split(":"):
        if folder:
            yield view.path(folder)
    for prefix in _prefixes(view, variables, command):
        yield from sorted(view.path(prefix).glob("lib/python3*/*-packages"))


def _prefixes(view: _View, variables: Mapping[str, str], command: Sequence[str]) -> Iterator[Path]:
    # A console script is beside the interpreter of its environment; /proc/PID/exe is already resolved out of a venv.
    for word in command[:2]:
        path = Path(word)
        if path.is_absolute() and path.parent.name == "bin":
            yield path.parent.parent
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if variables.get(name):
            yield Path(variables[name])
    executable = view.executable()
    if executable:
        yield Path(executable).parent.parent
    if variables.get("HOME") and not variables.get("PYTHONNOUSERSITE"):
        yield Path(variables["HOME"]) / ".local"


def _installed(site: Path) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(entry.name for entry in site.iterdir())
    except OSError:
        return
    for name in names:
        match = _INFO.match(name)
        if match:
            yield re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"]


def _python_version(view: _View, sites: Sequence[Path]) -> str | None:
    # The full version if the environment or the headers have it, else the two numbers in a folder's name.
    short = next((match[1] for site in sites if (match := _PYTHON_FOLDER.search(site.parent.name))), None)
    executable = view.executable()
    if executable:
        prefix = view.path(Path(executable).parent.parent)
        for header in sorted(prefix.glob("include/python3*/patchlevel.h")):
            match = re.search(r'#define PY_VERSION\s+"([^"]+)"', read_text(header) or "")
            if match and (short is None or match[1].startswith(f"{short}.")):
                return match[1]
    for site in sites:
        match = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", _venv_text(site), re.MULTILINE)
        if match:
            return match[1]
    return short


def _venv_text(site: Path) -> str:
    return read_text(site.parent.parent.parent / "pyvenv.cfg") or ""


def _cuda_of_torch(sites: Sequence[Path]) -> str | None:
    for site in sites:
        match = re.search(r"^cuda\b[^=]*=\s*'([\d.]+)'", read_text(site / "torch/version.py") or "", re.MULTILINE)
        if match:
            return match[1]
    return None
