"""What is sent between two pages: real recordings, written again by the real writer."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from playing import KEPT, Player, kept

from holter.errors import NotATape, TapeTooNew
from holter.reports.html.lanes import STATES
from holter.reports.html.thinning import Grid
from holter.reports.html.vitals import charts
from holter.tape import read
from holter.views.web.following import Following
from holter.views.web.render import MOST_EPOCHS, MOST_PHASES, lighten, render
from holter.views.web.rendered import Rendered, series_name

SCENE = "slow_storage/fault"


def player(tmp_path: Path, head_s: float, name: str = "run.holter") -> Player:
    return Player(kept(SCENE), tmp_path / name, head_s)


def page_of(path: Path) -> Rendered:
    return render(path, "en", is_over=False, page=1, root="", name="")[0]


def test_page_and_readings_together_are_what_a_later_page_shows(tmp_path: Path) -> None:
    written = player(tmp_path, 20.0)
    path = tmp_path / "run.holter"
    shown = page_of(path)
    tape = Following(path, "en")
    tape.poll(shown)
    written._head_s = 20.0
    for tick in kept(SCENE).ticks(start_s=20.0001):
        written._play(tick)
    written.end()
    assert tape.poll(shown)
    fresh = [msgspec.json.decode(tick) for tick in tape.since(shown.end_s)["ticks"]]
    assert fresh[0]["t"] > shown.end_s and fresh[-1]["t"] == pytest.approx(read(path).duration_s)
    whole = {
        series_name(series.key, chart.index): dict(zip(series.points.t_s, series.points.mean, strict=True))
        for chart in charts(read(path), Grid(read(path).duration_s))
        for series in chart.series
    }
    sent = {(name, tick["t"]): value for tick in fresh for name, value in tick["v"].items()}
    compared = 0
    for (name, t_s), value in sent.items():
        if t_s in whole[name]:
            assert value == pytest.approx(whole[name][t_s], rel=1e-3, abs=1e-6), (name, t_s)
            compared += 1
    assert compared > 100
    named = [phase["phase"] for phase in tape.since(shown.end_s)["phases"]]
    assert {"train", "validate", "checkpoint"} <= set(named) and len(named) > 5, "every phase, however short"
    lanes = {pid for tick in fresh for pid, _, _ in tick["lanes"]}
    assert set(shown.pids) <= lanes and tape.has_news, "the export workers that came have no lane yet"
    assert "storage" in {STATES[state] for tick in fresh for _, state, _ in tick["lanes"]}


def test_an_episode_asks_for_a_page_and_a_reading_does_not(tmp_path: Path) -> None:
    alarm_s = kept(SCENE).episodes()[0].alarm_s
    written = player(tmp_path, alarm_s - 5)
    shown = page_of(tmp_path / "run.holter")
    roomy = Rendered(end_s=shown.end_s, tops=dict.fromkeys(shown.tops, 1e9), pids=shown.pids)
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(roomy)
    for tick in kept(SCENE).ticks(start_s=alarm_s - 4.9, end_s=alarm_s - 2):
        written._play(tick)
    written._writer.commit()
    tape.poll(roomy)
    assert not tape.has_news and not tape.is_in_trouble
    for tick in kept(SCENE).ticks(start_s=alarm_s - 1.9, end_s=alarm_s + 1):
        written._play(tick)
    written._writer.commit()
    assert tape.poll(roomy)
    assert tape.has_news and tape.is_in_trouble
    written.end()


def test_what_the_chart_cannot_show_asks_for_a_page(tmp_path: Path) -> None:
    written = player(tmp_path, 20.0)
    shown = page_of(tmp_path / "run.holter")
    low = Rendered(end_s=shown.end_s, tops={**shown.tops, "tree-cpu": 1e-6}, pids=shown.pids)
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(low)
    assert tape.has_news
    written.end()


def test_silence_is_seen_and_the_end_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = player(tmp_path, 20.0)
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(Rendered())
    assert tape.state == "live"
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 30.0)
    tape.poll(Rendered())
    assert tape.state == "silent" and tape.age_s > 30.0
    written.end(finish=True, t_s=20.0)
    tape.poll(Rendered())
    assert tape.state == "finished" and tape.has_news


def test_a_recording_under_the_same_name_is_a_new_one(tmp_path: Path) -> None:
    first = player(tmp_path, 30.0)
    first.end()
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(Rendered())
    assert tape.last_s > 25
    again = Player(kept(SCENE), tmp_path / "run.holter", 8.0, force=True)
    tape.poll(Rendered())
    assert tape.last_s < 10 and tape.has_news
    assert all(t_s < 10 for t_s, _ in tape.ticks)
    again.end()
    (tmp_path / "run.holter").unlink()
    tape.poll(Rendered())
    assert tape.state == "missing"


def test_nothing_is_read_while_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = player(tmp_path, 20.0)
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(Rendered())
    monkeypatch.setattr(tape, "_read", lambda shown: pytest.fail("the tape was read"))
    assert not tape.poll(Rendered())
    written.end()


def test_after_a_long_time_without_viewers_it_begins_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = player(tmp_path, 20.0)
    shown = page_of(tmp_path / "run.holter")
    tape = Following(tmp_path / "run.holter", "en")
    tape.poll(shown)
    assert tape.has_all_since(shown.end_s)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 3600.0)
    tape.poll(Rendered(end_s=0.0))
    assert len(tape.ticks) > 0 and tape.last_s == pytest.approx(shown.end_s)
    written.end()


@pytest.mark.parametrize("name", ["text", "other version", "pipe"])
def test_what_is_no_tape_raises_what_the_page_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.holter"
    if name == "text":
        path.write_text("no tape, but long enough to be read as one")
        with pytest.raises(NotATape):
            Following(path, "en").poll(Rendered())
    elif name == "pipe":
        os.mkfifo(path)  # to open it would take forever
        with pytest.raises(NotATape):
            Following(path, "en").poll(Rendered())
    else:
        newer(path)
        with pytest.raises(TapeTooNew):
            Following(path, "en").poll(Rendered())


def newer(path: Path) -> None:
    shutil.copy(KEPT / f"{SCENE}.holter", path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()


def test_the_page_says_where_it_belongs_and_escapes_names() -> None:
    _, html = render(KEPT / "quiet" / "continued.holter", "zh", is_over=True, page=3, root="../../", name="x <b>")
    assert '"page":3' in html and "x &lt;b&gt;" in html and 'href="../../static/report.css' in html


def test_a_run_of_days_keeps_its_page_small_and_its_end_whole() -> None:
    day_s, epoch_s = 86400.0, 60.0
    phases = [
        {"phase": phase, "name": phase, "start": begin + start, "end": begin + end, "epoch": begin // 60}
        for begin in range(0, int(day_s), int(epoch_s))
        for phase, start, end in (("train", 0.0, 50.0), ("validate", 50.0, 58.0), ("checkpoint", 58.0, 60.0))
    ]
    long = [{"phase": "unpack", "name": "unpacking", "start": -3000.0, "end": 0.0, "epoch": None}]
    values = {
        "charts": [{"series": [{"line": "M0 0"}]}],
        "lanes": [{"paths": [("running", "M0 0")]}],
        "phases": [*long, *phases],
        "epochs": {"rows": list(range(1440))},
    }
    lighten(values, day_s, "en")
    assert values["charts"][0]["series"][0]["line"] == "" and values["lanes"][0]["paths"] == [("running", "")]
    assert values["epochs"] == {"rows": list(range(1440 - MOST_EPOCHS, 1440)), "count": 1440}
    shown = values["phases"]
    assert shown[0] == long[0] and len(shown) < MOST_PHASES
    assert shown[-45:] == phases[-45:], "the last quarter of an hour, with every phase"
    # The rest is not blank: neighbours share a mark.
    assert shown[1] == {"phase": "train", "name": "epochs 0 to 7", "start": 0.0, "end": 470.0, "epoch": None}
    assert all(before["end"] == after["start"] for before, after in pairwise(shown))


def test_the_server_of_one_tape_does_not_load_what_judges_runs() -> None:
    program = "import sys, holter.views.web.server; print('holter.causes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "False\n"
