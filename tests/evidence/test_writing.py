"""Facts about what could not be written, and about shared memory, from hand-made recordings."""

from __future__ import annotations

import pytest

from holter.evidence import collect
from holter.hook.remarks import remark
from holter.probes.training.remarks import worded
from holter.records import (
    ActionTaken,
    Beat,
    Environment,
    Episode,
    Event,
    ExceptionSeen,
    Fact,
    HostSample,
    LogLine,
    ProcessEnded,
    ProcessSample,
    StorageSample,
    Subject,
    Tick,
)
from holter.sentences import as_fields
from holter.tape import Recording

AT_S = 100.0
RESULTS = "/data/results/fold_0"
CHECKPOINT = "checkpoint_latest.pth"
ROOM = {"free_bytes": 9 * 10**9, "total_bytes": 10**10, "read_only": False, "free_inodes": 1000}


def storage(label: str, path: str, **room: object) -> StorageSample:
    return StorageSample(
        t_s=0.0, label=label, path=path, fs_type="ext4", device="/dev/sdb1", mount_point="/data", **room
    )


def facts(*events: Event, kind: str = "death", shm: float = 0.1, **results: object) -> dict[str, Fact]:
    """Of an episode at 100 s with these events; the results as the probe saw them."""
    looks = (storage("results", RESULTS, **{**ROOM, **results}), storage("tmp", "/tmp", **ROOM))
    ticks = []
    for t_s in range(60, 131, 10):
        host = HostSample(t_s=t_s, shm_total_bytes=64 << 20, shm_used_bytes=int(shm * (64 << 20)))
        beat = Beat(t_s=t_s, pid=1, phase="train", worker_queue=2, worker_queue_size=6, ready_queue_size=1)
        workers = tuple(ProcessSample(t_s=t_s, pid=pid, role="train-worker") for pid in (2, 3))
        now = tuple(event for event in events if t_s - 10 < event.t_s <= t_s)
        ticks.append(Tick(t_s=float(t_s), host=host, storage=looks, beats=(beat,), processes=workers, events=now))
    environment = Environment(wall_start="", plans=(("patch_size", "64 x 64 x 64"), ("batch_size", "2")))
    recording = Recording(all_ticks=tuple(ticks), environment=environment)
    episode = Episode(
        kind=kind, start_s=AT_S, alarm_s=AT_S, subject=Subject(role="main", pid=1) if kind == "death" else "training"
    )
    return {fact.name: fact for fact in collect(recording, episode).facts}


def raised(message: str, error: str = "OSError", traceback: str = "", role: str = "main") -> ExceptionSeen:
    return ExceptionSeen(t_s=AT_S - 1, pid=1, role=role, error=error, message=message, traceback=traceback)


def failed(reason: str) -> ActionTaken:
    said = worded([remark("not-saved-epoch", epoch=2, file=CHECKPOINT, reason=reason), remark("older-kept", epoch=1)])
    return ActionTaken(t_s=AT_S, action="save-checkpoint", state="failed", source="hook", **as_fields(said))


def failed_before(reason: str) -> ActionTaken:
    """As tapes from before sentences were data have it."""
    text = f"epoch 2 in {CHECKPOINT}: {reason}; the checkpoint of epoch 1 is kept"
    return ActionTaken(t_s=AT_S, action="save-checkpoint", state="failed", text=text, source="hook")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (raised(f"[Errno 28] No space left on device: '{RESULTS}/progress.png'"), "full"),
        (raised(f"[Errno 122] Disk quota exceeded: '{RESULTS}/x'"), "quota"),
        (raised(f"[Errno 30] Read-only file system: '{RESULTS}/x'"), "read-only"),
        (failed("No space left on device"), "full"),
        (failed("Read-only file system"), "read-only"),
        (failed_before("No space left on device"), "full"),
        (LogLine(t_s=AT_S - 2, text="OSError: [Errno 28] No space left on device", level="error"), "full"),
    ],
)
def test_the_errors_of_a_disk_are_told_apart(event: Event, expected: str) -> None:
    found = facts(event)
    assert found["disk.error"].value == expected
    assert found["disk.folder"].value == RESULTS
    assert found["disk.mount"].value == "ext4 /dev/sdb1 on /data"


def test_the_file_that_is_named_tells_the_file_system() -> None:
    found = facts(raised("[Errno 28] No space left on device: '/tmp/x/y.tmp'"))
    assert (found["disk.file"].value, found["disk.folder"].value) == ("/tmp/x/y.tmp", "/tmp")


def test_no_space_without_inodes_is_a_want_of_inodes() -> None:
    found = facts(raised(f"[Errno 28] No space left on device: '{RESULTS}/x'"), free_inodes=0)
    assert found["disk.error"].value == "inodes"


def test_torch_does_not_say_why_it_could_not_write_but_the_disk_does() -> None:
    torchs = raised("[enforce fail at inline_container.cc:603] . unexpected pos 704 vs 598", "RuntimeError")
    assert facts(torchs, free_bytes=0)["disk.error"].value == "full"
    assert facts(torchs)["disk.error"].status == "not-applicable"


@pytest.mark.parametrize(
    "event",
    [
        raised("unable to write to file </torch_71_12>: No space left on device (28)", "RuntimeError"),
        raised("[Errno 28] No space left on device", traceback="in SemLock.__init__\n  _multiprocessing.SemLock("),
    ],
)
def test_the_same_words_about_shared_memory_are_not_the_disks(event: ExceptionSeen) -> None:
    found = facts(event)
    assert found["disk.error"].status == "not-applicable"
    assert found["shm.trouble"].value == "no-room"


def test_a_full_disk_alone_is_no_error_but_where_nothing_can_be_saved() -> None:
    assert facts(free_bytes=0)["disk.error"].status == "not-applicable"
    assert facts(kind="unsaved", free_bytes=0)["disk.error"].value == "full"
    assert facts(kind="unsaved", read_only=True)["disk.read_only"].value is True


@pytest.mark.parametrize(("number", "shm", "expected"), [(7, 0.97, "bus-error"), (7, 0.3, None), (9, 0.97, None)])
def test_a_bus_error_is_trouble_of_shared_memory_where_it_is_full(number: int, shm: float, expected: str) -> None:
    ended = ProcessEnded(t_s=AT_S, pid=2, role="train-worker", exit_signal=number, source="hook")
    found = facts(ended, kind="death", shm=shm)
    assert found["shm.trouble"].value == expected
    assert found["shm.trouble"].status == ("known" if expected else "not-applicable")


def test_what_full_queues_need_is_compared_with_the_size_of_shared_memory() -> None:
    ratio = facts()["shm.needed_ratio"].value
    assert ratio == pytest.approx((6 + 1 + 2) * 2 * 64**3 * 6 / (64 << 20), abs=1e-3)


def test_results_that_are_mounted_read_only_explain_a_standstill():
    """nnU-Net tries each line of its log for 2.5 s before it gives up; the standstill comes before the exception."""
    assert facts(kind="stall", read_only=True)["disk.error"].value == "read-only"
    assert facts(kind="stall")["disk.error"].status == "not-applicable"
