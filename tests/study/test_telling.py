"""What a study sends and writes while nobody looks: one message a day and at the end, and numbers for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from holter.cli.studies.starting import folders_for, metrics_for
from holter.errors import BadInput
from holter.records import Message
from holter.study.records import STATES
from holter.study.report.digest import MOST_LINES, OVER, Digest, lines_of
from holter.views.metrics.names import STUDY_METRICS, STUDY_STATES
from study.conftest import World

GAVE_UP = Message(key="outcome.gave-up", values=())


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A webhook, and what it got."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/hook", got
    http.shutdown()
    thread.join()
    http.server_close()


def broken(world: World) -> None:
    world.done("2d", "0")
    lost = {"slow-storage": 8.0, "": 1.0}
    folder = world.fold("2d", "1", "checkpoint_latest.pth")
    world.entry(folder, state="gave-up", headline=GAVE_UP, stopped=3, lost_s=9.0, lost_by_cause=lost, energy_kwh=0.5)


@pytest.mark.slow
def test_one_message_a_day_and_one_at_the_end(world: World, server) -> None:
    url, got = server
    broken(world)
    said: list[object] = []
    digest = Digest(url, "en", said.append, every_s=100.0)
    for now_s in (5.0, 60.0, 104.0, 105.0, 150.0):
        digest.see(now_s, lambda: world.cells("2d"))
    digest.finish(world.cells("2d"), None)
    assert [each["text"].splitlines()[0] for each in got] == ["The study goes on", "The study has ended"]
    assert got[0]["title"] == "Holter study: 5 trainings" and "fold 1: Holter gave up" in got[1]["text"]
    assert "5 trainings: 1 done" in got[1]["text"] and not said


def test_a_message_that_is_not_taken_is_said_and_stops_nothing(world: World) -> None:
    said: list[object] = []
    Digest("http://127.0.0.1:9/hook", "en", said.append).finish(world.cells("2d"), None)
    assert len(said) == 1


def test_a_message_fits_on_a_phone(world: World) -> None:
    for fold in range(5):
        for configuration in ("2d", "3d_fullres", "3d_lowres"):
            world.entry(
                world.fold(configuration, str(fold), "checkpoint_latest.pth"), state="gave-up", headline=GAVE_UP
            )
    assert len(lines_of(OVER(), world.cells("2d", "3d_fullres", "3d_lowres"), None)) <= MOST_LINES + 5


def test_the_numbers_are_a_file_that_goes_when_all_is_done(world: World) -> None:
    folder = world.folder / "prom"
    folder.mkdir()
    broken(world)
    (metrics,) = metrics_for((folder,), world.cells("2d"))
    metrics.see(0.0, lambda: world.cells("2d"))
    (file,) = folder.iterdir()
    text = file.read_text()
    study = file.name.removeprefix("holter-").removesuffix(".prom")
    assert study.startswith("study-Dataset004-")
    for line in (
        f'holter_study_trainings{{state="done",study="{study}"}} 1.0',
        f'holter_study_trainings{{state="broken",study="{study}"}} 1.0',
        f'holter_study_incidents{{study="{study}"}} 3.0',
        f'holter_study_lost_seconds{{cause="slow-storage",study="{study}"}} 8.0',
        f'holter_study_lost_seconds{{cause="unknown",study="{study}"}} 1.0',
        f'holter_study_energy_joules{{study="{study}"}} 1.8e+06',
    ):
        assert line in text.splitlines(), text
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} <= {
        m.name for m in STUDY_METRICS
    }
    metrics.finish(world.cells("2d"))
    assert file.exists()
    for fold in "01234":
        world.done("2d", fold)
    metrics.finish(world.cells("2d"))
    assert not file.exists()


def test_the_states_in_the_metrics_are_those_of_a_study() -> None:
    assert STUDY_STATES == STATES


def test_a_port_is_refused_if_it_was_typed_and_left_to_the_trainings_if_a_file_sets_it(tmp_path) -> None:
    with pytest.raises(BadInput, match="no port"):
        folders_for(["9109"], is_typed=True)
    assert folders_for(["9109", f"textfile:{tmp_path}"], is_typed=False) == (tmp_path,)
