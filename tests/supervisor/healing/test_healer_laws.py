"""Laws that no run of events breaks: looks that are lost, doubled or out of order, clocks that jump, restarts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holter.detectors.view import GAP_S
from holter.records import ActionTaken, Beat, Diagnosis, Episode, Fact, Plan, ProcessSample, Tick, Verdict
from holter.remedies.ladder import HEALS_A_RUN, HEALS_AN_HOUR, HOUR_S, WAIT_FOR
from holter.remedies.which_ladder import LADDERS
from holter.supervisor.healing.control import Control
from holter.supervisor.healing.healer import TRY_AGAIN_S, Healer
from holter.supervisor.healing.training_state import QUIET_S

CAUSES = (*LADDERS, *WAIT_FOR, "cgroup-cpu-quota", None)
FACTS = {
    "cpu.effective": st.sampled_from([1.0, 2.0, 6.5]),
    "oom.kills": st.integers(0, 2),
    "worker.exit_signal": st.sampled_from([6, 7, 9, 11]),
    "shm.used_ratio": st.floats(0, 1),
    "shm.total_bytes": st.sampled_from([64 << 20, 8 << 30]),
    "workers.working": st.integers(0, 1),
    "exception.first": st.sampled_from(["OSError: Too many open files", "MemoryError: ", "KeyError: x"]),
}
facts = st.fixed_dictionaries({}, optional=FACTS).map(
    lambda known: tuple(Fact(name=name, value=value) for name, value in known.items())
)


class Work(NamedTuple):
    """Ticks in which the training moves on."""

    ticks: int
    epochs: int


class Stand(NamedTuple):
    """Ticks in which it does not, with an episode that is open; what becomes of a plan to end it."""

    ticks: int
    cause: str | None
    verdict: str
    facts: tuple[Fact, ...]
    waits: str
    kind: str
    answer: str = "end"  # or leave, over
    recurs: bool = True  # in the process that is started after a restart


class Lose(NamedTuple):
    """Seconds without a look; the training may have moved meanwhile."""

    seconds: float
    moved: bool


class Again(NamedTuple):
    """The tick that was seen so many looks ago is seen once more."""

    back: int


class Shift(NamedTuple):
    """The recording's clock jumps, and the training's is off."""

    recording_s: float
    training_s: float


class Die(NamedTuple):
    """The main process is gone."""

    cause: str | None
    facts: tuple[Fact, ...]


causes = st.sampled_from(CAUSES)
stands = st.builds(
    Stand,
    st.integers(1, 100),
    causes,
    st.sampled_from(["confirmed", "confirmed", "possible"]),
    facts,
    st.sampled_from(["train-batch", "train-batch", "none", "export-result"]),
    st.sampled_from(["stall", "stall", "death", "slow-down"]),
    st.sampled_from(["end", "end", "leave", "over"]),
    st.booleans(),
)
happenings = st.lists(
    st.one_of(
        st.builds(Work, st.integers(1, 12), st.integers(0, 2)),
        stands,
        stands,
        st.builds(Lose, st.floats(0.1, 4000), st.booleans()),
        st.builds(Again, st.integers(1, 9)),
        st.builds(Shift, st.floats(-5000, 5000), st.floats(-5000, 5000)),
        st.builds(Die, causes, facts),
    ),
    max_size=30,
)


class World:
    """A healer, the training that it sees, and a second opinion on when it may act."""

    def __init__(self, folder: Path, off_s: float = 0.0) -> None:
        self.healer = Healer(Control(folder), self.hear, act=True, can_continue=True)
        self.t_s, self.off_s = 100.0, off_s
        self.done, self.epoch, self.generation = 0, 3, 0
        self.moved_s = 0.0
        self.seen: list[tuple[Tick, tuple[Episode, ...], tuple[Diagnosis, ...]]] = []
        self.left_at: int | None = None
        self.left_s = 0.0
        self.merge_events: list[tuple[float, str | None]] = []
        self.budget: list[float] = []  # of the deeds, those that use it up
        self.changed: set[tuple[str | None, tuple]] = set()
        self.episodes: tuple[Episode, ...] = ()  # as they were given last; those of before a restart stay among them
        self.is_over = False
        for _ in range(12):
            self.look(Work(1, 0))

    # ------------------------------------------------------------------------------------------- what happens

    def happen(self, event: object) -> None:
        if isinstance(event, Work):
            self.epoch += event.epochs
            for _ in range(event.ticks):
                self.look(event)
        elif isinstance(event, Stand):
            self.stand(event)
        elif isinstance(event, Lose):
            self.t_s += event.seconds
            self.done += event.moved
        elif isinstance(event, Again) and self.seen:
            self.see(*self.seen[-min(event.back, len(self.seen))])
        elif isinstance(event, Shift):
            self.t_s = max(0.0, self.t_s + event.recording_s)
            self.off_s = event.training_s
        elif isinstance(event, Die):
            self.die(event)

    def look(self, work: Work) -> None:
        self.t_s += 1.0
        self.done += 1
        self.episodes = tuple(episode for episode in self.episodes if episode.generation != self.generation)
        self.see(self.tick("none"), self.episodes, ())

    def stand(self, stand: Stand) -> None:
        stale = self.episodes
        episode = Episode(
            kind=stand.kind, phase="train", start_s=self.t_s, alarm_s=self.t_s + 2, detector="stall",
            subject="training", generation=self.generation,
        )  # fmt: skip
        for _ in range(stand.ticks):
            if self.is_over:
                return
            if episode.generation != self.generation and stand.recurs:
                stale, episode = (episode,), anew(episode, self)
            self.t_s += 1.0
            self.episodes = (*stale, episode)
            verdicts = (Verdict(cause=stand.cause, verdict=stand.verdict, score=0.9),) if stand.cause else ()
            told = tuple(Diagnosis(episode=each, verdicts=verdicts, facts=stand.facts) for each in self.episodes)
            self.see(self.tick(stand.waits), self.episodes, told, stand.answer)

    def die(self, death: Die) -> None:
        episode = Episode(kind="death", start_s=self.t_s, alarm_s=self.t_s, generation=self.generation)
        verdicts = (Verdict(cause=death.cause, verdict="confirmed", score=0.9),) if death.cause else ()
        plan = self.healer.after_end(self.t_s, (Diagnosis(episode=episode, verdicts=verdicts, facts=death.facts),))
        if plan.action == "restart":
            self.carry_out(plan, self.t_s)
            self.t_s += plan.delay_s
        else:
            self.is_over = True

    def tick(self, waits: str) -> Tick:
        beat = Beat(
            t_s=self.t_s, pid=1, phase="train", epoch=self.epoch, iteration=5, waits_for=waits,
            progress_total=self.done, progressed_s=self.t_s + self.off_s, steps_total=self.done,
        )  # fmt: skip
        workers = [ProcessSample(t_s=self.t_s, pid=pid, role="train-worker", state="S") for pid in range(2, 10)]
        main = ProcessSample(t_s=self.t_s, pid=1, role="main", state="S")
        return Tick(t_s=self.t_s, beats=(beat,), processes=(main, *workers))

    # ------------------------------------------------------------------------------------------------ the laws

    def see(
        self,
        tick: Tick,
        episodes: tuple[Episode, ...],
        diagnoses: tuple[Diagnosis, ...],
        answer: str = "end",
    ) -> None:
        if self.is_over:
            return
        before = self.seen[-1][0].beats[0].progress_total if self.seen else None
        passed_s = tick.t_s - self.seen[-1][0].t_s if self.seen else 0.0
        if before != tick.beats[0].progress_total or passed_s > GAP_S:
            self.moved_s = tick.t_s  # what was not looked at may have moved
        self.moved_s = min(self.moved_s, tick.t_s)
        self.seen.append((tick, episodes, diagnoses))
        if self.left_at not in (None, tick.beats[0].steps_total):
            self.left_at = None
        plan = self.healer.see(tick, episodes, diagnoses)
        if plan is None:
            return
        self.is_allowed(tick)
        assert plan.action in ("restart", "stop")
        assert self.left_at is None or tick.t_s >= self.left_s + TRY_AGAIN_S, "it was decided not to end it"
        if answer == "end" and plan.action == "restart":
            self.carry_out(plan, tick.t_s)
        elif answer == "end":
            self.is_over = True
        elif answer == "leave":
            self.healer.leave_alone()
            self.left_at, self.left_s = tick.beats[0].steps_total, tick.t_s
        else:
            self.healer.attempts.withdraw()

    def hear(self, told: ActionTaken) -> None:
        if (told.action, told.state) == ("replace-workers", "begun"):
            self.is_allowed(self.seen[-1][0])
            self.count(told.cause, told.t_s)

    def is_allowed(self, tick: Tick) -> None:
        assert tick.t_s - self.moved_s >= QUIET_S, "it had just moved"
        episodes = self.seen[-1][1]
        assert any(episode.generation == self.generation and episode.kind in ("stall", "death") for episode in episodes)

    def count(self, cause: str | None, now_s: float) -> None:
        if cause not in WAIT_FOR:
            assert sum(t_s > now_s - HOUR_S for t_s in self.budget) < HEALS_AN_HOUR
            assert len(self.budget) < HEALS_A_RUN
            self.budget.append(now_s)
        self.merge_events.append((now_s, cause))

    def carry_out(self, plan: Plan, now_s: float) -> None:
        if plan.settings:
            assert (plan.cause, plan.settings) not in self.changed, "the same setting for the same cause"
            self.changed.add((plan.cause, plan.settings))
        self.count(plan.cause, now_s)
        self.generation += 1
        self.left_at = None
        self.healer.begin(
            ActionTaken(t_s=self.t_s, action="restart", state="begun", cause=plan.cause, generation=self.generation)
        )
        self.moved_s = self.t_s
        self.done = 0


def anew(episode: Episode, world: World) -> Episode:
    """The same trouble in the process that was started since."""
    return Episode(
        kind=episode.kind, phase="train", start_s=world.t_s, alarm_s=world.t_s + 2, detector="stall",
        subject="training", generation=world.generation,
    )  # fmt: skip


FREEZE = Stand(30, "frozen-worker", "confirmed", (), "train-batch", "stall")


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(happenings)
@example([Lose(100.0, False), FREEZE])  # the recorder was away
@example([FREEZE._replace(ticks=200, recurs=False)])  # the episode of before the restart is still open
@example([FREEZE, Work(12, 2)] * 9)  # one after the other: the budget of the hour
@example([FREEZE._replace(ticks=12), Lose(4000.0, True), Work(12, 2)] * 24)  # for long: the budget of the run
@example([FREEZE._replace(ticks=110), Work(12, 2), Lose(4000.0, True)] * 3)  # the same cause, ladder after ladder
def test_whatever_happens_the_healer_keeps_its_laws(events):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for event in events:
            world.happen(event)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.floats(-1e6, 1e6), st.sampled_from([cause for cause in CAUSES if cause]))
def test_a_shifted_clock_of_the_training_changes_no_decision(off_s, cause):
    """What the training says of its own time is not relied on."""

    def decisions(off_s: float) -> list[tuple[float, str | None]]:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), off_s)
            world.happen(Stand(120, cause, "confirmed", (), "train-batch", "stall"))
            return world.merge_events

    assert decisions(off_s) == decisions(0.0)
