"""The choice of a loader, kept with the fold, so that restarts and ``--c`` do not measure again."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from holter import __version__
from holter.records import Text
from holter.trainer.settings import STOCK_WORKERS, usable_cpus
from holter.transforms.version import version_of

FILE = "holter_loader.json"
PACKAGES = ("torch", "nnunetv2", "batchgeneratorsv2", "batchgenerators")


def circumstances() -> dict[str, Any]:
    """Return the machine and the versions that a measurement depends on; if they differ, it is made again."""
    return {
        "host": socket.gethostname(),
        "cpus": usable_cpus(),
        STOCK_WORKERS: os.environ.get(STOCK_WORKERS),
        "holter": __version__,
        **{name: version_of(name) for name in PACKAGES},
    }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The loader that was chosen, the reason, and the measured speeds."""

    loader: Literal["stock", "holter"]
    reason: str  # a key of sentences.py: "faster", "not-faster", "undecided", "different", "failed", "ranks"
    detail: Text = ""  # what differs, or what failed; in files of an older Holter a string in English
    threads: int | None = None  # of Holter's loader
    stock: float | None = None  # batches per second
    holter: float | None = None
    at_least: float | None = None  # how many times as fast as stock, lower 95 % bound
    transforms: int | None = None  # that were proved equal
    took_s: float | None = None
    made_in: dict[str, Any] = field(default_factory=circumstances)

    def keep(self, folder: Path) -> None:
        """Write the choice to the fold's folder; do nothing if that fails."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{FILE}.{os.getpid()}"
            partial.write_text(json.dumps(msgspec.to_builtins(self), indent=2) + "\n", encoding="utf-8")
            partial.replace(folder / FILE)
        except OSError:
            pass  # it is measured again next time


def kept(folder: Path) -> Choice | None:
    """Return the choice that was made for this fold in the same circumstances, or None."""
    try:
        choice = msgspec.convert(json.loads((folder / FILE).read_text(encoding="utf-8")), type=Choice)
    except (OSError, ValueError):
        return None
    return choice if choice.made_in == circumstances() else None
