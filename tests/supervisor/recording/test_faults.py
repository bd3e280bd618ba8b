"""Real faults in real stock trainings: an alarm within seconds, the true cause first."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.evidence.chain import STOPPED
from holter.probes.process.py_spy import find_py_spy
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.records import ExceptionSeen, ProcessEnded
from supervisor.scene import LIMIT_S, Named, Scene, of_role, top, verdict_of

pytestmark = pytest.mark.training


@pytest.fixture
def scene(brain: Prepared, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path / request.node.name.replace("test_", "", 1).replace("[", "-").rstrip("]")
    folder.mkdir()
    return Scene(brain, folder)


@pytest.mark.sample
def test_a_stopped_worker_is_found_twice_the_second_time_where_ptrace_is_refused(scene):
    """Without py-spy the hook's faulthandler file answers for those who run, the kernel for those who are stopped."""
    stopped: list[int] = []
    named = Named("frozen-worker")

    def stop(recorder, tick):
        stopped.append(of_role(tick, "train-worker")[0].pid)
        os.kill(stopped[-1], signal.SIGSTOP)

    def resume_when_named(recorder, tick):
        count = named.count(recorder, tick)
        if count == len(stopped):
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        dumper = recorder.kept._investigator._dumper
        # A sweep of the first episode that is not finished would lose its py-spy.
        is_over = recorder.kept.episodes and recorder.kept.episodes[-1].end_s is not None and not dumper.busy
        if len(stopped) == count == 1 and is_over and of_role(tick, "train-worker"):
            dumper._py_spy.program = Path("/nonexistent/py-spy")
            stop(recorder, tick)

    scene.options = ("--epochs", "3", "--iterations", "30", "--no-validation")
    result = scene.play(stop, each_tick=resume_when_named)
    assert result.returncode == 0
    # On a busy machine the training may also really become slower.
    later = [diagnosis for diagnosis in scene.diagnoses() if diagnosis.episode.alarm_s > scene.fault_s]
    diagnosis, blind = (named for named in later if named.episode.kind != "slow-down")
    assert diagnosis.episode.kind == blind.episode.kind == "stall"
    assert diagnosis.episode.alarm_s - scene.fault_s < 20
    assert top(diagnosis) == top(blind) == ("frozen-worker", "confirmed")
    assert all(
        f"PID {pid}" in named.episode.subject_name for pid, named in zip(stopped, (diagnosis, blind), strict=True)
    )
    assert any(link.target == STOPPED() for link in diagnosis.wait_chain)
    assert diagnosis.episode.end_s is not None
    first, second = (
        [dump for dump in scene.recording().stacks() if begin <= dump.t_s and dump.came_s <= end]
        for begin, end in ((0, diagnosis.episode.end_s), (blind.episode.alarm_s, float("inf")))
    )
    assert {dump.rung for dump in first} == {"py-spy"}
    # Of each process the first: one that was thawed when the cause was named may be looked at again.
    assert {dump.pid == stopped[1]: dump.rung for dump in reversed(second)} == {True: "proc", False: "faulthandler"}


@pytest.mark.long
def test_a_worker_ended_by_a_signal_is_named_with_the_signal(scene):
    """By SIGBUS; SIGKILL is in test_hippocampus.py and, from the kernel, below."""
    result = scene.play(lambda _, tick: os.kill(of_role(tick, "train-worker")[0].pid, signal.SIGBUS))
    assert result.returncode == 1
    assert "background workers are no longer alive" in scene.output()
    diagnosis = scene.diagnoses()[0]
    assert diagnosis.episode.kind == "death"
    assert diagnosis.episode.alarm_s - scene.fault_s < 10
    assert top(diagnosis) == ("worker-killed", "confirmed")
    facts = {fact.name: fact for fact in diagnosis.facts}
    assert facts["worker.ending"].value == "SIGBUS"
    assert facts["oom.kills"].value == 0


@pytest.mark.long
def test_an_interrupt_is_no_alarm(scene):
    """Stock may hang at its exit then (docs/upstream.md): in a lock that a terminated worker held."""
    hung: list[str] = []  # stacks

    def end(recorder, tick):
        if scene.fault_s is not None and tick.t_s > scene.fault_s + 30 and not hung:
            for process in of_role(tick, "main"):
                dump = subprocess.run(
                    [str(find_py_spy()), "dump", "--pid", str(process.pid)], capture_output=True, text=True, check=False
                )
                hung.append(dump.stdout)
                os.kill(process.pid, signal.SIGKILL)

    result = scene.play(lambda _, tick: os.kill(of_role(tick, "main")[0].pid, signal.SIGINT), each_tick=end)
    if hung and all("Event.set" in stack and "__del__" in stack for stack in hung):
        pytest.skip("this time batchgenerators hung at the interpreter's exit")
    assert result.returncode != 0
    assert result.episodes == ()


