"""Real trainings whose main process stands in a call of its own: restarted late and announced, or never."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.detectors import stall
from holter.records import ActionTaken, ContractSettled, Notice, PhaseChanged, Tick
from holter.reports.live.contract import contract_line
from holter.supervisor.healing import main_hang
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.tape import Recording, read
from supervisor.scene import SCALED, SCALED_COMPILE_S, Scene, top

pytestmark = [pytest.mark.training, pytest.mark.long]

TRAINERS = Path(__file__).parents[1] / "own_trainer"
TRAINER = ("-tr", "nnUNetTrainerStands", "-device", "cpu")
NAMED = "main-stands-still"


def extra(folder: Path, call: str, for_s: float = 0.0, at: str = "step") -> dict[str, str]:
    return {
        "STANDS_AT": at,
        "nnUNet_extTrainer": str(TRAINERS),
        "nnUNet_n_proc_DA": "2",
        "HOLTER_CHECKPOINT_EVERY_S": "0",
        "STANDS_IN": call,
        "STANDS_ONCE": str(folder / "stood"),
        "STANDS_FOR_S": str(for_s),
        "STANDS_ENOUGH": str(folder / "enough"),
    }


def epochs(folder: Path) -> list[int]:
    logs = sorted(folder.rglob("training_log_*.txt"))
    return [int(number) for log in logs for number in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


def told(recording: Recording, action: str) -> list[ActionTaken]:
    return [event for event in recording.events(ActionTaken) if event.action == action]


@pytest.mark.sample
def test_with_a_limit_of_the_users_own_it_is_announced_ended_and_continued(brain: Prepared, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    wanted = (DATASET_NAME, CONFIGURATION, "0", *TRAINER, "--tape", "t.holter", "--main-limit", "75")
    with (tmp_path / "told").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "holter", "train", *wanted],
            env={
                **os.environ,
                **brain.environment(),
                "HOLTER_LOADER": "stock",
                "nnUNet_results": str(results),
                **extra(tmp_path, "lock"),
            },
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=out,
            start_new_session=True,
        )
    try:
        returncode = process.wait(600)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a training that still stands does not outlive its test
    told_live = (tmp_path / "told").read_text()
    assert returncode == 0, told_live
    assert epochs(tmp_path) == [0, 1, 1, 2], "what epoch 1 had done is repeated, and no more"
    order = (
        r"by --main-limit it is restarted in \d+ s unless it makes progress",
        r"restarting the training: .*\. Why: ",
        r"the training goes on after its restart: epoch 1,",
    )
    found = [re.search(words, told_live) for words in order]
    assert [match.start() for match in found] == sorted(match.start() for match in found), told_live
    assert "holter: sees this training (batchgenerators workers)" in told_live
    assert "Can replace workers, save checkpoints, restart with: holter train " in told_live
    assert "has been stuck in take_lock (nnUNetTrainerStands.py" in told_live
    recording = read(tmp_path / "t.holter")
    announced, ended = told(recording, "announce-restart"), told(recording, "restart")
    assert [action.state for action in announced] == ["begun"]
    assert [action.state for action in ended] == ["begun", "done"]
    assert 14 <= ended[0].t_s - announced[0].t_s <= 120, "half of the limit, and what a busy machine adds"


def play(
    brain: Prepared,
    folder: Path,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
    for_s: float = 0.0,
    at: str = "step",
    *,
    scaled: bool = True,
) -> RunResult:
    """The same without a limit of the user's own, and with Holter's own limits scaled."""
    for name, value in SCALED.items() if scaled else ():
        monkeypatch.setattr(main_hang, name, value)
    monkeypatch.setitem(stall.FLOOR_S, "compile", SCALED_COMPILE_S)
    scene = Scene(brain, folder)
    scene.heal = True
    scene.options = (*TRAINER[:2], "--no-validation", "--epochs", "3", "--iterations", "12", "--val-iterations", "2")
    scene.extra = extra(folder, call, for_s, at)

    def look(recorder: Recorder, _: Tick) -> None:
        if NAMED in [top(diagnosis)[0] for diagnosis in recorder.kept.diagnoses.values()]:
            (folder / "enough").touch()

    return scene.play(None, each_tick=look)


@pytest.mark.parametrize("call", ["lock", "silent"])
def test_one_that_idles_is_healed_without_being_told_to(
    brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    result = play(brain, tmp_path, call, monkeypatch)
    assert (result.returncode, result.generations) == (0, 2)
    assert epochs(tmp_path) == [0, 1, 1, 2]
    recording = read(tmp_path / "run.holter")
    assert [action.message.key for action in told(recording, "announce-restart")] == ["main-hang.stands"]
    can = contract_line(recording.events(ContractSettled)[0], "en")
    assert can.startswith("sees this training (batchgenerators workers)") and "restart with: " in can


def test_one_that_waits_for_a_slow_upload_is_left_alone(
    brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For twice as long as the one that idles has, in another thread, and beside the thread that collects batches."""
    result = play(brain, tmp_path, "upload", monkeypatch, for_s=2 * SCALED["FLOOR_S"])
    assert (result.returncode, result.generations) == (0, 1)
    assert epochs(tmp_path) == [0, 1, 2], "it goes on where it was"
    assert (tmp_path / "stood").exists()
    recording = read(tmp_path / "run.holter")
    assert told(recording, "announce-restart") == [] and told(recording, "restart") == []


def test_one_that_computes_is_named_and_never_ended(
    brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = play(brain, tmp_path, "compute", monkeypatch, for_s=200.0)
    assert (result.returncode, result.generations) == (0, 1)
    assert epochs(tmp_path) == [0, 1, 2], "it goes on where it was"
    assert NAMED in [top(diagnosis)[0] for diagnosis in result.diagnoses]
    recording = read(tmp_path / "run.holter")
    assert told(recording, "announce-restart") == [] and told(recording, "restart") == []


@pytest.mark.parametrize("at", ["epoch-end", "first-step"])
def test_a_long_end_of_an_epoch_and_a_long_compilation_are_healthy(
    brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Twenty minutes of computing, and as many in the first step, by the scale of the limits: nothing is said or done.

    Both take longer than one that idles there has before it is restarted (test_main_hang).
    """
    result = play(brain, tmp_path, "compute", monkeypatch, for_s=55.0, at=at)
    assert (result.returncode, result.generations) == (0, 1)
    assert epochs(tmp_path) == [0, 1, 2]
    assert (tmp_path / "stood").exists()
    recording = read(tmp_path / "run.holter")
    assert [action.action for action in recording.events(ActionTaken) if action.action != "save-checkpoint"] == []
    assert [episode for episode in recording.episodes() if episode.kind == "stall"] == []
    if at == "first-step":
        assert "compile" in {event.phase for event in recording.events(PhaseChanged)}


def test_an_end_of_an_epoch_that_waits_is_told_as_a_fact_and_is_no_alarm(
    brain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """75 s in a call of the user's own, with the limits as they are."""
    result = play(brain, tmp_path, "report", monkeypatch, for_s=75.0, at="epoch-end", scaled=False)
    assert (result.returncode, result.generations) == (0, 1)
    recording = read(tmp_path / "run.holter")
    assert recording.episodes() == () and result.episodes == ()
    stands, goes_on = recording.events(Notice)
    assert stands.message.key == "notice.main-quiet" and goes_on.what == "main-goes-on"
    assert str(stands.message.value("place")).startswith("report (nnUNetTrainerStands.py:")
    assert 30 <= float(stands.message.value("age")) <= 60
