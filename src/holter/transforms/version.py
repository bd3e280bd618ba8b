"""The versions of batchgeneratorsv2 that Holter's transforms were compared with.

They draw in the same way, but 0.3.4 turned rotations round, and 0.3.6 changed how labels are resampled. Holter's
transforms do what the installed one does (``spatial/spatial.py``). Another version may be another augmentation, and
equality cannot be promised.
"""

from __future__ import annotations

import importlib.metadata

from holter.errors import UntestedVersion, coded

PACKAGE = "batchgeneratorsv2"
TESTED = ("0.3.2", "0.3.3", "0.3.4", "0.3.5", "0.3.6")


def version_of(package: str) -> str | None:
    """Return the version of an installed package; None without one."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_version() -> str:
    """Return the installed version of batchgeneratorsv2; "none" without one."""
    return version_of(PACKAGE) or "none"


def is_older() -> bool:
    """Whether the installed version is not the newest one that was compared: then each training compares again."""
    return installed_version() != TESTED[-1]


def check_version(installed: str | None = None) -> None:
    """Raise UntestedVersion if the package (or the given version) is not one of those that were compared."""
    if installed is None:
        installed = installed_version()
    if installed not in TESTED:
        text = f"{PACKAGE} {installed} is installed; Holter's transforms were compared with {', '.join(TESTED)}"
        raise UntestedVersion(
            coded("transforms-untested", text, package=PACKAGE, installed=installed, tested=TESTED),
            safe="nnU-Net's own loader and transforms work as ever",
            next_step=f"pip install {PACKAGE}=={TESTED[-1]}, or train with --loader stock",
        )
