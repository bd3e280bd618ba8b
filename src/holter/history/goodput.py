"""Time accounting of a run: training that counted, and time lost by cause. Pure.

Terms of goodput accounting: *goodput* is time spent on steps that counted in the end; the rest is start-up,
checkpoints, recovery and wasted progress (epochs trained twice). Every second is counted once. What stock nnU-Net would
have lost in place of a heal is not estimated; only its outcome is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from holter.history.phases import Restart, Span, end_of_run, progress_moments, restarts, spans
from holter.history.ranks import main_beat
from holter.history.stock_outcome import Saved, saved
from holter.records import Diagnosis, Episode, Phase, Record
from holter.tape import Recording
from holter.texts.nnunet_commands import other_work

LossKind = Literal["standstill", "restart", "repeated", "slow"]

# During a stall the training may still use batches that were ready, so only longer pauses are lost: longer than a
# heartbeat that was read late, and than this many usual pauses.
PAUSE_S = 3.0
TIMES_USUAL = 4.0
# The usual pace is measured over this much time before an episode.
USUAL_S = 180.0
# First verdicts that are certain enough to assign lost time to a cause.
SURE = ("confirmed", "likely")

CATEGORY: dict[Phase, str] = {
    "startup": "startup",
    "unpack": "startup",
    "compile": "startup",
    "train": "training",
    "validate": "validation",
    "final-validation": "validation",
    "epoch-end": "validation",
    "checkpoint": "checkpoint",
}


class Loss(Record, frozen=True, kw_only=True):
    """Time lost in one way to one cause."""

    kind: LossKind
    cause: str | None = None
    seconds: float
    times: int = 1  # incidents


class Account(Record, frozen=True, kw_only=True):
    """Every second of a run, counted once: ``*_s`` and ``losses`` add up to ``wall_s``."""

    wall_s: float
    training_s: float = 0.0  # training steps of epochs that counted in the end
    validation_s: float = 0.0  # within epochs and the final one
    validates: bool = True  # else it is only the ends of epochs
    startup_s: float = 0.0  # of the first process; that of later ones is a loss
    checkpoint_s: float = 0.0  # checkpoints and progress pictures at the end of epochs
    other_s: float = 0.0
    losses: tuple[Loss, ...] = ()  # largest first
    repeated_epochs: int = 0  # epochs of which something was trained twice
    restarts: int = 0
    saved: tuple[Saved, ...] = ()

    @property
    def lost_s(self) -> float:
        return sum(loss.seconds for loss in self.losses)

    @property
    def lost_ratio(self) -> float | None:
        """Share of the run that was lost; None for a recording of length zero."""
        return self.lost_s / self.wall_s if self.wall_s > 0 else None

    @property
    def goodput_ratio(self) -> float | None:
        """Share of the run with training and validation that counted; None if no phase is known."""
        work_s = self.training_s + self.validation_s
        phases_s = work_s + self.startup_s + self.checkpoint_s
        return work_s / self.wall_s if self.wall_s > 0 and phases_s > 0 else None


class _Stretch(NamedTuple):
    start_s: float
    end_s: float
    kind: LossKind
    cause: str | None


def account(recording: Recording, diagnoses: tuple[Diagnosis, ...] | None = None) -> Account:
    """Return the time accounting of a recording.

    ``diagnoses``: its episodes with causes; None: the recorded episodes, without causes.
    """
    end_s = end_of_run(recording)
    phases = spans(recording)
    again = restarts(recording)
    episodes = recording.episodes() if diagnoses is None else tuple(diagnosis.episode for diagnosis in diagnoses)
    causes = _causes(diagnoses or ())
    repeated = _repeated(phases, again)
    lost = [*_recoveries(again, end_s), *_standstills(recording, episodes, causes, end_s), *repeated]
    sums, losses = _counted(_first_phase(recording, phases), lost, end_s)
    if recording.environment is not None and other_work(recording.environment.command) is not None:
        sums["other"] += sums["startup"]  # of a command that does not train: no phase of a training is known
        sums["startup"] = 0.0
    for loss in _slow_downs(recording, episodes, causes):
        taken_s = min(loss.seconds, sums["training"])
        sums["training"] -= taken_s
        losses.append(Loss(kind=loss.kind, cause=loss.cause, seconds=taken_s))
    return Account(
        wall_s=end_s,
        training_s=sums["training"],
        validation_s=sums["validation"],
        validates=any(span.phase in ("validate", "final-validation") for span in phases),
        startup_s=sums["startup"],
        checkpoint_s=sums["checkpoint"],
        other_s=sums["other"],
        losses=_together(losses),
        repeated_epochs=_repeated_epochs(phases, again),
        restarts=len(again),
        saved=saved(recording, again),
    )


# ------------------------------------------------------------------------------------------------ what was lost


# From death to the first step of the next process: the start-up is paid a second time.
def _recoveries(again: tuple[Restart, ...], end_s: float) -> Iterable[_Stretch]:
    for restart in again:
        yield _Stretch(restart.down_s, end_s if restart.back_s is None else restart.back_s, "restart", restart.cause)


# Pauses without progress that overlap an episode; without a heartbeat the whole episode.
def _standstills(
    recording: Recording, episodes: Iterable[Episode], causes: Mapping[tuple[str, str, float], str], end_s: float
) -> Iterable[_Stretch]:
    for episode in episodes:
        if episode.kind != "stall" and (episode.kind != "death" or episode.is_about_main):
            continue  # time after the end of the main process belongs to a restart
        cause = causes.get(episode.identity)
        until_s = end_s if episode.end_s is None else episode.end_s
        moments = progress_moments(recording, episode.start_s - USUAL_S)
        if not moments:
            yield _Stretch(episode.start_s, until_s, "standstill", cause)
            continue
        usual = _usual_pause(moments, episode.start_s)
        for before_s, after_s in pairwise((*moments, max(end_s, moments[-1]))):
            touches = after_s > episode.start_s and before_s <= max(until_s, episode.start_s)
            if touches and after_s - before_s > max(PAUSE_S, TIMES_USUAL * usual):
                # The current step would have taken its usual time anyway.
                yield _Stretch(max(before_s + usual, episode.start_s), after_s, "standstill", cause)


def _usual_pause(moments: tuple[float, ...], before_s: float) -> float:
    pauses = [after - before for before, after in pairwise(moments) if after <= before_s]
    return median(pauses) if pauses else 1.0


# Work of a process on epochs that a later process had to train again.
def _repeated(phases: tuple[Span, ...], again: tuple[Restart, ...]) -> list[_Stretch]:
    first = _first_epochs(phases)
    stretches = []
    for span in phases:
        redone = [
            restart for restart in again if restart.generation > span.generation and _redoes(restart, span, first)
        ]
        if redone and span.phase in ("train", "validate", "epoch-end", "checkpoint"):
            stretches.append(_Stretch(span.start_s, span.end_s, "repeated", redone[0].cause))
    return stretches


def _repeated_epochs(phases: tuple[Span, ...], again: tuple[Restart, ...]) -> int:
    first = _first_epochs(phases)
    return len(
        {
            (span.generation, span.epoch)
            for span in phases
            if span.phase == "train"
            and any(restart.generation > span.generation and _redoes(restart, span, first) for restart in again)
        }
    )


# The first epoch that each process trained.
def _first_epochs(phases: tuple[Span, ...]) -> dict[int, int]:
    first: dict[int, int] = {}
    for span in phases:
        if span.phase == "train" and span.epoch is not None:
            first.setdefault(span.generation, span.epoch)
    return first


def _redoes(restart: Restart, span: Span, first: Mapping[int, int]) -> bool:
    return span.epoch is not None and restart.generation in first and span.epoch >= first[restart.generation]


# Time above what the same steps took before; none if the usual pace is not on the tape.
def _slow_downs(
    recording: Recording, episodes: Iterable[Episode], causes: Mapping[tuple[str, str, float], str]
) -> Iterable[Loss]:
    for episode in episodes:
        if episode.kind != "slow-down":
            continue
        before = _pace(recording, episode.start_s - USUAL_S, episode.start_s)
        during = _pace(recording, episode.start_s, episode.end_s)
        if before is None or during is None or before[0] == 0:
            continue
        steps, seconds = during
        beyond_s = seconds - steps * before[1] / before[0]
        if beyond_s > 0:
            yield Loss(kind="slow", cause=causes.get(episode.identity), seconds=beyond_s)


# Steps and seconds of training, from the heartbeat's totals; None without two samples of one process.
def _pace(recording: Recording, start_s: float, end_s: float | None) -> tuple[int, float] | None:
    steps, seconds = 0, 0.0
    beats = [beat for tick in recording.ticks(start_s, end_s) if (beat := main_beat(tick)) is not None]
    for before, after in pairwise(beats):
        if before.pid == after.pid and before.phase == after.phase == "train":
            steps += after.steps_total - before.steps_total
            seconds += after.t_s - before.t_s
    return (steps, seconds) if seconds > 0 else None


# -------------------------------------------------------------------------------------------------- the counting


# Seconds per category, and losses; where two stretches overlap, the first in the list counts.
def _counted(phases: tuple[Span, ...], lost: list[_Stretch], end_s: float) -> tuple[dict[str, float], list[Loss]]:
    edges = _edges(
        [
            *((stretch.start_s, stretch.end_s) for stretch in phases),
            *((stretch.start_s, stretch.end_s) for stretch in lost),
        ],
        end_s,
    )
    sums: dict[str, float] = defaultdict(float)
    seconds: dict[int, float] = defaultdict(float)
    next_span = 0
    for start_s, until_s in pairwise(edges):
        middle_s = (start_s + until_s) / 2
        owner = next((index for index, stretch in enumerate(lost) if stretch.start_s <= middle_s < stretch.end_s), None)
        if owner is not None:
            seconds[owner] += until_s - start_s
            continue
        while next_span < len(phases) and phases[next_span].end_s <= middle_s:
            next_span += 1
        inside = next_span < len(phases) and phases[next_span].start_s <= middle_s
        sums[CATEGORY.get(phases[next_span].phase, "other") if inside else "other"] += until_s - start_s
    losses = [Loss(kind=lost[index].kind, cause=lost[index].cause, seconds=lost_s) for index, lost_s in seconds.items()]
    return sums, losses


def _edges(stretches: list[tuple[float, float]], end_s: float) -> list[float]:
    return sorted({0.0, end_s, *(edge for both in stretches for edge in both if 0.0 < edge < end_s)})


# Time before the first recorded phase is start-up too, unless the recording started later than the training.
def _first_phase(recording: Recording, phases: tuple[Span, ...]) -> tuple[Span, ...]:
    attached = recording.environment is not None and recording.environment.attached
    if not phases or attached or phases[0].start_s <= 0:
        return phases
    return (Span(0.0, phases[0].start_s, "startup", None, 0), *phases)


# One loss per kind and cause, largest first.
def _together(losses: list[Loss]) -> tuple[Loss, ...]:
    sums: dict[tuple[LossKind, str | None], list[float]] = defaultdict(list)
    for loss in losses:
        sums[loss.kind, loss.cause].append(loss.seconds)
    summed = [
        Loss(kind=kind, cause=cause, seconds=sum(seconds), times=len(seconds))
        for (kind, cause), seconds in sums.items()
    ]
    return tuple(sorted((loss for loss in summed if loss.seconds > 0), key=lambda loss: -loss.seconds))


def _causes(diagnoses: tuple[Diagnosis, ...]) -> dict[tuple[str, str, float], str]:
    return {
        diagnosis.episode.identity: diagnosis.verdicts[0].cause
        for diagnosis in diagnoses
        if diagnosis.verdicts and diagnosis.verdicts[0].verdict in SURE
    }
