"""A tape that is followed shows the same as a tape that is read as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from holter.errors import NotATape, TapeError
from holter.records import EpochEnded, HostSample, ProcessSample, Tick
from holter.tape import Follower, TapeWriter, read

TAPES = Path(__file__).parents[1] / "tapes"
KEPT = ("quiet/as_usual", "shm_too_small/fault", "vgpu_unlicensed/fault", "quiet/machine_suspended")


def without_events(ticks: tuple[Tick, ...]) -> list[Tick]:
    bare = (msgspec.structs.replace(tick, events=()) for tick in ticks)
    return [tick for tick in bare if tick != Tick(t_s=tick.t_s, span_s=tick.span_s)]


@pytest.mark.parametrize("name", KEPT)
def test_it_reads_what_a_whole_read_does(name: str) -> None:
    path = TAPES / f"{name}.holter"
    whole, follower = read(path), Follower(path)
    news = follower.news()
    assert news.events == whole.events()
    assert news.stacks == whole.stacks() and news.episodes == whole.episodes()
    assert news.environment == whole.environment and news.finished == whole.finished
    assert follower.ticks(0.0, 1e6) == without_events(whole.all_ticks)
    assert follower.fresh(0.0) == without_events(whole.all_ticks)
    assert follower.fresh(0.0) == [] and follower.news().events == ()


@pytest.mark.parametrize("start_s", [0.5, 37.0, 61.0, 100.0])
def test_a_stretch_from_the_middle_is_complete(start_s: float) -> None:
    path = TAPES / "quiet/as_usual.holter"
    whole = without_events(read(path).all_ticks)
    expected = [tick for tick in whole if start_s <= tick.t_s < start_s + 20]
    assert Follower(path).ticks(start_s, start_s + 20) == expected


class Growing:
    """A tape under a writer whose clock the test sets."""

    def __init__(self, path: Path) -> None:
        self.now_s = 0.0
        self.writer = TapeWriter(path, clock=lambda: self.now_s)

    def write(self, start_s: float, end_s: float) -> None:
        for second in range(round(start_s), round(end_s)):
            self.now_s = float(second)
            samples = [HostSample(t_s=self.now_s, cpu_busy_ratio=second % 7 / 10, cpu_count=4)]
            samples += [ProcessSample(t_s=self.now_s, pid=pid, rss_bytes=1000 + second) for pid in (1, 2)]
            self.writer.write_samples(self.now_s, samples)
            if second % 60 == 59:
                self.writer.write_events([EpochEnded(t_s=self.now_s, epoch=second // 60)])
            self.writer.pulse(self.now_s)
        self.writer.commit()


def test_readings_are_followed_while_they_are_written_and_compacted(tmp_path: Path) -> None:
    path = tmp_path / "live.holter"
    growing = Growing(path)
    follower = Follower(path)
    seen: list[Tick] = []
    events = 0
    for start_s in range(0, 2000, 40):
        growing.write(start_s, start_s + 40)
        seen += follower.fresh(0.0)
        events += len(follower.news().events)
    assert [tick.t_s for tick in seen] == [float(second) for second in range(2000)]
    assert seen[1500].host is not None and seen[1500].host.cpu_busy_ratio == pytest.approx(1500 % 7 / 10)
    assert [process.rss_bytes for process in seen[1999].processes] == [2999, 2999]
    assert events == 2000 // 60
    growing.writer.close(2000.0)


def test_of_an_old_stretch_there_are_means(tmp_path: Path) -> None:
    path = tmp_path / "long.holter"
    growing = Growing(path)
    growing.write(0, 4000)
    follower = Follower(path)
    news = follower.news()
    assert (news.first_s, news.last_s) == (0.0, 3999.0)
    old = follower.ticks(0.0, 600.0)
    assert [tick.t_s for tick in old] == [60.0 * minute for minute in range(10)] and old[0].span_s == 60.0
    samples = follower.samples([(600.0 * part, 600.0 * part + 600.0) for part in range(8)])
    assert [tick.t_s for tick in samples] == [0.0, 600.0, 1200.0, 1800.0, 2400.0, 3000.0, 3600.0]
    assert all(tick.host is not None and len(tick.processes) == 2 for tick in samples)
    growing.writer.close(4000.0)


def test_very_many_events_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holter.tape.follower.MOST_EVENTS", 100)
    path = tmp_path / "many.holter"
    writer = TapeWriter(path)
    writer.write_events([EpochEnded(t_s=float(epoch), epoch=epoch) for epoch in range(350)])
    follower = Follower(path)
    parts = [follower.news() for _ in range(5)]
    assert [len(part.events) for part in parts] == [100, 0, 0, 0, 0]
    assert [len(part.older) for part in parts] == [0, 100, 100, 50, 0]
    assert {event.epoch for part in parts for event in (*part.events, *part.older)} == set(range(350))
    writer.close(350.0)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_cut_tape_is_followed_as_far_as_it_can_be_read(tmp_path: Path, cut: float) -> None:
    whole = (TAPES / "quiet/as_usual.holter").read_bytes()
    path = tmp_path / "cut.holter"
    path.write_bytes(whole[: int(len(whole) * cut)])
    follower = Follower(path)
    follower.news()
    follower.fresh(0.0)
    follower.ticks(0.0, 1e6)


def test_what_is_no_tape_or_was_deleted_is_one_clear_error(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("a long enough text that is no tape")
    with pytest.raises(NotATape, match="is not a Holter tape"):
        Follower(text).news()
    path = tmp_path / "gone.holter"
    shutil.copy(TAPES / "quiet/as_usual.holter", path)
    follower = Follower(path)
    follower.news()
    path.unlink()
    with pytest.raises(TapeError, match="No such file"):
        follower.news()
