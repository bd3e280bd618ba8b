"""Trouble from outside, for real: full and read-only disks, a full /dev/shm, a GPU that is hot or shared.

One of them runs with all tests. The others were recorded once as tapes (``tests/tapes``), which the tests of causes
replay; with HOLTER_KEEP_TAPES=FOLDER they run again and are recorded anew. GPU readings come from the NVML library of
the tests, through the real binding.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.demo.prepare import Prepared
from holter.hook.checkpoints.select import verify
from holter.records import ActionTaken, Noted, Tick
from holter.supervisor.recording.recorder import Recorder
from needs import needs
from nvml.fake_nvml import FakeGpu
from supervisor.scene import KEEP, Scene, of_role, top, verdict_of

recorded = pytest.mark.skipif(not KEEP, reason="kept as a tape; HOLTER_KEEP_TAPES=FOLDER records it again")
root = needs("root")
gpu_only = needs("cc")
pytestmark = pytest.mark.training

RESULTS_SIZE = "48m"  # a dozen checkpoints of the small network
# Room for lines of the log and the plot, and for no checkpoint (370 kB).
LEFT_BYTES = 150_000
SIMULATED = "GPU readings come from the NVML library of the tests; steps are slowed down by a file"
HOT = {"utilization": 99, "sm_clock": 510, "temperature": 91, "power": 118_000, "clock_event_reasons": 0x60}
FOREIGN_PID = os.getpid()
GIB = 2**30


@pytest.fixture
def scene(brain: Prepared, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path / request.node.name.replace("test_", "", 1)
    folder.mkdir()
    return Scene(brain, folder)


@pytest.fixture
def small(scene: Scene) -> Iterator[Path]:
    """The results of this training are a file system of their own."""
    results = scene.folder / "results"
    results.mkdir()
    mount("-t", "tmpfs", "-o", f"size={RESULTS_SIZE}", "holter-test", str(results))
    yield results
    subprocess.run(["umount", "-l", str(results)], check=False)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def fill(folder: Path, left_bytes: int = 0) -> Path:
    """Take all room but ``left_bytes``."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                room = os.statvfs(folder)
                chunk = min(1 << 16, room.f_bavail * room.f_frsize - left_bytes)
                if chunk <= 0 and left_bytes:
                    break
                file.write(bytes(max(chunk, 512)))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def later(scene: Scene, seconds: float, deed: Callable[[], None]) -> Callable[[Recorder, Tick], None]:
    """Do it once, so long after the fault."""
    done: list[bool] = []

    def each_tick(recorder: Recorder, tick: Tick) -> None:
        if not done and scene.fault_s is not None and tick.t_s > scene.fault_s + seconds:
            done.append(True)
            deed()

    return each_tick


def states(scene: Scene, action: str) -> list[str]:
    return [event.state for event in scene.recording().events(ActionTaken) if event.action == action]


@pytest.mark.long
@root
def test_a_full_disk_is_an_alarm_and_the_training_goes_on(scene: Scene, small: Path) -> None:
    scene.heal = True
    scene.options = ("--epochs", "5", "--iterations", "25", "--no-validation")
    scene.extra = {"HOLTER_CHECKPOINT_EVERY_S": "0"}
    kept: list[bool] = []

    def full(recorder: Recorder, tick: Tick) -> None:
        fill(small, LEFT_BYTES)

    def make_room(recorder: Recorder, tick: Tick) -> None:
        failed = [event for event in tick.events if isinstance(event, ActionTaken) and event.state == "failed"]
        if failed:  # what was there before must be whole
            kept.extend(verify(str(file)).ok for file in small.rglob("checkpoint_*.pth"))
        waits = [event for event in tick.events if isinstance(event, ActionTaken) and event.action == "wait"]
        if any(action.state == "begun" for action in waits):
            (small / "filler").unlink()

    result = scene.play(full, each_tick=make_room)
    assert (result.returncode, result.generations) == (0, 1)
    assert kept and all(kept)
    assert {"failed", "done"} <= set(states(scene, "save-checkpoint"))
    (diagnosis,) = scene.diagnoses()
    assert (diagnosis.episode.kind, *top(diagnosis)) == ("unsaved", "disk-full-or-quota", "confirmed")
    assert diagnosis.episode.end_s is not None, "over when a checkpoint was saved again"
    assert states(scene, "wait") == ["begun", "done"]
    wait = next(action for action in scene.recording().events(ActionTaken) if action.action == "wait")
    asked = dict(wait.asks)
    assert asked["folder"].startswith(str(small))
    assert asked["disk"].startswith("tmpfs")


