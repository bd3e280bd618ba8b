"""What is known of an episode when it is over: a problem that is healed does not count as open at the end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.records import ProcessEnded, Tick
from holter.reports.outcome import outcome_of
from holter.supervisor.recording import episode_keeper
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.episode_keeper import EpisodeKeeper
from holter.supervisor.recording.listener import Listener
from holter.tape import Recording, read

TAPES = Path(__file__).parents[2] / "tapes"


class NoStacks:
    """Investigates nothing: what is known at the alarm is enough."""

    def __init__(self, *_: object) -> None:
        self.stacks = ()
        self._due: list = []

    def open(self, episode, _recent) -> None:
        self._due.append(episode)

    def over(self, _episode) -> None: ...

    def ready(self, _recent) -> list:
        due, self._due = self._due, []
        return due


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(episode_keeper, "Investigator", NoStacks)

    def make(recording: Recording) -> EpisodeKeeper:
        def nothing(*_: object) -> None: ...

        sources = SimpleNamespace(hurry=nothing, heartbeat=SimpleNamespace(fault_signal=nothing))
        writer = SimpleNamespace(write_episode=nothing, write_stacks=nothing, write_events=nothing)
        about = SimpleNamespace(environment=recording.environment)
        return EpisodeKeeper(RunClock(), tmp_path, sources, about, writer, Listener(), None)  # type: ignore[arg-type]

    return make


@pytest.mark.slow
def test_a_stall_that_is_over_is_no_reason_of_a_later_end(keeper) -> None:
    recording = read(TAPES / "frozen_worker" / "fault.holter")
    (stall,) = (episode for episode in recording.episodes() if episode.kind == "stall")
    assert stall.end_s is not None
    kept = keeper(recording)
    for tick in recording.ticks(None, stall.end_s + 5.0):
        kept.remember(tick)
        kept.see(tick)
        kept.judge_due()
    (diagnosis,) = kept.diagnoses.values()
    assert diagnosis.episode == kept.episodes[0]
    last = kept.newest_tick
    assert last is not None
    assert outcome_of(kept.recording(), tuple(kept.diagnoses.values()), is_over=False).state == "running"
    pid = next(process.pid for process in last.processes if process.role == "main")
    killed = ProcessEnded(t_s=last.t_s + 100.0, pid=pid, role="main", exit_signal=9, source="wait")
    kept.remember(Tick(t_s=last.t_s + 100.0, events=(killed,)))
    ran = outcome_of(kept.recording(), tuple(kept.diagnoses.values()), is_over=True)
    assert (ran.state, ran.trouble) == ("dead", None)
