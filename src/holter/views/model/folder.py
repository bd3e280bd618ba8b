"""Several runs at once: one row a tape, the newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from holter.errors import HolterError
from holter.records import Message
from holter.reports.catalogue import Lang, phrase
from holter.sentences import define
from holter.tape.opening import what_differs
from holter.views.model.diagnosed import sentence_of_ended
from holter.views.model.run import Run
from holter.views.model.sentence import Tone, sentence

# A folder of results has tapes beside or below it; deeper ones belong to something else.
DEEPEST = 3
MOST_TAPES = 200
# A run that is over is not read again, one whose recorder is silent only now and then.
SILENT_AGAIN_S = 10.0
# Columns of the small chart of a row.
COLUMNS = 24

CANNOT_BE_READ = define("folder.unreadable", "Cannot be read: {why}")


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run in a list of runs."""

    path: Path
    name: str
    apart: str = ""  # what tells it apart from other runs of this name
    sentence: str = ""
    tone: Tone = "plain"
    state: str = "new"  # new, live, silent, over, unreadable
    epoch: int | None = None
    total: int | None = None
    usual_epoch_s: float | None = None
    gpu: float | None = None
    gpu_cells: tuple[float | None, ...] = ()
    cpu: float | None = None
    last_wall_s: float = 0.0  # when the tape was written last


class RunFolder:
    """The tapes in a folder, or a list of them."""

    def __init__(self, places: tuple[Path, ...], lang: Lang) -> None:
        self._places, self._lang = places, lang
        self._runs: dict[Path, Run] = {}
        self._rows: dict[Path, RunRow] = {}
        self._read_s: dict[Path, float] = {}

    def rows(
        self, now_mono_s: float, now_wall_s: float, is_enough: Callable[[], bool] = lambda: False
    ) -> tuple[RunRow, ...]:
        """Return a row for each tape; tapes that are still being written come first.

        ``is_enough`` is called after each tape. If it returns True, the other tapes are read at the next call.
        """
        paths = tapes(self._places)
        for path in list(self._rows):
            if path not in paths:
                self._forget(path)
        for path in paths:
            self._rows.setdefault(path, RunRow(path=path, name=path.stem, last_wall_s=_written(path)))
        due = sorted(
            (path for path in paths if self._is_due(path, now_mono_s)), key=lambda path: self._read_s.get(path, -1.0)
        )
        for path in due:
            self._rows[path] = self._row(path, now_mono_s, now_wall_s)
            self._read_s[path] = now_mono_s
            if is_enough():
                break
        order = {"live": 0, "new": 1, "silent": 2, "over": 3, "unreadable": 4}
        rows = sorted(self._rows.values(), key=lambda row: (order[row.state], -row.last_wall_s, str(row.path)))
        # Runs of one fold differ only by their tapes.
        names = Counter(row.name for row in rows)
        return tuple(
            row if names[row.name] == 1 else msgspec.structs.replace(row, apart=what_differs(row.path.stem))
            for row in rows
        )

    def _is_due(self, path: Path, now_s: float) -> bool:
        state, last_s = self._rows[path].state, self._read_s.get(path)
        if last_s is None or state in ("new", "live"):
            return True
        if state == "over":
            return _written(path) > self._rows[path].last_wall_s
        return now_s - last_s > SILENT_AGAIN_S

    def _row(self, path: Path, now_mono_s: float, now_wall_s: float) -> RunRow:
        try:
            return self._read(path, now_mono_s, now_wall_s)
        except (HolterError, OSError) as error:
            self._runs.pop(path, None)
            why: Message | str = error.what if isinstance(error, HolterError) else str(error)
            words = phrase(CANNOT_BE_READ(why=why), self._lang)
            return RunRow(path=path, name=path.stem, sentence=words, state="unreadable", last_wall_s=_written(path))

    def _read(self, path: Path, now_mono_s: float, now_wall_s: float) -> RunRow:
        run = self._runs.get(path) or Run(path)
        self._runs[path] = run
        run.poll(now_mono_s, now_wall_s)
        width_s = 5.0
        view = run.view(run.window(run.story.last_s, width_s, COLUMNS))
        said = sentence_of_ended(path, run.story, self._lang)
        words, tone = sentence(view, run.story, self._lang) if said is None else said
        state = "over" if run.story.finished else "silent" if run.silent_s is not None else "live"
        gpus = [chart for chart in view.charts if chart.name.startswith("gpu:")]
        cpu = view.chart("cpu")
        environment = view.environment
        row = RunRow(
            path=path,
            name=short_name(dict(environment.plans)) if environment and environment.plans else path.stem,
            sentence=words,
            tone=tone,
            state=state,
            epoch=view.epoch,
            total=environment.num_epochs if environment else None,
            usual_epoch_s=view.usual_epoch_s,
            gpu=max((chart.now for chart in gpus if chart.now is not None), default=None),
            gpu_cells=gpus[0].cells if gpus else (),
            cpu=cpu.now if cpu else None,
            last_wall_s=_written(path),
        )
        if state == "over":
            self._runs.pop(path)
        return row

    def _forget(self, path: Path) -> None:
        self._rows.pop(path, None)
        self._runs.pop(path, None)
        self._read_s.pop(path, None)


def tapes(places: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the tapes that are given or lie below given folders: at most ``MOST_TAPES``, the newest first."""
    found = {path for place in places for path in _below(place)}
    return tuple(sorted(found, key=_written, reverse=True)[:MOST_TAPES])


def _below(place: Path, depth: int = 0) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix == ".holter" and entry.is_file():
            yield entry
        elif depth < DEEPEST and not entry.name.startswith(".") and not entry.is_symlink() and entry.is_dir():
            yield from _below(entry, depth + 1)


def _written(path: Path) -> float:
    # Rows that are not yet in the tape itself are in the file beside it.
    times = []
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            times.append(file.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


def short_name(plans: dict[str, str]) -> str:
    """Return ``4 3d_fullres f0`` for the plans of a run: the data set's number, configuration and fold."""
    number = plans.get("dataset", "").removeprefix("Dataset").partition("_")[0]
    dataset = number if number.isdecimal() else plans.get("dataset", "")
    parts = [dataset, plans.get("configuration", ""), f"f{plans['fold']}" if plans.get("fold") else ""]
    return " ".join(part for part in parts if part)
