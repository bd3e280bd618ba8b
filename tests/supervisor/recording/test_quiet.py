"""What looks like trouble and is none: no alarm may be raised."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holter.history.ranks import main_beat
from holter.records import PhaseChanged
from holter.tape import Recording
from supervisor.scene import Scene, in_epoch_one

pytestmark = pytest.mark.training


@pytest.fixture
def scene(brain, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path / request.node.name.replace("test_", "", 1)
    folder.mkdir()
    return Scene(brain, folder)


STOPPED_S = 14.0  # longer than a training may stand still


@pytest.mark.long
def test_a_slow_checkpoint_a_stopped_terminal_and_a_busy_pause_in_a_step(scene):
    """Each longer than an alarm would take: everything is stopped together; a main thread at work in one step."""
    strange = Path(__file__).parents[1] / "strange_training.py"
    command = scene.brain.command("--epochs", "2", "--iterations", "30", "--no-validation")
    scene.brain = type("Strange", (), {
        "environment": scene.brain.environment,
        "command": lambda self, *_: [sys.executable, str(strange), *command[3:]],
    })()  # fmt: skip
    stopped: list[int] = []

    def stop(recorder, tick):
        stopped.extend(process.pid for process in tick.processes)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    def go_on(recorder, tick):
        if scene.fault_s is not None and tick.t_s > scene.fault_s + STOPPED_S:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    result = scene.play(stop, each_tick=go_on)
    assert result.returncode == 0, scene.output()[-1500:]
    recording = scene.recording()
    assert "T" in {process.state for tick in recording.all_ticks for process in tick.processes}
    assert "checkpoint" in {event.phase for event in recording.events(PhaseChanged)}
    assert seconds_without_a_step(recording, after_s=scene.fault_s + STOPPED_S + 2) > 12, "it was busy for a while"
    assert result.episodes == ()


def seconds_without_a_step(recording: Recording, after_s: float) -> float:
    """The longest time that one number of steps stood in the main process's page."""
    beats = [main_beat(tick) for tick in recording.all_ticks if tick.t_s > after_s]
    totals = [(beat.t_s, beat.steps_total) for beat in beats if beat is not None]
    return max(t_s - next(began for began, other in totals if other == total) for t_s, total in totals)


@pytest.mark.long
def test_a_neighbour_for_a_while(scene):
    """Somebody else uses the CPUs for a while: the epoch is merely slow."""
    hogs: list[subprocess.Popen[bytes]] = []

    def begin(recorder, tick):
        hogs.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))

    def end(recorder, tick):
        if scene.fault_s is not None and tick.t_s > scene.fault_s + 18:
            for hog in hogs:
                hog.kill()

    scene.options = ("--epochs", "4", "--iterations", "30", "--no-validation")
    try:
        result = scene.play(begin, when=in_epoch_one, each_tick=end)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert result.returncode == 0
    assert result.episodes == ()
