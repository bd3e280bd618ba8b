"""What one case is: what is started, how it is broken, and what may be said of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from holter.demo.prepare import Prepared

SCRIPTS = Path(__file__).with_name("scripts")
TRAINERS = Path(__file__).with_name("trainers")
# nnU-Net looks for a trainer in all of its files, and one of them imports torchvision, which may not load without CUDA.
SHIM = Path(__file__).parents[2] / "tests" / "cpu_torchvision"
NOT_NNUNET = ("nnU-Net", "nnUNet", "batchgenerators", "validation", "checkpoint", "验证")
ALWAYS = ("Windows", "WSL", "export process", "导出进程", "vGPU", "MIG")
CONTAINER = ("container", "容器")
RANKS = ("a rank", "ranks", "NCCL")
KILLED = (-9, 137)  # as the process itself ends, and as a shell or Holter tells it
NAMED = r"\(score |no cause seen"  # the live line that ends the search for a cause


class Place(NamedTuple):
    """Where a case is played."""

    folder: Path
    brains: Prepared
    packages: Path | None  # where what only this case needs was installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One start of one kind, healthy or broken."""

    name: str
    start: str  # which of the foreign starts
    command: Callable[[Place], list[str]]
    main: str  # a word of the main process's command line: its file
    summary: str
    strike: str | None = None  # kill or freeze, "-", and worker, main or rank (the last one): done from outside
    breaks: bool = False  # by itself
    exit_codes: tuple[int, ...] = (0,)  # one of which `holter run` ends with; none: the benchmark ends it
    causes: tuple[str, ...] = ()  # that may be named; where there are none, only the fact may be told
    says: tuple[str, ...] = ()  # patterns of what must be said of a broken one, live and by diagnose
    may_be_silent: bool = False  # broken, and yet nothing need be said: no stall can be told from a long pause
    forbidden: tuple[str, ...] = ()  # words that presuppose what is not there
    sees: tuple[str, ...] = ()  # patterns of the line about what can be seen and done
    at_once: tuple[str, ...] = ()  # patterns of what is said before the training has run
    at_end: tuple[str, ...] = ()  # patterns of what is said when it has ended
    settles: bool = True  # it lasts longer than the first minute
    is_seen: bool = True  # as a training: steps, epochs or nnU-Net's own log
    takes_c: bool = False  # its command goes on with --c
    older: bool = False  # whole checkpoints of an earlier training lie in the folder of the fold
    heal: bool = False
    heals: tuple[str, ...] = ()  # what may be done with --heal, or proposed without
    attach: bool = False
    light: bool = False  # beside others
    quick: bool = True
    packages: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    needs_root: bool = False
    strikes_at: str | None = None  # pattern of a line that the training prints; None: when it is seen what it is
    watch_s: float = 45.0  # after it was broken
    until: str = NAMED  # pattern of the live line after which nothing more is waited for

    @property
    def broken(self) -> bool:
        """Whether something goes wrong."""
        return self.breaks or self.strike is not None

    @property
    def ends(self) -> bool:
        """Whether it ends without the benchmark."""
        return bool(self.exit_codes)


def script(name: str, *words: str) -> list[str]:
    """A program of ``scripts/``."""
    return [sys.executable, str(SCRIPTS / name), *words]


def beside(name: str) -> str:
    """A command of the environment that this is run in."""
    return str(Path(sys.executable).parent / name)


TRAIN = ("801", "3d_fullres", "0", "-tr", "nnUNetTrainerShort", "-device", "cpu")