@pytest.mark.long
def test_a_share_that_is_gone_when_the_training_has_died_is_waited_for(scene: Scene) -> None:
    scene.heal = True
    scene.extra = {"HOLTER_CHECKPOINT_EVERY_S": "0"}
    results, away = scene.folder / "results", scene.folder / "away"

    def unmount(recorder: Recorder, tick: Tick) -> None:
        os.kill(of_role(tick, "main")[0].pid, signal.SIGKILL)
        results.rename(away)

    back = later(scene, 8, lambda: away.rename(results))
    result = scene.play(unmount, each_tick=back)
    assert (result.returncode, result.generations, result.gave_up) == (0, 2, None)
    assert states(scene, "wait") == ["begun", "done"]
    assert next(results.rglob("checkpoint_final.pth"))


@root
@recorded
def test_a_full_disk_ends_stock(scene: Scene, small: Path) -> None:
    scene.options = ("--epochs", "3", "--iterations", "20", "--no-validation")
    result = scene.play(lambda *_: fill(small) and None)
    assert result.returncode != 0
    diagnosis = scene.diagnoses()[0]
    assert (diagnosis.episode.kind, *top(diagnosis)) == ("death", "disk-full-or-quota", "confirmed")


@root
@recorded
def test_read_only_results(scene: Scene, small: Path) -> None:
    scene.heal = True
    scene.options = ("--epochs", "4", "--iterations", "20", "--no-validation")
    scene.extra = {"HOLTER_CHECKPOINT_EVERY_S": "0"}

    def remount(recorder: Recorder, tick: Tick) -> None:
        until_s = time.monotonic() + 5
        while True:  # not while a file is open for writing
            with contextlib.suppress(subprocess.CalledProcessError):
                return mount("-o", "remount,ro", str(small))
            assert time.monotonic() < until_s
            time.sleep(0.05)

    back = later(scene, 30, lambda: mount("-o", f"remount,rw,size={RESULTS_SIZE}", str(small)))
    result = scene.play(remount, each_tick=back)
    assert (result.returncode, result.generations) == (0, 1)
    # The lines that nnU-Net cannot write to its log come first, as a stall.
    diagnosis = next(diagnosis for diagnosis in scene.diagnoses() if diagnosis.episode.kind == "unsaved")
    assert top(diagnosis) == ("disk-full-or-quota", "confirmed")
    assert states(scene, "wait") == ["begun", "done"]


