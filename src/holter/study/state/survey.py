"""The state of every job of a study: from the results folders, the locks, the registry of runs and /proc.

It only reads files, so it works on a login node that sees nothing but the shared disk.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from holter.linux.procfs import list_numbers, read_text
from holter.probes.machine.environment import process_environ
from holter.probes.process.process_files import PF_FORKNOEXEC, parse_cmdline, parse_stat
from holter.probes.process.process_roles import is_python
from holter.probes.training.preprocessed import folds_of
from holter.probes.training.starting import is_holter_train
from holter.records import Message
from holter.reports.outcome.wall import parsed
from holter.reports.runs.living import is_recording
from holter.sentences import define
from holter.study.records import Cell, Job, Progress, State, known_sum
from holter.study.state.epochs import planned_by_name, progress_of
from holter.study.state.holders import HELD, Silences, holder_of, trained_on_another
from holter.study.state.siblings import compared
from holter.supervisor.folds.fold_lock import FILE
from holter.tape.registry import Entry, Kept
from holter.texts.results_folder import FINAL, is_done
from holter.texts.training_command import parse_training_command

CHECKPOINTS = ("checkpoint_latest.pth", "checkpoint_best.pth", "checkpoint_final.pth")
# How a recorded call ended, if a person must look before the next one.
NEEDS_A_LOOK = ("gave-up", "dead", "incomplete")

WITHOUT_HOLTER = define("study.without-holter", "PID {pid}, without Holter")
NEEDS_FOLDS = define("study.needs-folds", "needs all folds of {configuration}: {folds} missing")
NOT_PREPROCESSED_HERE = define("study.not-preprocessed", "not preprocessed: {folder}")
NOT_VALIDATED = define("study.not-validated", "trained; the final validation is missing")
UNREADABLE = define("study.fold-unreadable", "{folder} cannot be read: {error}")


class Seen(NamedTuple):
    """What is known from elsewhere than the folds' own folders."""

    calls: Mapping[str, Sequence[Kept]]  # of a fold's folder, oldest first
    strangers: Mapping[Path, int]  # fold folder -> PID of a training without Holter
    silences: Silences  # of locks, kept from look to look
    by_log: bool = True  # whether a fold counts as running if only its log suggests that


def look(
    entries: Iterable[Kept],
    environ: Mapping[str, str],
    silences: Silences | None = None,
    proc: Path = Path("/proc"),
    *,
    by_log: bool = True,
) -> Seen:
    """Return the recorded calls of Holter, by fold, and the trainings on this machine that run without Holter.

    ``silences``: the same in every look of a caller that looks again and again. ``by_log``: whether a fold counts as
    running if only its log suggests that.
    """
    calls: dict[str, list[Kept]] = defaultdict(list)
    for kept in entries:
        folder = kept.entry.folder or _folder(kept.entry, environ)
        if folder is not None:
            calls[os.path.realpath(folder)].append(kept)
    return Seen(calls, _strangers(environ, proc), {} if silences is None else silences, by_log)


def survey(jobs: Sequence[Job], seen: Seen) -> tuple[Cell, ...]:
    """Return the state of each job, in their order, compared with the other folds of its configuration."""
    cells = [cell_of(job, seen) for job in jobs]
    done = {cell.job.folder for cell in cells if cell.state == "done"}
    return compared([_blocked(cell, done) for cell in cells])