MEMORY = Path("/sys/fs/cgroup/memory")


@pytest.mark.long
@pytest.mark.root
@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="needs a writable cgroup v1 memory controller")
def test_an_out_of_memory_kill_in_a_cgroup_is_told_apart_from_other_kills(scene):
    group = MEMORY / f"holter-test-{os.getpid()}"

    def shrink(recorder, tick):
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(4 << 20))
        (group / "cgroup.procs").write_text(str(of_role(tick, "train-worker")[0].pid))

    try:
        scene.play(shrink)
    finally:
        if group.exists():
            group.rmdir()
    diagnosis = scene.diagnoses()[0]
    assert top(diagnosis) == ("ram-oom-train-worker", "confirmed")
    facts = {fact.name: fact for fact in diagnosis.facts}
    assert facts["worker.ending"].value == "SIGKILL"
    assert facts["oom.kills"].value >= 1
    assert any(finding.text == "oom-counted" for finding in diagnosis.verdicts[0].supports)


def own_data(scene: Scene) -> Path:
    """The preprocessed folder as a copy that may be damaged; gives the folder of the cases."""
    copy = scene.folder / "nnUNet_preprocessed"
    shutil.copytree(scene.brain.preprocessed, copy)
    scene.extra["nnUNet_preprocessed"] = str(copy)
    return copy / DATASET_NAME / f"nnUNetPlans_{CONFIGURATION}"


@pytest.mark.long
def test_a_truncated_file_is_named_with_its_case(scene):
    cases = own_data(scene)

    def cut(recorder, tick):
        for file in cases.glob("*[0-9].b2nd"):
            os.truncate(file, file.stat().st_size // 3)

    result = scene.play(cut)
    assert result.returncode != 0
    diagnosis = scene.diagnoses()[0]
    assert top(diagnosis)[0] == "truncated-preprocessed-file"
    facts = {fact.name: fact for fact in diagnosis.facts}
    assert "brain_" in str(facts["workers.case"].value)


@pytest.mark.long
def test_an_exception_in_a_worker_is_told_with_case_and_traceback_and_the_echo_is_not(scene):
    cases = own_data(scene)

    def spoil(recorder, tick):
        for file in cases.glob("*.pkl"):
            file.write_bytes(b"\x80\x04}\x94.")  # a pickle of an empty dict: class_locations is missing

    scene.play(spoil)
    diagnosis = scene.diagnoses()[0]
    assert top(diagnosis) == ("worker-exception", "confirmed")
    seen = scene.recording().events(ExceptionSeen)
    assert any(event.error == "KeyError" and event.case and "class_locations" in event.traceback for event in seen)
    assert any(event.echo for event in seen)
    assert verdict_of(diagnosis, "main-exception") == "excluded"


def lose_a_result(folder: Path, killed: list[int]) -> None:
    """Kill an export worker while the main thread waits for its result; stopped first, so that it is not done then."""
    pages = HeartbeatProbe(folder, 0.0)

    def awaited() -> list[int]:
        beats = pages.read(0.0).samples
        is_waiting = any(beat.role == "main" and beat.waits_for == "export-result" for beat in beats)
        return [beat.pid for beat in beats if is_waiting and beat.role == "export-worker" and beat.case]

    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and not killed:
        for pid in awaited()[:1]:
            os.kill(pid, signal.SIGSTOP)
            if pid in awaited():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            else:
                os.kill(pid, signal.SIGCONT)
        time.sleep(0.002)


@pytest.mark.long
def test_a_lost_export_result_is_named_in_the_final_validation(scene):
    scene.options = ("--epochs", "1", "--iterations", "6", "--val-iterations", "2")
    killed: list[int] = []

    def begin(recorder, tick):
        threading.Thread(
            target=lose_a_result, args=(Path(recorder.about.environment.scratch), killed), daemon=True
        ).start()

    def end(recorder, tick):
        if any(event.text.startswith("export-lost-result-hang") for event in notes(recorder)):
            for process in of_role(tick, "main"):
                os.kill(process.pid, signal.SIGKILL)

    def in_final_validation(tick) -> bool:
        return any(beat.role == "main" and beat.phase == "final-validation" for beat in tick.beats)

    scene.play(begin, when=in_final_validation, each_tick=end)
    assert killed, "no export worker was caught with a case in hand"
    diagnosis = scene.diagnoses()[0]
    assert diagnosis.episode.phase == "final-validation"
    assert top(diagnosis) == ("export-lost-result-hang", "confirmed")
    ended = [event for event in scene.recording().events(ProcessEnded) if event.pid == killed[0]]
    assert any(event.exit_signal == signal.SIGKILL for event in ended)


def notes(recorder):
    for diagnosis in recorder.kept.diagnoses.values():
        verdict = diagnosis.verdicts[0]
        yield type("Named", (), {"text": f"{verdict.cause} {verdict.verdict}"})
