"""The kept tapes, each read, and diagnosed as it is, once a process: nothing changes a recording."""

from __future__ import annotations

import functools
from pathlib import Path

from holter.causes import diagnose_all
from holter.records import Diagnosis
from holter.tape import Recording
from holter.tape import read as read_tape

TAPES = Path(__file__).parents[1] / "tapes"
LOUD = sorted(path for path in TAPES.glob("*/*.holter") if path.parent.name != "quiet")
QUIET = sorted(TAPES.glob("quiet/*.holter"))


def cause_of(path: Path) -> str:
    return path.parent.name.replace("_", "-")


def name_of(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@functools.cache
def read(path: Path) -> Recording:
    return read_tape(path)


@functools.cache
def diagnosed(path: Path) -> tuple[Diagnosis, ...]:
    return diagnose_all(read(path))
