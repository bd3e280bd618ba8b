"""What looks like trouble and is none: no alarm may be raised."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holter.records import PhaseChanged
from supervised.scene import Scene, in_epoch_one

pytestmark = pytest.mark.training


@pytest.fixture
def scene(brain, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path / request.node.name.replace("test_", "", 1)
    folder.mkdir()
    return Scene(brain, folder)


def test_a_stopped_terminal(scene):
    """Everything is stopped together for twenty seconds and goes on."""
    stopped: list[int] = []

    def stop(recorder, tick):
        stopped.extend(process.pid for process in tick.processes)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    def go_on(recorder, tick):
        if scene.fault_s is not None and tick.t_s > scene.fault_s + 20:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    scene.options = ("--epochs", "3", "--iterations", "30", "--no-validation")
    result = scene.play(stop, each_tick=go_on)
    assert result.returncode == 0
    states = {process.state for tick in scene.recording().all_ticks for process in tick.processes}
    assert "T" in states
    assert result.episodes == ()


def test_a_busy_pause_in_a_step_and_a_slow_checkpoint(scene):
    """A main thread at work for half a minute (as in torch.compile) and checkpoints of 15 s each."""
    strange = Path(__file__).with_name("strange_training.py")
    command = scene.brain.command("--epochs", "1", "--iterations", "30", "--no-validation")
    scene.brain = type("Strange", (), {
        "environment": scene.brain.environment,
        "command": lambda self, *_: [sys.executable, str(strange), *command[3:]],
    })()  # fmt: skip
    result = scene.play(None)
    assert result.returncode == 0, scene.output()[-1500:]
    assert "checkpoint" in {event.phase for event in scene.recording().events(PhaseChanged)}
    assert result.episodes == ()


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
