"""Episodes of a recording that was read from logs: how its runs ended, and the shape of their epoch times.

A log has no clock and no process. Only its content is reported: an exception, the end of a process, slow epochs, or a
log that stops in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable

from holter.detectors.diverged import DivergedDetector
from holter.detectors.view import PhaseKeeper
from holter.evidence.facts.gpu.fitting import NONE, slow_kernels
from holter.evidence.facts.training.epochs import EPOCH_TIMES, ShapeOfEpochs, described, runs, shape_of
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.evidence.frames import interrupted
from holter.evidence.words import ENDED, raised, shown_ending, signal_name
from holter.records import (
    Episode,
    EpisodeKind,
    EpochEnded,
    Event,
    ExceptionSeen,
    LogLine,
    Message,
    Noted,
    Phase,
    PhaseChanged,
    ProcessEnded,
    Subject,
    Text,
    Tick,
)
from holter.sentences import Sentence, define
from holter.tape import Recording
from holter.texts.recording import NEW_LOG
from holter.texts.runs.reader import LAST_SENTENCES

# A training that finishes this many epochs after an exception survived it (a thread's, a plot's).
SURVIVED_EPOCHS = 2
# Regular or single slow epochs are reported if they cost this share of the whole time.
COSTS = 0.1
# Ended by a person: no fault.
ASKED = ("KeyboardInterrupt", "SystemExit")
LOG_END = "log-end"

INTERRUPTED_EXPORT = define(
    "episode.interrupted-export", "somebody interrupted it while the main thread waited for the export pool"
)
# By what the main thread waited for.
INTERRUPTIONS = {
    "batch-queue": define(
        "episode.interrupted-batch", "somebody interrupted it while the main thread waited for a batch"
    ),
    "export-result": INTERRUPTED_EXPORT,
    "export-slot": INTERRUPTED_EXPORT,
}
LOG_ENDS_IN_PHASE = define("episode.log-ends-in-phase", "the log ends here, during {phase}")
LOG_ENDS: dict[Phase, Sentence] = {
    "unknown": define("episode.log-ends", "the log ends here, in the middle"),
    "train": define("episode.log-ends-in-epoch", "the log ends here, within an epoch"),
    "checkpoint": define("episode.log-ends-after-epoch", "the log ends here, after an epoch"),
}
SOMETHING_ENDED = define("episode.something-ended", "a process ended, and the log does not say which one or how")
KNOWN_SLOW = define("episode.known-slow", "{epochs}, with {versions}, known to be slow")


def episodes_of_log(recording: Recording, *, is_running: bool = False, are_mixed: bool = False) -> tuple[Episode, ...]:
    """Return every episode, by time.

    ``is_running``: the log is still being written, so its end means nothing.  ``are_mixed``: trainings that ran at the
    same time wrote it, so the epochs and the end after an error may be another training's: only deaths are returned.
    """
    events = [event for tick in recording.all_ticks for event in tick.events]
    borders = [0, *(n for n, event in enumerate(events) if isinstance(event, Noted) and event.what == NEW_LOG)]
    episodes: list[Episode] = []
    for begin, end in zip(borders, (*borders[1:], len(events)), strict=True):
        is_last = end == len(events)
        until_s = recording.duration_s if is_last else events[end].t_s
        ended = _first_death(events[begin:end], until_s) if are_mixed else _end_of_run(events[begin:end], until_s)
        if ended is not None and not (is_last and is_running and ended.detector == LOG_END):
            episodes.append(ended)
    if are_mixed:
        return tuple(episodes)
    slow = slow_epochs(recording)
    lost = _diverged(recording)
    if (slow is not None and slow.end_s is None) or (lost and lost[-1].end_s is None):
        # The end of a slow or lost training's log is no separate episode.
        episodes = [episode for episode in episodes if episode.detector != LOG_END or episode.end_s is not None]
    episodes += [*lost, *(episode for episode in (slow or evenly_slow(recording),) if episode is not None)]
    return tuple(sorted(episodes, key=lambda episode: episode.start_s))


def _diverged(recording: Recording) -> list[Episode]:
    found: dict[float, Episode] = {}  # by begin: each is reported again when it is over
    detector = DivergedDetector()
    for tick in recording.all_ticks:
        if any(isinstance(event, Noted) and event.what == NEW_LOG for event in tick.events):
            detector = DivergedDetector()
        found |= {episode.start_s: episode for episode in detector.see(tick)}
    return list(found.values())


def _first_death(events: list[Event], until_s: float) -> Episode | None:
    numbers = [n for n, event in enumerate(events) if _is_death(event) and not _is_vague(event)]
    return _death(events[numbers[0]], events[: numbers[0] + 1], until_s) if numbers else None


# The death of one run, or a log that stops in the middle; None if the run finished or was asked to end.
def _end_of_run(events: list[Event], until_s: float) -> Episode | None:
    for number, event in enumerate(events):
        if _is_death(event) and _epochs(events[number:]) < SURVIVED_EPOCHS:
            if _is_vague(event) and _is_finished(events[:number]):
                continue
            return _death(event, events[: number + 1], until_s)
    asked = [event for event in events if isinstance(event, ExceptionSeen) and event.error in ASKED]
    if asked:  # each process reports Ctrl-C; the order is chance
        return next((episode for event in asked if (episode := _interrupted(event, events))), None)
    echo = next((e for n, e in enumerate(events) if _is_echo(e) and _epochs(events[n:]) < SURVIVED_EPOCHS), None)
    if echo is not None:
        return _death(echo, events, until_s)
    if _is_finished(events):
        return None
    phase, began = _phase(events)
    if phase == "unknown" and not _epochs(events):
        return None
    last_s = max((event.t_s for event in events), default=until_s)
    return _episode("stall", phase, last_s, LOG_END, _log_ends(phase), began)


# Users press Ctrl-C on a training that seems to hang; if it was waiting at that moment, this is reported.
def _interrupted(event: ExceptionSeen, events: list[Event]) -> Episode | None:
    spot = interrupted(event)
    reason = None if spot is None else INTERRUPTIONS.get(spot[0])
    if reason is None or _is_finished(events):
        return None
    phase, _ = _phase(events)
    return _episode("stall", phase, event.t_s, INTERRUPTED, reason())


def _is_finished(events: list[Event]) -> bool:
    return any(isinstance(event, LogLine) and event.text.startswith(LAST_SENTENCES) for event in events)


def _log_ends(phase: Phase) -> Message:
    if phase in LOG_ENDS:
        return LOG_ENDS[phase]()
    return LOG_ENDS_IN_PHASE(phase=Message(key=f"phase.{phase}"))


def _is_death(event: Event) -> bool:
    if isinstance(event, ProcessEnded):
        return True
    return isinstance(event, ExceptionSeen) and not event.echo and event.error not in ASKED


# May appear after the end: Slurm counts events of any time, and a broken pipe gives one line.
def _is_vague(event: Event) -> bool:
    if isinstance(event, ExceptionSeen):
        return "Traceback" not in event.traceback
    return isinstance(event, ProcessEnded) and event.exit_signal is None


def _is_echo(event: Event) -> bool:
    return isinstance(event, ExceptionSeen) and event.echo


def _epochs(events: list[Event]) -> int:
    return sum(isinstance(event, EpochEnded) for event in events)


def _death(event: Event, before: list[Event], until_s: float) -> Episode:
    phase, _ = _phase(before)
    assert isinstance(event, (ExceptionSeen, ProcessEnded))
    subject = Subject(role=event.role)
    if isinstance(event, ExceptionSeen):
        reason = raised(subject, event)
    elif event.exit_signal is None:
        reason = SOMETHING_ENDED()
    else:
        reason = ENDED(who=subject, ending=shown_ending(signal_name(event.exit_signal)))
    return _episode("death", phase, event.t_s, "log", reason, subject=subject, end_s=max(event.t_s, until_s))


def _phase(events: list[Event]) -> tuple[Phase, float | None]:
    keeper = PhaseKeeper()
    began: float | None = None
    for event in events:
        if isinstance(event, PhaseChanged):
            keeper.see(Tick(t_s=event.t_s, events=(event,)))
            began = event.t_s
    return keeper.phase, began


def slow_epochs(recording: Recording) -> Episode | None:
    """Return an episode if epochs became slower or faster, or if single slow ones cost much time; else None."""
    shape = shape_of(runs(recording))
    if shape is None:
        return None
    series, epochs = shape.series, shape.run.epochs
    costs = _extra_part(shape) >= COSTS
    kind: EpisodeKind = "slow-down"
    first, last = epochs[0], None
    if series.shape in ("periodic", "heavy-tail") and costs:
        first = epochs[series.slow[0]] if series.slow else epochs[0]
    elif series.shape == "step-up" and series.change is not None:
        first = epochs[series.change]
    elif series.shape == "drift-up":
        kind = "creep"
    elif series.shape == "step-down" and series.change:
        last = epochs[series.change - 1]
    elif series.shape == "decreasing":
        last = epochs[-1]
    elif series.shape == "first-only" and costs:
        last = epochs[0]
    else:
        return None
    end_s = None if last is None else last.t_s
    start_s = _began(first, epochs)
    return _episode(kind, "train", start_s, EPOCH_TIMES, described(shape), alarm_s=first.t_s, end_s=end_s)


def evenly_slow(recording: Recording) -> Episode | None:
    """Return an episode if all epochs are alike and the versions are known to be slow; else None."""
    shape, kernels = shape_of(runs(recording)), _slow_kernels(recording)
    if shape is None or kernels is None or shape.series.shape not in ("flat", "first-only"):
        return None
    first = shape.run.epochs[0]
    reason = KNOWN_SLOW(epochs=described(shape), versions=kernels)
    return _episode("slow-down", "train", _began(first, ()), EPOCH_TIMES, reason, alarm_s=first.t_s)


# The length has two decimals only, so an epoch does not start before the previous one ended.
def _began(epoch: EpochEnded, epochs: Iterable[EpochEnded]) -> float:
    before_s = max((event.t_s for event in epochs if event.t_s < epoch.t_s), default=0.0)
    return max(before_s, epoch.t_s - (epoch.duration_s or 0.0))


# The versions, if they are known to compute this training's convolutions slowly.
def _slow_kernels(recording: Recording) -> str | None:
    environment = recording.environment
    if environment is None or dict(environment.plans).get("configuration") == "2d":
        return None
    versions = dict(environment.versions)
    torch, cudnn = versions.get("torch"), versions.get("cudnn")
    if slow_kernels(torch, cudnn) in (None, NONE):
        return None
    return f"cuDNN {cudnn}" if torch is None else f"PyTorch {torch}"


# Time above the usual, as a share of all time.
def _extra_part(shape: ShapeOfEpochs) -> float:
    times, usual = shape.run.times, shape.series.usual_s
    return sum(max(0.0, value - usual) for value in times) / max(sum(times), 1e-9)


def _episode(
    kind: EpisodeKind,
    phase: Phase,
    start_s: float,
    detector: str,
    reason: Text,
    began_s: float | None = None,
    *,
    subject: Subject | str = "training",
    alarm_s: float | None = None,
    end_s: float | None = None,
) -> Episode:
    start = min(began_s, start_s) if began_s is not None and detector == LOG_END else start_s
    return Episode(
        kind=kind,
        phase=phase,
        start_s=start,
        alarm_s=max(start, start_s if alarm_s is None else alarm_s),
        end_s=end_s,
        detector=detector,
        subject=subject,
        reason=reason,
    )