def lacking_folds(job: Job, done: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the folds of the previous stage that a cascade still needs: each of its data set, or ``all``."""
    if job.previous is None:
        return ()
    folds = folds_of(job.preprocessed.parent)
    model = job.folder.parent.with_name(f"{job.trainer}__{job.plans}__{job.previous}")
    known = set(done)
    there = {fold for fold in (*folds, "all") if (folder := model / f"fold_{fold}") in known or is_done(folder)}
    return () if "all" in there else tuple(fold for fold in folds if fold not in there)


def cell_of(job: Job, seen: Seen) -> Cell:
    """Return the state of one job, not compared with the other folds of its configuration."""
    calls = seen.calls.get(os.path.realpath(job.folder), ())
    last = calls[-1].entry if calls else None
    names, trouble = _files(job.folder)
    progress = progress_of(job.folder, names)
    state, why = _state(job.folder, names, calls, seen, progress)
    if trouble is not None and state != "running":
        state, why = "broken", trouble
    planned = (last.epochs_planned if last else None) or planned_by_name(job.trainer)
    lost: Counter[str] = Counter()
    for kept in calls:
        lost.update(kept.entry.lost_by_cause or {})
    return Cell(
        job=job,
        state=state,
        why=why,
        epochs_done=progress.epochs_done,
        epochs_planned=planned,
        epoch_s=progress.epoch_s,
        loss=progress.loss,
        cause=last.cause if last else None,
        incidents=known_sum(kept.entry.stopped for kept in calls),
        lost_s=known_sum(kept.entry.lost_s for kept in calls),
        lost_by_cause=tuple(lost.most_common()),
        wall_s=sum(_wall_s(kept.entry) for kept in calls),
        ended_s=sum(_wall_s(kept.entry) for kept in calls if kept.entry.good_s is not None),
        gpu_s=known_sum(_wall_s(kept.entry) * kept.entry.gpus if kept.entry.gpus else None for kept in calls),
        good_s=known_sum(kept.entry.good_s for kept in calls),
        energy_kwh=known_sum(kept.entry.energy_kwh for kept in calls),
        job_began=last.began if last and state == "running" else None,
        job_ends=last.job_ends if last and state == "running" else None,
        calls=len(calls),
        tape=last.tape if last else None,
        headline=last.headline if last else None,
    )


def _wall_s(entry: Entry) -> float:
    began, ended = parsed(entry.began), parsed(entry.ended or entry.seen)
    return 0.0 if began is None or ended is None else max(0.0, (ended - began).total_seconds())


def _state(
    folder: Path, names: frozenset[str], calls: Sequence[Kept], seen: Seen, progress: Progress
) -> tuple[State, Message | None]:
    # ``names``: of the files in the folder, listed once: on a file server every question takes its time.
    holder = holder_of(folder, seen.silences) if FILE in names else None
    if holder is not None:
        return "running", holder
    if calls and is_recording(calls[-1]):
        entry = calls[-1].entry
        return "running", HELD(pid=entry.pid, host=entry.host)
    stranger = seen.strangers.get(Path(os.path.realpath(folder)))
    if stranger is not None:
        return "running", WITHOUT_HOLTER(pid=stranger)
    if is_done(folder, names):
        return "done", None
    known = {kept.entry.host for kept in calls}
    other = trained_on_another(folder, names, progress, known) if seen.by_log else None
    if other is not None:
        return "running", other
    last = calls[-1].entry if calls else None
    if last is not None and last.ended is not None and last.state in NEEDS_A_LOOK:
        return "broken", last.headline
    if names & set(FINAL):
        return "unfinished", NOT_VALIDATED()
    return ("unfinished" if names & set(CHECKPOINTS) else "missing"), None


def _files(folder: Path) -> tuple[frozenset[str], Message | None]:
    # The names of what is in a folder; or why that is not known. One that is not there has nothing in it.
    try:
        return frozenset(os.listdir(folder)), None  # noqa: PTH208 - names, not paths
    except (FileNotFoundError, NotADirectoryError):
        return frozenset(), None
    except OSError as error:
        return frozenset(), UNREADABLE(folder=str(folder), error=error.strerror or str(error))


def _blocked(cell: Cell, done: set[Path]) -> Cell:
    if cell.state not in ("missing", "unfinished"):
        return cell
    lacking = lacking_folds(cell.job, done)
    needs = NEEDS_FOLDS(configuration=cell.job.previous, folds=lacking) if lacking else None
    why = needs or _no_data(cell.job.preprocessed)
    return cell if why is None else msgspec.structs.replace(cell, state="blocked", why=why)


def _no_data(folder: Path) -> Message | None:
    try:
        return None if folder.is_dir() else NOT_PREPROCESSED_HERE(folder=str(folder))
    except OSError as error:
        return UNREADABLE(folder=str(folder), error=error.strerror or str(error))


def _folder(entry: Entry, environ: Mapping[str, str]) -> str | None:
    # An entry that ended before its training named its folder.
    if entry.dataset is None or entry.configuration is None or entry.fold is None or entry.command is None:
        return None
    try:
        training = parse_training_command(shlex.split(entry.command))
    except ValueError:
        return None
    folder = training.fold_folder(environ) if training is not None else None
    return None if folder is None else str(folder)


def _strangers(environ: Mapping[str, str], proc: Path) -> dict[Path, int]:
    found: dict[Path, int] = {}
    for pid in sorted(list_numbers(str(proc)) or ()):
        stat = parse_stat(read_text(f"{proc}/{pid}/stat"))
        # What was forked has the words of its training, also long after that has died.
        words = () if stat is None or stat.flags & PF_FORKNOEXEC else parse_cmdline(read_text(f"{proc}/{pid}/cmdline"))
        training = parse_training_command(words) if is_python(words) and not is_holter_train(words) else None
        if training is not None and not training.validation_only:
            # Its own variables, if they can be read: it may train into other folders.
            folder = training.fold_folder(process_environ(pid, proc) or environ)
            if folder is not None:
                found.setdefault(folder.resolve(), pid)
    return found
