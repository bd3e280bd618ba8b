"""The runs of a folder: one line each, from what is cheap to read of a tape."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from holter.errors import HolterError
from holter.records import Environment, Episode, EpochEnded
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.wording import duration
from holter.sentences import define_all
from holter.tape.follower import Follower
from holter.views.web.following import SILENT_S, age_of, stamp_of

define_all(
    {
        "web.run-live": "running",
        "web.run-silent": "no reading for {age}",
        "web.run-finished": "finished",
        "web.run-unreadable": "cannot be read: {error}",
    }
)
# A study's folders: data set, trainer, fold.
DEEPEST = 4
MOST_RUNS = 300
# The recording goes on if a reading is at most this old, whatever the two clocks say.
FRESH_S = 12 * SILENT_S


class Run(NamedTuple):
    """One line of the overview."""

    key: str  # in its address
    name: str
    path: Path
    tone: str  # live, good, warn, unreadable
    state: str = ""
    what: str = ""
    host: str = ""
    began: str = ""
    recorded: str = ""
    epoch: int | None = None
    epochs: int | None = None
    incidents: int = 0
    not_over: int = 0


class Overview:
    """Finds the tapes of a folder, and reads of each only what is new."""

    def __init__(self, folder: Path, lang: Lang) -> None:
        self.folder = folder
        self._lang: Lang = lang
        self._known: dict[str, tuple[tuple[int, ...], Run, _Tape]] = {}

    def path_of(self, key: str) -> Path | None:
        """Return the tape with this key, if it is in the folder."""
        return next((path for path in self._paths() if _key(self._name(path)) == key), None)

    def name_of(self, path: Path) -> str:
        """Return the name of a tape as the overview shows it."""
        return self._name(path).removesuffix(".holter")

    def runs(self) -> list[Run]:
        """Return the runs, those that record first, then the newest."""
        runs = [self._run(path) for path in self._paths()]
        return sorted(sorted(runs, key=lambda run: run.began, reverse=True), key=lambda run: run.tone != "live")

    def _paths(self) -> list[Path]:
        found: list[Path] = []
        for folder, folders, files in os.walk(self.folder):
            depth = len(Path(folder).relative_to(self.folder).parts)
            folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < DEEPEST else []
            found += [Path(folder, file) for file in sorted(files) if file.endswith(".holter")]
            if len(found) >= MOST_RUNS:
                break
        return found[:MOST_RUNS]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _run(self, path: Path) -> Run:
        name = self._name(path)
        key = _key(name)
        _, _, tape = self._known.get(key, ((), None, None))
        tape = tape or _Tape(path)
        stamp = stamp_of(path)
        try:
            if stamp != self._known.get(key, ((),))[0]:
                tape.read()
            run = tape.run(key, self.name_of(path), self._lang)
        except (HolterError, OSError) as error:
            what = phrase(error.what, self._lang) if isinstance(error, HolterError) else str(error)
            run = Run(key, self.name_of(path), path, "unreadable", text("web.run-unreadable", self._lang, error=what))
        self._known[key] = (stamp, run, tape)
        return run


class _Tape:
    # What is kept of one tape between two looks.

    def __init__(self, path: Path) -> None:
        self._path = path
        self._follower = Follower(path)
        self._environment: Environment | None = None
        self._episodes: tuple[Episode, ...] = ()
        self._epoch: int | None = None
        self._last_s = 0.0
        self._is_finished = False

    def read(self) -> None:
        news = self._follower.news()
        self._environment, self._episodes = news.environment, news.episodes
        self._last_s, self._is_finished = news.last_s, news.finished
        for event in (*news.older, *news.events):
            if isinstance(event, EpochEnded):
                self._epoch = event.epoch

    def run(self, key: str, name: str, lang: Lang) -> Run:
        known = self._environment
        age_s = age_of(known.wall_start if known else None, self._last_s)
        state, tone = text("web.run-live", lang), "live"
        if self._is_finished:
            state, tone = text("web.run-finished", lang), "good"
        elif known is None or age_s > FRESH_S:
            state, tone = text("web.run-silent", lang, age=duration(age_s, lang)), "warn"
        plans = dict(known.plans) if known else {}
        what = [plans[part] for part in ("dataset", "configuration") if part in plans]
        what += [f"{text('plan.fold', lang)} {plans['fold']}"] if "fold" in plans else []
        return Run(
            key=key,
            name=name,
            path=self._path,
            tone=tone,
            state=state,
            what=" · ".join(what),
            host=(known.hostname or "") if known else "",
            began=known.wall_start[:16].replace("T", " ") if known else "",
            recorded=duration(self._last_s, lang),
            epoch=self._epoch,
            epochs=known.num_epochs if known else None,
            incidents=len(self._episodes),
            not_over=sum(episode.end_s is None for episode in self._episodes) if not self._is_finished else 0,
        )


def _key(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
