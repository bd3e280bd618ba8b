"""Real trainings under ``holter run --heal``: broken, healed, and finished with every epoch done."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from holter.demo.prepare import Prepared
from holter.hook.checkpoints.select import newest_good
from holter.records import ActionTaken, Noted, Notice, PhaseChanged
from holter.reports.catalogue import phrase
from supervisor.scene import Scene, of_role, top

pytestmark = pytest.mark.training


@pytest.fixture
def scene(brain: Prepared, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path / request.node.name.replace("test_", "", 1).replace("[", "-").rstrip("]")
    folder.mkdir()
    scene = Scene(brain, folder)
    scene.heal = True
    scene.options = ("--epochs", "3", "--iterations", "30", "--no-validation")
    scene.extra = {"HOLTER_CHECKPOINT_EVERY_S": "0"}
    return scene


def epochs(scene: Scene) -> list[int]:
    """Epochs that nnU-Net's own logs say were begun, in their order."""
    logs = sorted(scene.folder.rglob("training_log_*.txt"))
    return [int(number) for log in logs for number in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


def actions(scene: Scene, action: str) -> list[str]:
    return [event.state for event in scene.recording().events(ActionTaken) if event.action == action]


def kill(role: str, number: int, count: int | None = 1):
    return lambda _, tick: [os.kill(process.pid, number) for process in of_role(tick, role)[:count]]


@pytest.mark.long
def test_frozen_workers_are_replaced_in_the_epoch_and_nothing_is_repeated(scene):
    result = scene.play(kill("train-worker", signal.SIGSTOP, None))
    assert result.returncode == 0
    assert result.generations == 1
    assert epochs(scene) == [0, 1, 2]
    assert "done" in actions(scene, "replace-workers")
    assert result.orphans == ()


@pytest.mark.long
def test_a_killed_training_goes_on_from_its_checkpoint(scene):
    result = scene.play(kill("main", signal.SIGKILL))
    assert result.returncode == 0
    assert result.generations == 2
    assert epochs(scene) == [0, 1, 1, 2]
    assert actions(scene, "restart") == ["begun", "done"]
    assert {episode.generation for episode in result.episodes} == {0}
    assert top(scene.diagnoses()[0]) == ("external-kill", "confirmed")
    seen = {process.pid for tick in scene.recording().all_ticks for process in tick.processes}
    assert not [pid for pid in seen if is_running(pid)], "the orphans of the first one were ended"


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.long
def test_without_any_usable_checkpoint_it_does_not_begin_again_in_silence(scene):
    def tear_all(recorder, tick):
        for file in scene.folder.rglob("checkpoint_*.pth"):
            os.truncate(file, 100)
        os.kill(of_role(tick, "main")[0].pid, signal.SIGKILL)

    result = scene.play(tear_all)
    assert result.returncode == 76
    assert result.gave_up.reason == "no-usable-checkpoint"
    assert epochs(scene) == [0, 1]


@pytest.mark.long
def test_a_healthy_training_is_left_alone_and_its_checkpoints_are_good(scene):
    scene.options = ("--epochs", "3", "--iterations", "20")
    result = scene.play(None)
    assert (result.returncode, result.generations, result.episodes) == (0, 1, ())
    recording = scene.recording()
    assert recording.finished and recording.environment.hooked
    assert dict(recording.environment.versions)["nnunetv2"]
    assert {event.phase for event in recording.events(PhaseChanged)} >= {"train", "validate", "final-validation"}
    assert {event.action for event in recording.events(ActionTaken)} == {"save-checkpoint"}
    folder = next(scene.folder.rglob("checkpoint_final.pth")).parent
    assert newest_good(folder)[0].name == "checkpoint_final.pth"
    (forecast,) = (
        phrase(note.said, "en") for note in scene.recording().events(Noted) if note.what == "export-forecast"
    )
    assert re.search(r"its largest case needs [\d.]+ [MG]iB; \d+ of \d+ export workers fit", forecast)
    assert not list(folder.glob("*.holter-tmp"))


@pytest.mark.long
def test_a_training_that_hangs_without_a_usable_checkpoint_is_left_alone_and_may_go_on(scene, monkeypatch):
    monkeypatch.setattr("holter.supervisor.launch.POWERS", "validation")  # it neither replaces nor saves by itself
    monkeypatch.setattr("holter.supervisor.healing.healer.WORKS_WITHIN_S", 3.0)
    scene.options = ("--epochs", "2", "--iterations", "40", "--no-validation")
    stopped: list[int] = []
    torn: list[Path] = []

    def freeze(recorder, tick):
        for file in scene.folder.rglob("checkpoint_*.pth"):
            os.truncate(file, 100)
            torn.append(file)
        for process in of_role(tick, "train-worker"):
            stopped.append(process.pid)
            os.kill(process.pid, signal.SIGSTOP)

    left: list[float] = []

    def thaw(recorder, tick):
        left.extend(event.t_s for event in tick.events if getattr(event, "action", "") == "leave-alone")
        if left and tick.t_s > left[0] + 4:  # it is not asked and told again and again meanwhile
            while stopped:
                os.kill(stopped.pop(), signal.SIGCONT)

    result = scene.play(freeze, each_tick=thaw)
    assert (result.returncode, result.generations, result.gave_up) == (0, 1, None)
    assert actions(scene, "leave-alone") == ["begun"]
    assert actions(scene, "end-group") == actions(scene, "restart") == []
    assert epochs(scene) == [0, 1]
    assert torn and not list(scene.folder.rglob("*.torn-*"))


@pytest.mark.long
def test_after_a_clean_up_of_the_scratch_a_frozen_worker_is_still_known_for_one_and_healed(scene):
    def freeze_and_clean_up(recorder, tick):
        kill("train-worker", signal.SIGSTOP)(recorder, tick)
        shutil.rmtree(recorder._keeper.folder)

    result = scene.play(freeze_and_clean_up)
    assert result.returncode == 0
    assert set(epochs(scene)) == {0, 1, 2}
    assert [notice.what for notice in scene.recording().events(Notice)] == ["scratch-gone"]
    frozen = [diagnosis for diagnosis in result.diagnoses if top(diagnosis) == ("frozen-worker", "confirmed")]
    assert frozen and frozen[0].episode.subject_name.startswith("train-worker")
    assert "done" in [*actions(scene, "replace-workers"), *actions(scene, "restart")]
