"""The versions of batchgeneratorsv2 that Holter's transforms were compared with.

Its segmentation sampling and the direction of its rotations changed between patch releases. So another version may be
another augmentation, and equality cannot be promised.
"""

from __future__ import annotations

import importlib.metadata

from holter.errors import UntestedVersion, coded

PACKAGE = "batchgeneratorsv2"
TESTED = ("0.3.6",)


def check_version(installed: str | None = None) -> None:
    """Raise UntestedVersion if the package (or the given version) is not one of those that were compared."""
    if installed is None:
        try:
            installed = importlib.metadata.version(PACKAGE)
        except importlib.metadata.PackageNotFoundError:
            installed = "none"
    if installed not in TESTED:
        text = f"{PACKAGE} {installed} is installed; Holter's transforms were compared with {', '.join(TESTED)}"
        raise UntestedVersion(
            coded("transforms-untested", text, package=PACKAGE, installed=installed, tested=TESTED),
            safe="nnU-Net's own loader and transforms work as ever",
            next_step=f"pip install {PACKAGE}=={TESTED[-1]}, or train with --loader stock",
        )
