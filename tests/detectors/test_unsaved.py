"""The training goes on and cannot be saved: first what is no alarm."""

from __future__ import annotations

import pytest

from holter.detectors import Watch, detect
from holter.detectors.unsaved import LACKING_S, UnsavedDetector
from holter.hook.remarks import remark
from holter.probes.training.remarks import worded
from holter.records import ActionTaken, Beat, Episode, Event, Noted, ProcessEnded, StorageSample, Text, Tick
from holter.reports.catalogue import phrase
from holter.sentences import as_fields

FULL = {"free_bytes": 0, "total_bytes": 48_000_000, "read_only": False}
ROOM = {"free_bytes": 20_000_000, "total_bytes": 48_000_000, "read_only": False}
FILE, FULL_DISK = "checkpoint_latest.pth", "No space left on device"
FAILED = worded([remark("not-saved-epoch", epoch=2, file=FILE, reason=FULL_DISK), remark("older-kept", epoch=1)])
# As tapes from before sentences were data have it.
FAILED_BEFORE = f"epoch 2 in {FILE}: {FULL_DISK}; the checkpoint of epoch 1 is kept"
REFUSED = worded(remark("training-over"))


def tick(t_s: float, *events: Event, label: str = "results", **room: object) -> Tick:
    storage = (StorageSample(t_s=t_s, label=label, path="/data/results", **room),) if room else ()
    beat = Beat(t_s=t_s, pid=1, phase="train", epoch=2, progress_total=int(t_s))
    return Tick(t_s=t_s, beats=(beat,), storage=storage, events=events)


def saving(t_s: float, state: str, said: Text = FAILED) -> ActionTaken:
    return ActionTaken(t_s=t_s, action="save-checkpoint", state=state, source="hook", **as_fields(said))


def seen(*ticks: Tick) -> list[Episode]:
    detector = UnsavedDetector()
    return [episode for tick in ticks for episode in detector.see(tick)]


def every_ten_seconds(seconds: float, **how: object) -> list[Tick]:
    return [tick(float(t_s), **how) for t_s in range(0, int(seconds) + 1, 10)]


@pytest.mark.parametrize(
    "how",
    [
        ROOM,
        {**ROOM, "label": "preprocessed", "read_only": True},  # data are often mounted so
        {**FULL, "label": "tmp"},
        {"probe_pending_s": 30.0},  # it does not answer: nothing is known
        {"free_bytes": 2_000_000, "total_bytes": 48_000_000, "free_inodes": None},
    ],
)
def test_room_or_nothing_known_is_no_alarm(how: dict[str, object]) -> None:
    assert seen(*every_ten_seconds(120, **how)) == []


def test_a_moment_without_room_is_no_alarm() -> None:
    assert seen(tick(0, **FULL), tick(10, **ROOM), tick(20, **FULL), tick(30, **ROOM)) == []


@pytest.mark.parametrize("said", [REFUSED, "the training is over; its final checkpoint is what there is", ""])
def test_a_request_that_was_refused_is_no_failed_save(said: Text) -> None:
    assert seen(tick(5, saving(5, "failed", said))) == []


@pytest.mark.parametrize("what", [FULL, {**ROOM, "read_only": True}, {**ROOM, "free_inodes": 0}])
def test_two_looks_without_room_are_an_alarm_until_there_is_room(what: dict[str, object]) -> None:
    alarm, over = seen(*every_ten_seconds(20, **what), tick(60, **ROOM))
    assert (alarm.kind, alarm.start_s, alarm.alarm_s) == ("unsaved", 0.0, 20.0)
    assert "/data/results" in phrase(alarm.reason, "en")
    assert alarm.alarm_s >= LACKING_S
    assert over.end_s == 60.0


