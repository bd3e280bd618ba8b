"""What is told while a training runs is what its tape tells later, whatever happened after that."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from causes.kept import LOUD, QUIET, diagnosed, name_of, read
from holter.causes import diagnose_all
from holter.detectors import Watch
from holter.evidence.at_verdict import WHOLE_S, thinned, verdict_s
from holter.records import (
    Diagnosis,
    Episode,
    ExceptionSeen,
    Judged,
    KernelMessage,
    LogLine,
    ProcessBorn,
    ProcessEnded,
    Tick,
)
from holter.supervisor.recording.judgement import Judgement
from holter.tape import Recording

# Fewer, and a test here would have become empty: tapes, verdicts that a recorder kept on them, and their episodes.
TAPES_NOW, KEPT_VERDICTS, KEPT_EPISODES = 72, 60, 26
SAME_ALARM_S = 2.0

Headline = tuple[str | None, str | None]


def headline(diagnosis: Diagnosis) -> Headline:
    best = diagnosis.verdicts[0]
    return (best.cause, best.verdict) if best.verdict in ("confirmed", "likely") else (None, None)


def is_at(recording: Recording, end_s: float) -> Recording:
    """The recording as a live recorder holds it at that moment, with the episodes that the detectors have found."""
    watch, ticks = Watch(), list(recording.ticks(None, end_s))
    late = (tick for tick in recording.all_ticks if tick.t_s > end_s)  # an event may lie in a tick after it
    if events := tuple(event for tick in late for event in tick.events if event.t_s <= end_s):
        ticks.append(Tick(t_s=end_s, events=events))
    for tick in ticks:
        watch.see(tick)
    old = thinned(tick for tick in ticks if tick.t_s < end_s - WHOLE_S)
    return Recording(
        all_ticks=(*old, *(tick for tick in ticks if tick.t_s >= end_s - WHOLE_S)),
        all_stacks=tuple(dump for dump in recording.all_stacks if (dump.came_s or dump.t_s) <= end_s),
        all_episodes=watch.episodes,
        environment=recording.environment,
    )


def judged_live(live: Recording, episode: Episode, at_s: float) -> Diagnosis:
    judgement = Judgement()
    judgement.judge(live, episode, live.contract(at_s), at_s, is_last=True)
    return judgement.diagnoses[episode.identity]


def same(episodes: Iterable[Episode], wanted: Episode) -> Episode | None:
    """The one that the recorder found then; start and alarm differ by rounding, or subject or alarm by an old rule."""
    found = [
        (each.subject_name != wanted.subject_name, abs(each.alarm_s - wanted.alarm_s), each)
        for each in episodes
        if (each.kind, each.detector) == (wanted.kind, wanted.detector)
    ]
    near = sorted((one for one in found if one[1] <= SAME_ALARM_S), key=lambda one: one[:2])
    return near[0][2] if near else None


def with_afterlife(recording: Recording, episode: Episode, told: Diagnosis, told_s: float) -> Recording:
    """The whole tape, with the verdict told at that time, and a loud end: an exception, then everything is killed."""
    end_s = max(recording.duration_s, told_s)
    processes = next(tick.processes for tick in reversed(recording.all_ticks) if tick.processes)
    kernel = KernelMessage(t_s=end_s + 2, what="oom-kill", text="Out of memory: Killed process", pid=processes[0].pid)
    raised = ExceptionSeen(t_s=end_s + 1, role="main", error="OSError", message="[Errno 28] No space left on device")
    ends = [
        ProcessEnded(t_s=end_s + 3, pid=each.pid, role=each.role, exit_signal=9, source="wait") for each in processes
    ]
    cause, verdict = headline(told)
    kept = Judged(
        t_s=told_s,
        detector=episode.detector,
        subject=episode.subject_name,
        start_s=episode.start_s,
        cause=cause,
        verdict=verdict,
    )
    over = episode if episode.end_s is not None else msgspec.structs.replace(episode, end_s=end_s + 3)
    others = (other for other in recording.all_episodes if other.identity != episode.identity)
    return msgspec.structs.replace(
        recording,
        all_ticks=(
            *recording.all_ticks,
            Tick(t_s=end_s + 1, events=(kept, raised)),
            Tick(t_s=end_s + 3, events=(kernel, *ends)),
        ),
        all_episodes=(*others, over),
        finished=True,
    )


def as_then(episode: Episode, told_s: float) -> Episode:
    return msgspec.structs.replace(episode, end_s=None) if (episode.end_s or 0) > told_s else episode


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_what_follows_the_verdict_on_a_tape_changes_neither_it_nor_its_facts(path):
    """Cut where the verdict was told and judged live, against the whole tape with an end that accuses others."""
    recording = read(path)
    for episode in recording.episodes():
        told_s = verdict_s(recording, episode)
        live = judged_live(is_at(recording, told_s), as_then(episode, told_s), told_s)
        whole = diagnose_all(with_afterlife(recording, episode, live, told_s))
        (later,) = (each for each in whole if each.episode.identity == episode.identity)
        assert later.verdicts == live.verdicts
        assert later.facts == live.facts


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_a_tape_played_again_up_to_the_verdict_raises_the_alarm_and_tells_the_same(path):
    """From its ticks alone: today's detectors find the episode, and it is judged as a recorder does."""
    recording = read(path)
    for diagnosis in diagnosed(path):
        told_s = verdict_s(recording, diagnosis.episode)
        live = is_at(recording, told_s)
        found = same(live.all_episodes, diagnosis.episode)
        assert found is not None
        assert headline(judged_live(live, found, told_s)) == headline(diagnosis)


