"""One case: its start, its fault, and the output that is allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from holter.demo.prepare import Prepared

SCRIPTS = Path(__file__).with_name("scripts")
TRAINERS = Path(__file__).with_name("trainers")
# nnU-Net searches all of its files for a trainer, and one of them imports torchvision, which may fail without CUDA.
SHIM = Path(__file__).parents[2] / "tests" / "cpu_torchvision"
NOT_NNUNET = ("nnU-Net", "nnUNet", "batchgenerators", "validation", "checkpoint", "验证")
ALWAYS = ("Windows", "WSL", "export process", "导出进程", "vGPU", "MIG")
CONTAINER = ("container", "容器")
RANKS = ("a rank", "ranks", "NCCL")
KILLED = (-9, 137)  # exit code of the process itself, and as a shell or Holter reports it
NAMED = r"\(score |no cause seen"  # the live line that ends the search for a cause


class Place(NamedTuple):
    """The folders for one run of a case."""

    folder: Path
    brains: Prepared
    packages: Path | None  # packages installed for this case only


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One start of one kind, healthy or broken."""

    name: str
    start: str  # which kind of start
    command: Callable[[Place], list[str]]
    main: str  # file name in the main process's command line
    summary: str
    strike: str | None = (
        None  # fault from outside: kill or freeze, "-", and worker, newest (worker), main or rank (the last)
    )
    breaks: bool = False  # without a fault from outside
    exit_codes: tuple[int, ...] = (0,)  # allowed exit codes of `holter run`; empty: the benchmark ends it
    causes: tuple[str, ...] = ()  # causes that may be named; if empty, only the fact may be reported
    says: tuple[str, ...] = ()  # patterns that the output of a broken case must match, live and by diagnose
    forbidden: tuple[str, ...] = ()  # words about things that this case does not have
    sees: tuple[str, ...] = ()  # patterns of what Holter can observe and do, by the tape or the printed line
    at_once: tuple[str, ...] = ()  # patterns of the output before the training has run
    at_end: tuple[str, ...] = ()  # patterns of the output after its end
    settles: bool = True  # it lasts longer than the first minute
    is_seen: bool = True  # recognised as a training: steps, epochs or nnU-Net's own log
    takes_c: bool = False  # its command resumes with --c
    older: bool = False  # the folder of the fold has whole checkpoints of an earlier training
    heal: bool = False
    heals: tuple[str, ...] = ()  # allowed actions with --heal, or proposals without
    attach: bool = False
    light: bool = False  # may run beside others
    quick: bool = True
    packages: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    needs_root: bool = False
    strikes_at: str | None = None  # break at this line of the training; None: when Holter has recognised the training
    watch_s: float = 45.0  # time to watch after the fault
    until: str = NAMED  # pattern of the live line that ends the wait

    @property
    def broken(self) -> bool:
        """Whether the case has a fault."""
        return self.breaks or self.strike is not None

    @property
    def ends(self) -> bool:
        """Whether it ends without the benchmark."""
        return bool(self.exit_codes)


def script(name: str, *words: str) -> list[str]:
    """Return the command of a program of ``scripts/``."""
    return [sys.executable, str(SCRIPTS / name), *words]


def beside(name: str) -> str:
    """Return a command of the present environment."""
    return str(Path(sys.executable).parent / name)


TRAIN = ("801", "3d_fullres", "0", "-tr", "nnUNetTrainerShort", "-device", "cpu")