@pytest.mark.parametrize("said", [FAILED, FAILED_BEFORE])
def test_a_failed_save_is_an_alarm_at_once_and_only_a_save_ends_it(said: Text) -> None:
    failed, again = tick(7, saving(7, "failed", said)), tick(30, saving(30, "failed", said))
    (alarm,) = seen(failed, again, tick(40, **ROOM))
    assert (alarm.start_s, alarm.alarm_s, alarm.end_s) == (7.0, 7.0, None)
    assert alarm.reason == said
    *_, over = seen(failed, again, tick(40, **ROOM), tick(50, saving(50, "done", "checkpoint_latest.pth: verified")))
    assert over.end_s == 50.0


HERE, AGAIN, ELSEWHERE = "64:7", "64:9", "2:7"


def look(t_s: float, identity: str | None, *events: Event, **how: object) -> Tick:
    """One look at the folder, which tells of the moment of the look before it."""
    there = {"identity": identity, "missing": identity is None, **(ROOM if identity else {}), **how}
    return tick(t_s, *events, **there)


def wrote(t_s: float) -> Noted:
    return Noted(t_s=t_s, what="checkpoint", text="/data/results/checkpoint_latest.pth in 0.40 s")


def test_a_folder_that_one_look_does_not_find_is_there() -> None:
    assert seen(look(0, HERE), look(10, None), look(20, HERE), look(30, None), look(40, HERE)) == []


@pytest.mark.parametrize("saved", [saving(27, "done", "checkpoint_latest.pth: verified"), wrote(27)])
def test_a_folder_that_is_made_again_is_gone_until_a_checkpoint_is_saved_in_it_and_then_it_is_this_one(saved) -> None:
    gone = [look(0, HERE), look(10, None), look(20, None)]
    (alarm,) = seen(*gone)
    assert (alarm.kind, alarm.start_s, alarm.reason.key) == ("unsaved", 10.0, "unsaved.deleted")
    assert len(seen(*gone, look(30, AGAIN), look(40, AGAIN), look(50, AGAIN))) == 1, "nobody knows that it can be used"
    late = look(30, None, saved)  # its answer is of the look before
    _, over, *more = seen(*gone, late, *(look(t_s, AGAIN, wrote(t_s - 3)) for t_s in range(40, 400, 10)))
    assert (over.end_s, more) == (40.0, [])


def test_checkpoints_on_another_file_system_are_one_alarm_and_not_one_each() -> None:
    unmounted = [
        look(t_s, ELSEWHERE, saving(t_s - 3, "done", "verified"), wrote(t_s - 3)) for t_s in range(10, 300, 10)
    ]
    (alarm,) = seen(look(0, HERE), *unmounted)
    assert (alarm.reason.key, alarm.end_s) == ("unsaved.replaced", None)
    *_, over = seen(look(0, HERE), *unmounted, look(300, HERE))
    assert over.end_s == 300.0


@pytest.mark.parametrize("fs_type", ["fuse.sshfs", "cifs", "9p", "overlay"])
def test_a_file_system_that_makes_up_inode_numbers_is_known_by_its_device(fs_type) -> None:
    numbers = [look(t_s, f"64:{t_s}", fs_type=fs_type) for t_s in range(0, 100, 10)]
    assert seen(*numbers) == []
    assert [episode.reason.key for episode in seen(*numbers, look(100, ELSEWHERE), look(110, ELSEWHERE))] == [
        "unsaved.replaced"
    ]


def test_the_end_of_the_training_ends_it_and_nothing_else_hides_it() -> None:
    death = ProcessEnded(t_s=9.0, pid=1, role="main", exit_signal=9, source="wait")
    episodes = detect([tick(7, saving(7, "failed")), Tick(t_s=9.0, events=(death,))])
    assert [(episode.kind, episode.end_s) for episode in episodes] == [("unsaved", 9.0), ("death", 9.0)]


def test_it_does_not_cover_a_standstill() -> None:
    watch = Watch()
    watch.see(tick(7, saving(7, "failed")))
    assert [episode.kind for episode in watch.episodes] == ["unsaved"]