def kept_verdicts(path: Path) -> list[tuple[Judged, Diagnosis]]:
    """Each verdict that a recorder kept on a tape, and what is told today from the tape cut there."""
    recording, found = read(path), []
    for kept in recording.events(Judged):
        (episode,) = (each for each in recording.episodes() if each.identity == kept.identity)
        live = is_at(recording, kept.t_s)
        again = same(live.all_episodes, episode)
        if again is not None:  # today's detectors may be a second later
            found.append((kept, judged_live(live, again, kept.t_s)))
    return found


@pytest.mark.slow
def test_each_verdict_that_a_recorder_kept_is_told_again_where_it_was_told():
    compared = [(path, *both) for path in LOUD for both in kept_verdicts(path)]
    assert len(compared) >= KEPT_VERDICTS
    for path, kept, told in compared:
        assert headline(told) == (kept.cause, kept.verdict), path


def test_the_last_verdict_that_a_recorder_kept_is_what_the_whole_tape_tells():
    compared = 0
    for path in LOUD:
        told = {kept.identity: (kept.cause, kept.verdict) for kept in read(path).events(Judged)}
        later = {diagnosis.episode.identity: headline(diagnosis) for diagnosis in diagnosed(path)}
        assert {key: later.get(key) for key in told} == told, path
        compared += len(told)
    assert compared >= KEPT_EPISODES


def test_every_loud_tape_has_an_alarm_so_that_it_is_compared():
    assert len(LOUD) >= TAPES_NOW
    assert [path for path in LOUD if not read(path).episodes()] == []


@pytest.mark.parametrize("path", QUIET, ids=name_of)
def test_a_quiet_tape_is_silent_at_every_moment_too(path):
    assert is_at(read(path), read(path).duration_s).all_episodes == ()


def test_births_of_long_ago_are_kept() -> None:
    """By them a PID that is used again is told from the process before."""
    born, line = ProcessBorn(t_s=1.0, pid=7, role="train-worker"), LogLine(t_s=1.0, text="x")
    (kept,) = thinned([Tick(t_s=1.0, events=(line, born)), Tick(t_s=2.0, events=(line,))])
    assert kept.events == (born,)