@root
@recorded
def test_a_disk_that_is_full_at_the_end_is_waited_for_and_then_the_training_is_started_again(
    scene: Scene, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final checkpoint cannot be written: the training ends, and begins again when there is room."""
    monkeypatch.setattr("supervisor.scene.LIMIT_S", 480.0)  # the hook tries for a minute before it gives up
    scene.heal = True
    scene.options = ("--epochs", "2", "--iterations", "40", "--no-validation")
    scene.extra = {"HOLTER_CHECKPOINT_EVERY_S": "0"}
    ended: list[float] = []

    def make_room(recorder: Recorder, tick: Tick) -> None:
        if scene.fault_s is None:
            return
        if not of_role(tick, "main"):
            ended.append(tick.t_s)
        if ended and tick.t_s > ended[0] + 20 and (small / "filler").exists():
            (small / "filler").unlink()
            recorder.add(Noted(t_s=tick.t_s, what="room-again"))

    result = scene.play(lambda *_: fill(small, LEFT_BYTES) and None, each_tick=make_room)
    recording = scene.recording()
    assert (result.returncode, result.generations) == (0, 2)
    (room_s,) = (note.t_s for note in recording.events(Noted) if note.what == "room-again")
    restart = next(
        action for action in recording.events(ActionTaken) if action.action == "restart" and action.state == "begun"
    )
    assert restart.cause == "disk-full-or-quota"
    assert 5 < restart.t_s - room_s < 40, "once there is room, and not before"


@root
@recorded
def test_little_room_on_the_disk(scene: Scene, small: Path) -> None:
    """Near miss: a disk that is almost full, with room for what is written."""
    scene.options = ("--epochs", "2", "--iterations", "25", "--no-validation")
    fill(small, 14_000_000)
    result = scene.play(None)
    assert (result.returncode, result.episodes) == (0, ())


def in_small_shm() -> bool:
    """The tape is recorded with all of pytest in a mount namespace:

    unshare -m sh -c 'mount -t tmpfs -o size=64m shm /dev/shm && exec python -m pytest ...'
    """
    room = os.statvfs("/dev/shm")
    return room.f_blocks * room.f_frsize <= 64 << 20


@recorded
@pytest.mark.skipif(not in_small_shm(), reason="/dev/shm is large")
def test_shared_memory_that_is_full_ends_a_worker(scene: Scene) -> None:
    def full(recorder: Recorder, tick: Tick) -> None:
        fill(Path("/dev/shm"))

    def still_full(recorder: Recorder, tick: Tick) -> None:
        if scene.fault_s is not None and tick.t_s < scene.fault_s + 12:
            fill(Path("/dev/shm"))
        else:
            Path("/dev/shm/filler").unlink(missing_ok=True)

    try:
        scene.play(full, each_tick=still_full)
    finally:
        Path("/dev/shm/filler").unlink(missing_ok=True)
    diagnosis = scene.diagnoses()[0]
    assert (diagnosis.episode.kind, *top(diagnosis)) == ("death", "shm-too-small", "confirmed")
    assert verdict_of(diagnosis, "worker-killed") != "confirmed"


@recorded
@pytest.mark.skipif(not in_small_shm(), reason="/dev/shm is large")
def test_shared_memory_is_almost_full(scene: Scene) -> None:
    """Near miss: somebody else's files take most of it, and what is left is enough."""
    scene.options = ("--epochs", "2", "--iterations", "20", "--no-validation")
    fill(Path("/dev/shm"), 26_000_000)
    try:
        result = scene.play(None)
    finally:
        Path("/dev/shm/filler").unlink()
    assert (result.returncode, result.episodes) == (0, ())


def on_a_gpu(scene: Scene, gpu: FakeGpu, delay: Path) -> Callable[[Recorder, Tick], None]:
    """Let the training be listed on the GPU, and say that the readings are not real."""
    scene.extra = gpu.environment()
    scene.options = ("--epochs", "3", "--iterations", "30", "--no-validation", "--train-step-delay-file", str(delay))
    told: list[bool] = []

    def each_tick(recorder: Recorder, tick: Tick) -> None:
        main = of_role(tick, "main")
        if main and not told:
            told.append(True)
            gpu.set(processes=[(main[0].pid, 9 * GIB)], process_names={main[0].pid: "python"})
            recorder.add(Noted(t_s=tick.t_s, what="simulated", text=SIMULATED))

    return each_tick


def both(*merge_events: Callable[[Recorder, Tick], None]) -> Callable[[Recorder, Tick], None]:
    return lambda recorder, tick: [deed(recorder, tick) for deed in merge_events] and None


@gpu_only
@recorded
def test_a_hot_gpu_lowers_its_clock(scene: Scene, tmp_path: Path) -> None:
    gpu, delay = FakeGpu(tmp_path / "gpu"), tmp_path / "delay"
    listed = on_a_gpu(scene, gpu, delay)

    def hot(recorder: Recorder, tick: Tick) -> None:
        gpu.set(**HOT, clock_throttle_reasons=0x60)
        delay.write_text("3.0")

    def cool() -> None:
        gpu.set(utilization=93, sm_clock=1395, temperature=61, clock_event_reasons=4, clock_throttle_reasons=4)
        delay.unlink()

    result = scene.play(hot, each_tick=both(listed, later(scene, 75, cool)))
    assert result.returncode == 0
    diagnosis = scene.diagnoses()[0]
    assert (diagnosis.episode.kind, *top(diagnosis)) == ("slow-down", "gpu-thermal-or-power", "confirmed")
    assert {gpu.source for tick in scene.recording().all_ticks for gpu in tick.gpus} == {"nvml"}


@gpu_only
@recorded
def test_somebody_else_on_the_gpu(scene: Scene, tmp_path: Path) -> None:
    gpu, delay = FakeGpu(tmp_path / "gpu"), tmp_path / "delay"
    listed = on_a_gpu(scene, gpu, delay)
    alone: list[tuple[int, int]] = []

    def shared(recorder: Recorder, tick: Tick) -> None:
        alone.append((of_role(tick, "main")[0].pid, 9 * GIB))
        names = {alone[0][0]: "python", FOREIGN_PID: "python3"}
        gpu.set(processes=[*alone, (FOREIGN_PID, 21 * GIB)], process_names=names, memory_used=31 * GIB, utilization=100)
        delay.write_text("3.0")

    def gone() -> None:
        gpu.set(processes=alone, memory_used=9 * GIB, utilization=93)
        delay.unlink()

    result = scene.play(shared, each_tick=both(listed, later(scene, 32, gone)))
    assert result.returncode == 0
    diagnosis = scene.diagnoses()[0]
    assert (diagnosis.episode.kind, *top(diagnosis)) == ("slow-down", "gpu-shared-or-zombie", "confirmed")


@gpu_only
@recorded
def test_power_cap_and_a_small_neighbour(scene: Scene, tmp_path: Path) -> None:
    """Near miss: at its power limit as any busy GPU is, with a display of somebody's on it."""
    gpu = FakeGpu(tmp_path / "gpu", utilization=99, power=399_000, sm_clock=1155, clock_event_reasons=0x4)
    listed = on_a_gpu(scene, gpu, tmp_path / "delay")
    scene.options = ("--epochs", "2", "--iterations", "25", "--no-validation")

    def neighbour(recorder: Recorder, tick: Tick) -> None:
        listed(recorder, tick)
        main = of_role(tick, "main")
        if main and len(str(gpu.state["processes"]).split(",")) < 3:
            processes = [(main[0].pid, 9 * GIB), (FOREIGN_PID, 12 << 20)]
            gpu.set(processes=processes, process_names={main[0].pid: "python", FOREIGN_PID: "Xorg"})

    result = scene.play(None, each_tick=neighbour)
    assert (result.returncode, result.episodes) == (0, ())
