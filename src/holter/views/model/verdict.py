"""The last line of a view that prints and ends: the verdict on a run, and the next command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holter.records import Message
from holter.reports.outcome import outcome_of
from holter.reports.outcome.closing import verdict_of_run
from holter.reports.outcome.sentences import VERDICT
from holter.reports.outcome.unwatched import with_living_process
from holter.sentences import define
from holter.views.model.folder import RunRow
from holter.views.model.sentence import OVER_S, SILENT, WAITS_FOR_FIRST, WRITES_NOTHING, known_at
from holter.views.model.story import Story
from holter.views.model.view import View

OF_FOLDER = define(
    "view.of-folder",
    "{count} runs, {live} recorded now[[, with a problem: {bad}]]",
    one="{count} run, {live} recorded now[[, with a problem: {bad}]]",
)
NONE_THERE = define("view.none-there", "no tape (*.holter) is here")


def verdict_at(view: View, story: Story, path: Path) -> Message:
    """Return the verdict at the view's time, from what was known then; ``path``: of the tape."""
    tape = shlex.quote(str(path))
    if view.tick is None and not story.events:
        return VERDICT(what=WAITS_FOR_FIRST(), command=f"holter top {tape}")
    silent_s = view.silent_s if view.is_live else None
    if silent_s is not None and silent_s <= OVER_S:
        main = view.environment.main_pid if view.environment is not None else None
        what = (WRITES_NOTHING if view.recorder_lives else SILENT)(age=silent_s)
        return VERDICT(what=what, command=f"holter diagnose {tape}" if main is None else f"holter attach {main}")
    recording = msgspec.structs.replace(known_at(view.at_s, view.tick, story), path=path)
    ran = outcome_of(recording, is_over=view.is_live and (story.finished or silent_s is not None), lost_s=0.0)
    return verdict_of_run(with_living_process(ran, recording), recording)


def verdict_of_rows(rows: Sequence[RunRow]) -> Message:
    """Return how many runs there are, how many are recorded now, and the command for the first one with a problem."""
    if not rows:
        return VERDICT(what=NONE_THERE(), command="holter list")
    bad = [row for row in rows if row.tone in ("bad", "warn")]
    live = [row for row in rows if row.state == "live"]
    first = next(iter([*bad, *live, *rows]))
    verb = "diagnose" if bad else "top"
    what = OF_FOLDER(count=len(rows), live=len(live), bad=len(bad) or None)
    return VERDICT(what=what, command=f"holter {verb} {shlex.quote(str(first.path))}")
