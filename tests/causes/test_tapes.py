"""Every kept tape: what it must show, what it must not, and laws that hold for all of them."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from causes.forgetting import Without, each_forgotten
from causes.kept import LOUD, QUIET, TAPES, cause_of, diagnosed, name_of, read
from holter.causes import CAUSES, diagnose, diagnose_all, verdicts
from holter.detectors import detect
from holter.evidence import NAMES, Evidence, collect
from holter.records import Diagnosis, Event, ExceptionSeen, Fact, Noted, ProcessSample, Tick
from holter.tape import Recording


def verdict_of(path: Path) -> str:
    return "likely" if path.stem.endswith("_likely") else "confirmed"


def first(recording: Recording) -> Diagnosis:
    return diagnose_all(recording)[0]


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_the_true_cause_comes_first_and_is_as_sure_as_it_can_be(path):
    diagnosis = diagnosed(path)[0]
    assert (diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict) == (cause_of(path), verdict_of(path))


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_nothing_else_is_confirmed(path):
    confirmed = [verdict.cause for verdict in diagnosed(path)[0].verdicts if verdict.verdict == "confirmed"]
    assert confirmed == ([cause_of(path)] if verdict_of(path) == "confirmed" else [])


@pytest.mark.parametrize("path", QUIET, ids=name_of)
def test_a_quiet_tape_stays_silent(path):
    recording = read(path)
    assert len(recording.all_ticks) > 10
    assert recording.episodes() == ()
    assert detect(recording.ticks()) == ()


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_replaying_the_ticks_finds_the_recorded_episode(path):
    recording = read(path)
    live = {(episode.kind, episode.detector) for episode in recording.episodes()}
    replayed = detect(recording.ticks())
    assert {(episode.kind, episode.detector) for episode in replayed} == live
    for recorded, again in zip(recording.episodes(), replayed, strict=True):
        assert abs(recorded.alarm_s - again.alarm_s) <= 2.0


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_a_blind_tape_accuses_nobody(path):
    """With every fact unknown nothing is more than possible, and nothing has a score."""
    blind = Evidence({name: Fact(name=name, status="unknown", reason="blind") for name in NAMES})
    assert all(verdict.verdict == "possible" and verdict.score == 0 for verdict in verdicts(blind))
    recording = read(path)
    empty = msgspec.structs.replace(recording, all_ticks=(), all_stacks=())
    for episode in recording.episodes():
        assert all(verdict.verdict not in ("confirmed", "likely") for verdict in diagnose(empty, episode).verdicts)


@pytest.mark.slow
@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_forgetting_a_fact_never_confirms_a_rival(path):
    recording = read(path)
    evidence = collect(recording, recording.episodes()[0])
    for forgotten, found in each_forgotten(evidence):
        confirmed = {verdict.cause for verdict in found if verdict.verdict == "confirmed"}
        assert confirmed <= {cause_of(path)}, forgotten


@pytest.mark.parametrize("path", LOUD[::12], ids=name_of)
def test_forgetting_weighs_anew_each_cause_that_it_changes(path):
    recording = read(path)
    evidence = collect(recording, recording.episodes()[0])
    for forgotten, found in each_forgotten(evidence):
        assert found == verdicts(Without(evidence, forgotten)), forgotten


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_forgetting_a_fact_never_raises_the_true_causes_score(path):
    recording = read(path)
    evidence = collect(recording, recording.episodes()[0])
    truth = {verdict.cause: verdict for verdict in verdicts(evidence)}[cause_of(path)]
    for used in truth.supports:
        facts = {fact.name: fact for fact in evidence.facts}
        facts[used.fact] = Fact(name=used.fact, status="unknown", reason="forgotten")
        assert CAUSES[cause_of(path)](Evidence(facts)).score <= truth.score


def moved(recording: Recording, by_s: float) -> Recording:
    """The same run on another clock."""

    def later(record):
        changes = {}
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if name in TIMES and value is not None:
                changes[name] = value + by_s
            elif type(value) is tuple and value and isinstance(value[0], msgspec.Struct):
                changes[name] = tuple(later(part) for part in value)
        return msgspec.structs.replace(record, **changes)

    def tick(old: Tick) -> Tick:
        single = {name: later(getattr(old, name)) if getattr(old, name) else None for name in ("host", "cgroup")}
        return msgspec.structs.replace(later(old), **single)

    return msgspec.structs.replace(
        recording,
        all_ticks=tuple(tick(old) for old in recording.all_ticks),
        all_stacks=tuple(later(dump) for dump in recording.all_stacks),
        all_episodes=tuple(later(episode) for episode in recording.all_episodes),
    )


TIMES = {
    "t_s",
    "came_s",
    "started_s",
    "progressed_s",
    "pulse_s",
    "wait_began_s",
    "case_began_s",
    "start_s",
    "alarm_s",
    "end_s",
}


@pytest.mark.slow
@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_shifting_the_clock_changes_no_diagnosis(path):
    recording = read(path)
    before = [(v.cause, v.verdict) for d in diagnosed(path) for v in d.verdicts]
    for by_s in (-1000.0, 0.5, 86400.0):
        after = [(v.cause, v.verdict) for d in diagnose_all(moved(recording, by_s)) for v in d.verdicts]
        assert after == before, by_s


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_the_order_of_samples_within_a_tick_does_not_matter(path):
    recording = read(path)
    shuffle = random.Random(7).sample
    ticks = tuple(
        msgspec.structs.replace(
            tick,
            processes=tuple(shuffle(tick.processes, len(tick.processes))),
            beats=tuple(shuffle(tick.beats, len(tick.beats))),
        )
        for tick in recording.all_ticks
    )
    mixed = msgspec.structs.replace(recording, all_ticks=ticks)
    assert [v.cause for v in first(mixed).verdicts[:1]] == [v.cause for v in diagnosed(path)[0].verdicts[:1]]
    assert detect(mixed.ticks()) == detect(recording.ticks())


@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_a_tape_cut_after_the_alarm_still_names_the_cause(path):
    """What was on the tape ten seconds after the alarm is enough."""
    recording = read(path)
    alarm_s = recording.episodes()[0].alarm_s
    cut = msgspec.structs.replace(recording, all_ticks=tuple(recording.ticks(None, alarm_s + 10)))
    assert first(cut).verdicts[0].cause == cause_of(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", LOUD, ids=name_of)
def test_lost_and_doubled_events_raise_no_false_cause(path):
    recording = read(path)
    chance = random.Random(3)
    doubled = [
        msgspec.structs.replace(tick, events=tuple(e for event in tick.events for e in (event, event)))
        for tick in recording.all_ticks
    ]
    again = msgspec.structs.replace(recording, all_ticks=tuple(doubled))
    assert first(again).verdicts[0].cause == cause_of(path)
    lost = [
        msgspec.structs.replace(tick, events=tuple(e for e in tick.events if chance.random() < 0.5))
        for tick in recording.all_ticks
    ]
    partial = first(msgspec.structs.replace(recording, all_ticks=tuple(lost)))
    assert {v.cause for v in partial.verdicts if v.verdict == "confirmed"} <= {cause_of(path)}


def test_every_tape_is_small_and_names_nobodys_folders():
    for path in [*LOUD, *QUIET]:
        assert path.stat().st_size < 300_000, path
        recording = read(path)
        told = msgspec.json.encode([recording.environment, *recording.all_ticks, *recording.all_stacks]).decode()
        assert "/root/" not in told, path
        assert "pytest-of" not in told, path


def test_no_exception_on_a_tape_quotes_holters_own_lines():
    """They would be evidence that Holter gave to itself."""
    for path in [*LOUD, *QUIET]:
        for seen in read(path).events(ExceptionSeen):
            lines = [*seen.message.splitlines(), *seen.traceback.splitlines()]
            assert [line for line in lines if line.startswith("holter:")] == [], path


def test_the_fault_of_each_tape_is_marked_before_the_alarm():
    for path in LOUD:
        recording = read(path)
        marks: tuple[Event, ...] = tuple(note for note in recording.events(Noted) if note.what == "fault")
        if marks:
            assert marks[0].t_s <= recording.episodes()[0].alarm_s, path


def test_states_of_workers_reach_the_facts():
    recording = read(TAPES / "frozen_worker" / "fault.holter")
    facts = {fact.name: fact for fact in first(recording).facts}
    stopped = {p.pid for tick in recording.all_ticks for p in tick.processes if _is_stopped(p)}
    assert any(str(pid) in name for pid in stopped for name in facts["workers.stopped"].value)


def _is_stopped(process: ProcessSample) -> bool:
    return process.state == "T"


def test_each_of_two_victims_is_named_by_its_own_pid():
    killed, frozen = diagnose_all(read(TAPES / "worker_killed" / "frozen_and_killed.holter"))
    pids = [
        str({fact.name: fact.value for fact in diagnosis.facts}[name])
        for diagnosis, name in ((killed, "worker.subject"), (frozen, "workers.stopped"))
    ]
    assert ["19573" in pids[0], "19572" in pids[0]] == [True, False]
    assert ["19573" in pids[1], "19572" in pids[1]] == [False, True]
