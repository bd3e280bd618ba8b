"""Whose stacks are taken, and when: first of those that are waited for, and only while it matters.

And what is known of an episode when it is over: one that is healed does not count as open at the end.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from detectors.running import Run
from holter.history.fates import fates
from holter.records import Diagnosis, Episode, Phase, ProcessEnded, ProcessSample, Tick
from holter.reports.outcome import outcome_of
from holter.reports.terminal.episode import end_words
from holter.supervisor.recording import episode_keeper
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.episode_keeper import EpisodeKeeper
from holter.supervisor.recording.investigation import WORKERS_DUMPED, Investigator, concerned
from holter.supervisor.recording.listener import Listener
from holter.tape import Recording, read

TAPES = Path(__file__).parents[2] / "tapes"


@pytest.mark.parametrize(
    ("phase", "role"), [("train", "train-worker"), ("validate", "val-worker"), ("final-validation", "export-worker")]
)
def test_workers_that_are_waited_for_come_first_however_late_they_were_born(phase: Phase, role: str) -> None:
    roles = ("val-worker", "export-worker", "train-worker")  # eldest first; replaced ones are the youngest
    processes = [ProcessSample(t_s=0.0, pid=1, role="main")]
    processes += [
        ProcessSample(t_s=0.0, pid=100 * place + n, role=role) for place, role in enumerate(roles, 1) for n in range(12)
    ]
    chosen = concerned(Episode(kind="stall", phase=phase, start_s=0.0, alarm_s=0.0), processes)
    assert list(chosen.values())[:13] == ["main", *[role] * 12]
    assert len(chosen) == 1 + WORKERS_DUMPED


def test_no_stacks_are_taken_after_an_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would show a healthy run, under the time of the request."""
    investigator = Investigator(tmp_path, lambda _: None, lambda _: None)
    asked: list[float] = []
    monkeypatch.setattr(investigator._dumper, "start", lambda _, t_s: asked.append(t_s))
    busy = [True]  # with an earlier sweep, as on a machine with much to do
    monkeypatch.setattr(type(investigator._dumper), "busy", property(lambda _: busy[0]))
    processes = (ProcessSample(t_s=9.0, pid=os.getpid(), role="main"),)
    first, second = (Episode(kind="stall", start_s=s, alarm_s=s) for s in (9.0, 12.0))
    for episode in (first, second):
        investigator.open(episode, [Tick(t_s=episode.alarm_s, processes=processes)])
    investigator.over(msgspec.structs.replace(first, end_s=13.0))
    busy[0] = False
    investigator.ready([Tick(t_s=14.0, processes=processes)])
    assert asked[0] == 12.0 and 9.0 not in asked, "the first stacks of the second episode, and no more of the first"


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

    def make(recording: Recording, listener: Listener | None = None) -> EpisodeKeeper:
        def nothing(*_: object) -> None: ...

        sources = SimpleNamespace(hurry=nothing, heartbeat=SimpleNamespace(fault_signal=nothing))
        writer = SimpleNamespace(write_episode=nothing, write_stacks=nothing, write_events=nothing)
        about = SimpleNamespace(environment=recording.environment)
        return EpisodeKeeper(RunClock(), tmp_path, sources, about, writer, listener or Listener(), None)  # type: ignore[arg-type]

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


class Ends(Listener):
    """What is said of the ends of episodes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def over(self, episode: Episode) -> None:
        self.said.append("over")

    def unfinished(self, episode: Episode) -> None:
        self.said.append("unfinished")


@pytest.mark.parametrize(("goes_on", "said", "fate"), [(False, [], "open"), (True, ["over"], "over")])
def test_a_stall_is_not_over_because_the_watching_ends(keeper, goes_on: bool, said: list[str], fate: str) -> None:
    """Ctrl-C ends ``holter attach`` a second after a frozen worker went on, or before anything did."""
    run, ends = Run(), Ends()
    kept = keeper(Recording(), ends)
    for tick in (*run.go(60), *run.freeze(20), *(run.go(2) if goes_on else run.halt(2))):
        kept.remember(tick)
        kept.see(tick)
    (stall,) = kept.episodes
    assert stall.end_s is not None
    kept.judge_open()
    assert ends.said == said
    recording = kept.recording()
    diagnosis = Diagnosis(episode=stall)
    assert fates(recording, [stall]) == (fate,)
    words = end_words(diagnosis, recording, "en", fate)
    assert words.startswith("not over when the recording ended" if fate == "open" else "over after"), words
