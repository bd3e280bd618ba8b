"""Checkpoints of a results folder: find the intact ones, choose one to resume from, and make nnU-Net load it.

``nnUNetv2_train --c`` loads ``checkpoint_final.pth``, else ``checkpoint_latest.pth``, else ``checkpoint_best.pth``,
and fails on a torn one. ``prepare_to_continue`` changes the folder so that nnU-Net finds the newest good one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from ..remarks import Remark, remark
from .verify import Checked, verify

__all__ = ["Checked", "Prepared", "candidates", "newest_good", "prepare_to_continue", "set_aside", "verify"]

FINAL, LATEST, PREVIOUS, BEST = (
    "checkpoint_final.pth",
    "checkpoint_latest.pth",
    "checkpoint_latest.previous.pth",
    "checkpoint_best.pth",
)
TEMPORARY = ".holter-tmp"  # suffix of the file that is being written
Problem = tuple[Path, Remark]


class Prepared(NamedTuple):
    """What ``--c`` will load, and what was changed for it.

    ``problems`` are the bad files with their reasons; ``unread`` those that cannot be read now and stay in place.
    """

    used: Path | None
    set_aside: tuple[Path, ...] = ()
    copied: bool = False
    problems: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()


def candidates(folder: Path) -> list[Path]:
    """List the existing checkpoints in the order in which to try them: the final one, then newest epoch first.

    ``checkpoint_best.pth`` may be newer than the latest one. A file whose epoch cannot be read is torn; it comes
    before the others, since it was probably the newest.
    """
    quick = [(folder / name, verify(folder / name, crc=False)) for name in (LATEST, PREVIOUS, BEST)]
    present = [(path, checked) for path, checked in quick if checked.kind != "missing"]
    present.sort(key=lambda entry: _age(entry[1]))  # stable: at the same epoch the latest comes first
    final = [folder / FINAL] if os.path.lexists(folder / FINAL) else []
    return [*final, *(path for path, _ in present)]


def _age(checked: Checked) -> tuple[int, int]:
    return (1, -(checked.current_epoch or 0)) if checked.ok else (0, 0)


def newest_good(folder: Path, began: float | None = None) -> tuple[Path | None, list[Problem]]:
    """Return the newest intact checkpoint, every byte verified, and the damaged ones that were tried before it.

    Changes nothing, and is safe while a training uses the folder. ``began``: see ``prepare_to_continue``.
    """
    chosen, bad = _search(folder, began)
    return chosen, [(path, _problem(checked)) for path, checked in bad]


def _search(folder: Path, began: float | None = None) -> tuple[Path | None, list[tuple[Path, Checked]]]:
    bad: list[tuple[Path, Checked]] = []
    for path in candidates(folder):
        if began is not None and _is_earlier(path, began):
            continue
        checked = verify(path)
        if checked.ok:
            return path, bad
        bad.append((path, checked))
    # Not torn, but written by a torch newer than this reader knows: better than starting from zero.
    strange = next((entry for entry in bad if entry[1].kind == "strange"), None)
    return strange[0] if strange else None, [entry for entry in bad if entry is not strange]


def set_aside(path: Path, why: str = "torn") -> Path:
    """Rename to the first free of ``NAME.torn-1``, ``NAME.torn-2`` and so on; raises OSError if it cannot."""
    number = 1
    while os.path.lexists(new := path.with_name(f"{path.name}.{why}-{number}")):
        number += 1
    path.rename(new)
    return new


def _is_earlier(path: Path, began: float) -> bool:
    try:
        return path.stat().st_mtime < began
    except FileNotFoundError:
        return False


def _put_earlier_away(folder: Path, began: float) -> None:
    for path in (folder / name for name in (FINAL, LATEST, PREVIOUS, BEST)):
        if _is_earlier(path, began):
            set_aside(path, "earlier")


def prepare_to_continue(folder: Path, began: float | None = None) -> Prepared:
    """Make ``--c`` load the newest good checkpoint. No other process may be using the folder.

    ``began``: when the training to be resumed started, in seconds of ``time.time()``, if it started from zero.
    Checkpoints last written before that belong to an earlier training. ``--c`` would load its final one, so they are
    renamed ``NAME.earlier-1``.
    A file that cannot be read now may be intact: it stays in place. It is renamed (``NAME.unread-1``, never torn) only
    if nnU-Net would load it before the good one.
    If none is good, nothing more is moved: ``--c`` fails loudly on a torn file and starts from zero without one.
    Raises OSError if the folder has to be changed and cannot be.
    """
    for left in folder.glob("checkpoint_*.pth" + TEMPORARY):
        with contextlib.suppress(OSError):
            left.unlink()
    if began is not None:
        _put_earlier_away(folder, began)
    used, bad = _search(folder)
    problems = tuple((path, _problem(checked)) for path, checked in bad)
    if used is None:
        return Prepared(None, problems=problems)
    staying = [path for path, checked in bad if checked.kind == "unreadable" and not _loads_before(path, used)]
    unread = tuple((path, problem) for path, problem in problems if path in staying)
    moved = [(path, checked, set_aside(path, _word(checked))) for path, checked in bad if path not in staying]
    aside = tuple(new for _, _, new in moved)
    problems = tuple((path, _reported(checked, new)) for path, checked, new in moved)
    copied = False
    if used.name == PREVIOUS:
        used, copied = _promote(used)
    elif used.name == BEST and (folder / LATEST).exists():  # the older file would be loaded first
        older = verify(folder / LATEST)
        if older.ok:
            (folder / LATEST).replace(folder / PREVIOUS)
        else:
            aside += (set_aside(folder / LATEST, _word(older)),)
    sync_folder(folder)
    return Prepared(used, aside, copied, problems, unread)


def _loads_before(path: Path, used: Path) -> bool:
    # Whether ``--c`` would load ``path``, or will look for ``used`` under its name.
    order = (FINAL, LATEST, BEST)
    name = LATEST if used.name == PREVIOUS else used.name
    return path.name in order and order.index(path.name) <= order.index(name)


def _word(checked: Checked) -> str:
    return "unread" if checked.kind == "unreadable" else "torn"


def _problem(checked: Checked) -> Remark:
    return checked.problem or remark("missing")


def _reported(checked: Checked, new: Path) -> Remark:
    problem = _problem(checked)
    return remark("may-be-whole", problem=problem, now=new.name) if checked.kind == "unreadable" else problem


def _promote(previous: Path) -> tuple[Path, bool]:
    # A copy, or a rename if the disk is too full for a copy. No hard link: stock nnU-Net writes in place and would tear
    # both names.
    latest = previous.with_name(LATEST)
    temporary = previous.with_name(LATEST + TEMPORARY)
    try:
        shutil.copyfile(previous, temporary)
        sync_file(temporary)
        if not verify(temporary).ok:
            raise OSError(f"the copy of {previous} differs")
        temporary.replace(latest)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        previous.replace(latest)
        return latest, False
    return latest, True


def sync_file(path: str | os.PathLike[str]) -> None:
    """Flush a file's bytes to the disk before returning."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Flush renames in a folder to the disk before returning, if its file system supports that."""
    with contextlib.suppress(OSError):
        sync_file(folder)
