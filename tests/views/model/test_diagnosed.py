"""A view of a tape that has ended says what ``holter diagnose`` says of it."""

from __future__ import annotations

import io
import time
from functools import cache
from pathlib import Path

import pytest
from benchmarks.views import scene

from holter.diagnosis.targets import read_tape
from holter.records import Judged
from holter.reports.catalogue import Lang, phrase
from holter.reports.outcome.closing import verdict_of_run
from holter.tape import read
from holter.views.model import diagnosed
from holter.views.model.folder import RunFolder
from holter.views.model.run import Run
from holter.views.top.desk import Desk
from holter.views.top.draw.glyphs import ASCII
from holter.views.top.draw.screen import Look
from holter.views.top.once import print_once, print_overview

TAPES = Path(__file__).parents[2] / "tapes"
# Of the kept tapes every so many: they are of all causes, in the order of their names.
EVERY = 2


@cache
def ended() -> tuple[Path, ...]:
    kept = [path for path in sorted(TAPES.rglob("*.holter")) if path.parent.name != "quiet"]
    there = [path for path in kept if (tape := read(path)).finished and tape.episodes() and not tape.events(Judged)]
    return tuple(there[::EVERY])


@pytest.mark.slow
def test_a_list_of_ended_tapes_says_of_each_what_diagnose_says() -> None:
    assert len(ended()) > 12
    rows = {row.path: row.sentence for row in RunFolder(ended(), "en").rows(0.0, time.time())}
    told = {path: phrase(ran.headline, "en") for path in ended() if (ran := read_tape(path).outcome) is not None}
    assert rows == told


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["gpu_side_stall/gpu_stalls", "frozen_worker/workers_sigstop"])
def test_one_screen_of_an_ended_tape_says_what_diagnose_says(name: str, lang: Lang) -> None:
    path = TAPES / f"{name}.holter"
    desk, out = Desk(Run(path), lang), io.StringIO()
    look = Look(width=400, height=30, lang=lang, glyphs=ASCII)
    assert print_once(desk, look, out, colours=False) == 1
    ran = read_tape(path).outcome
    assert ran is not None and ran.cause is not None
    assert phrase(ran.headline, lang) in out.getvalue()
    assert out.getvalue().splitlines()[-1] == phrase(verdict_of_run(ran, read(path)), lang)


def test_a_recording_without_a_problem_that_ends_before_its_training_is_none(tmp_path: Path) -> None:
    """As ``holter attach --for`` leaves it: ``diagnose`` exits with 0, and so does ``top --once``."""
    path = tmp_path / "healthy.holter"
    scene.write(path, 120)
    look = Look(width=80, height=24, lang="en", glyphs=ASCII)
    out = io.StringIO()
    assert print_once(Desk(Run(path), "en"), look, out, colours=False) == 0
    assert "nothing wrong was seen" in out.getvalue().splitlines()[-1]
    assert print_overview((path,), look, out, colours=False) == 0
    assert out.getvalue().splitlines()[-1] == f"Verdict: 1 run, 0 recorded now. Next: holter top {path}"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
def test_one_screen_ends_with_the_verdict_and_the_next_command_and_fits(size: tuple[int, int]) -> None:
    path = TAPES / "quiet/as_usual.holter"
    out = Screen()
    look = Look(width=size[0], height=size[1], lang="en", glyphs=ASCII)
    assert print_once(Desk(Run(path), "en"), look, out, colours=False) == 0
    *_, last = lines = out.getvalue().splitlines()
    assert last == f"Verdict: nothing wrong was seen in 1 min 44 s. Next: holter report {path}"
    assert sum(max(1, -(-len(line) // size[0])) for line in lines) < size[1]
    out = io.StringIO()
    print_overview((path,), look, out, colours=False)
    assert out.getvalue().splitlines()[-1] == f"Verdict: 1 run, 0 recorded now. Next: holter top {path}"


def test_an_ended_tape_is_diagnosed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    path = next(iter(ended()))
    asked: list[Path] = []
    real = diagnosed.diagnosed

    def counted(path: Path, *, is_over: bool) -> diagnosed.Diagnosed:
        asked.append(path)
        return real(path, is_over=is_over)

    monkeypatch.setattr(diagnosed, "diagnosed", counted)
    folder = RunFolder((path,), "en")
    for at_s in (0.0, 100.0, 200.0):
        folder.rows(at_s, time.time())
    assert asked == [path]


def test_of_a_tape_too_long_for_a_row_only_what_was_recorded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosed, "MOST_BYTES", 0)
    for row in RunFolder(ended(), "en").rows(0.0, time.time()):
        assert "no cause seen" not in row.sentence and "not known yet" not in row.sentence, row.path
