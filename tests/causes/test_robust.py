"""Laws of the engine over every kept tape: what was forgotten, cut off, shifted or mixed up accuses nobody else."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causes.test_tapes import LOUD, QUIET, cause_of, moved, name_of, verdict_of
from holter.causes import diagnose, diagnose_all, verdicts
from holter.detectors import detect
from holter.evidence import Evidence, collect
from holter.records import Fact, Noted, Tick
from holter.tape import Recording, read

pytestmark = pytest.mark.slow
# Every tape is a training: some examples of each are many in all.
few = settings(max_examples=8, derandomize=True, suppress_health_check=list(HealthCheck))
loud = pytest.mark.parametrize("path", LOUD, ids=name_of)
NAMED = ("confirmed", "likely")


@functools.cache
def tape(path: Path) -> Recording:
    return read(path)


@functools.cache
def evidence(path: Path) -> Evidence:
    recording = tape(path)
    return collect(recording, diagnose_all(recording)[0].episode)


@functools.cache
def before(path: Path) -> list[tuple[str, str, float]]:
    return told(tape(path))


def told(recording: Recording) -> list[tuple[str, str, float]]:
    return [(v.cause, v.verdict, v.score) for diagnosis in diagnose_all(recording) for v in diagnosis.verdicts]


def without(path: Path, names: set[str]) -> Evidence:
    """The same evidence, of which these facts are not known any more."""
    facts = {
        fact.name: Fact(name=fact.name, status="unknown", reason="forgotten") if fact.name in names else fact
        for fact in evidence(path).facts
    }
    return Evidence(facts, evidence(path).chain)


@loud
@few
@given(data=st.data())
def test_whatever_is_forgotten_no_rival_is_confirmed(path, data):
    known = sorted(fact.name for fact in evidence(path).facts if fact.status != "unknown")
    names = data.draw(st.sets(st.sampled_from(known)))
    confirmed = {v.cause for v in verdicts(without(path, names)) if v.verdict == "confirmed"}
    assert confirmed <= {cause_of(path)}, sorted(names)


@loud
def test_a_rival_is_not_confirmed_even_if_all_that_speaks_against_it_is_forgotten(path):
    """The worst that forgetting can do for a cause."""
    for rival in verdicts(evidence(path)):
        names = {finding.fact for finding in rival.against}
        again = {v.cause: v.verdict for v in verdicts(without(path, names))}[rival.cause]
        assert again != "confirmed" or rival.cause == cause_of(path), (rival.cause, sorted(names))


@loud
def test_no_single_forgotten_fact_confirms_a_rival(path):
    for fact in evidence(path).facts:
        confirmed = {v.cause for v in verdicts(without(path, {fact.name})) if v.verdict == "confirmed"}
        assert confirmed <= {cause_of(path)}, fact.name


@loud
@few
@given(by_s=st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))
def test_on_another_clock_the_diagnosis_is_the_same(path, by_s):
    assert told(moved(tape(path), by_s)) == before(path)


@loud
def test_the_hour_of_the_day_does_not_matter(path):
    """Of the wall clock the tape keeps only when it began; nothing is decided by it."""
    recording = tape(path)
    assert recording.environment is not None
    for wall in ("1970-01-01T00:00:00+00:00", "2038-01-19T03:14:08+14:00"):
        environment = msgspec.structs.replace(recording.environment, wall_start=wall)
        assert told(msgspec.structs.replace(recording, environment=environment)) == before(path)


def cut(recording: Recording, end_s: float) -> Recording:
    """The tape of a recorder that was killed then."""
    episodes = tuple(
        msgspec.structs.replace(
            episode, end_s=episode.end_s if episode.end_s is not None and episode.end_s <= end_s else None
        )
        for episode in recording.all_episodes
        if episode.alarm_s <= end_s
    )
    return msgspec.structs.replace(
        recording,
        all_ticks=tuple(recording.ticks(None, end_s)),
        all_stacks=tuple(dump for dump in recording.all_stacks if dump.t_s <= end_s),
        all_episodes=episodes,
        finished=False,
    )


@pytest.mark.parametrize("path", [*LOUD, *QUIET], ids=name_of)
@few
@given(part=st.floats(0, 1))
def test_a_tape_cut_anywhere_is_diagnosed_for_what_it_holds(path, part):
    recording = tape(path)
    at_s = part * recording.duration_s
    short = cut(recording, at_s)
    found = diagnose_all(short)
    fault_s = min((note.t_s for note in recording.events(Noted) if note.what == "fault"), default=0.0)
    if path in QUIET or at_s < fault_s:
        assert found == ()
    for diagnosis in found:
        assert diagnosis.episode.alarm_s <= at_s
        named = {v.cause for v in diagnosis.verdicts if v.verdict == "confirmed"}
        assert named <= {v[0] for v in before(path) if v[1] in NAMED}


@loud
def test_episodes_that_nobody_wrote_down_are_found_again(path):
    """A recorder that was killed at the alarm leaves ticks only."""
    bare = msgspec.structs.replace(tape(path), all_episodes=())
    assert diagnose_all(bare)[0].verdicts[0].cause == cause_of(path)


def mixed(tick: Tick, chance: random.Random) -> Tick:
    """The same tick, its samples and events in another order."""
    names = ("processes", "beats", "gpus", "storage", "events")
    return msgspec.structs.replace(
        tick, **{name: tuple(chance.sample(getattr(tick, name), len(getattr(tick, name)))) for name in names}
    )


@loud
@few
@given(seed=st.integers(0, 2**16))
def test_the_order_of_samples_within_a_second_does_not_matter(path, seed):
    chance = random.Random(seed)
    recording = tape(path)
    other = msgspec.structs.replace(recording, all_ticks=tuple(mixed(tick, chance) for tick in recording.all_ticks))
    first = diagnose(other, diagnose_all(recording)[0].episode).verdicts[0]
    assert (first.cause, first.verdict) == (cause_of(path), verdict_of(path))
    assert [(episode.kind, episode.detector) for episode in detect(other.ticks())] == [
        (episode.kind, episode.detector) for episode in detect(recording.ticks())
    ]
