"""Facts about epoch times: their shape, when they changed, and how long after the start of the training."""

from __future__ import annotations

from typing import NamedTuple

from holter.evidence.fact_book import FactBook
from holter.evidence.series import Series, analyse
from holter.evidence.window import Window
from holter.history.phases import restarts
from holter.records import EpochEnded, Message, Noted, PhaseChanged
from holter.sentences import define
from holter.tape import Recording
from holter.texts.recording import NEW_LOG

FACTS = tuple(
    f"epochs.{name}"
    for name in (
        "count", "shape", "usual_s", "recent_s", "times_usual", "changed_at", "minutes_to_change",
        "first_times_usual", "restarts",
    )
)  # fmt: skip


# The detector of episodes that come from epoch times alone.
EPOCH_TIMES = "epoch-times"

ALIKE = define("seen.epochs.alike", "about {usual:seconds} in {epochs} epochs")
FIRST_LONG = define("seen.epochs.first-long", "first epoch {first:seconds}, then {usual:seconds}")
TWO_LEVELS = define("seen.epochs.two-levels", "{before:seconds} before epoch {epoch}, {after:seconds} from then on")
PERIODIC = define("seen.epochs.periodic", "{usual:seconds}, but {slow:seconds} every {period} epochs")
SOME_LONG = define("seen.epochs.some-long", "{usual:seconds}, but {slow:seconds} in {long} of {epochs} epochs")
DRIFT = define("seen.epochs.drift", "{first:seconds} at first, {last:seconds} in the end")
CHANGED_AFTER = define("seen.epochs.changed-after", "after epoch {epoch}: {time}")
AFTER_START = define("seen.epochs.after-start", "{minutes:.0f} min after the start of the training")
AFTER_STARTS = define("seen.epochs.after-starts", "in {runs} runs {minutes} min after the start")
NONE_RECORDED = define("why.epochs.none", "no epoch was recorded")
TOO_FEW = define(
    "why.epochs.too-few", "{count} epochs are too few to have a shape", one="{count} epoch is too few to have a shape"
)
UNCHANGED = define("why.epochs.unchanged", "epoch times did not change")
NO_MOMENT = define("why.epochs.no-moment", "epoch times have no moment of change")
NO_TIMES = define("why.epochs.no-time-stamps", "the log has no time stamps")
START_UNKNOWN = define("why.epochs.no-start", "the start of the training is not in the recording")


class Run(NamedTuple):
    """The epochs between one start of the training and the next."""

    start_s: float | None  # None: the recording or log starts later
    epochs: tuple[EpochEnded, ...]

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(event.duration_s or 0.0 for event in self.epochs)


class ShapeOfEpochs(NamedTuple):
    """How the epoch times of a training change: not at all, from one epoch on, slowly, or in single epochs.

    ``run`` has the epochs that ``series`` describes: of one start of the training, or of all its starts together.
    """

    series: Series
    run: Run
    minutes: tuple[float, ...] = ()  # from the start to the change, for each start where it is known


def collect(window: Window, book: FactBook) -> None:
    """State the facts about epochs up to the end of the episode.

    All epochs count if the episode is open or is about epoch times.
    """
    episode = window.episode
    until_s = float("inf") if episode.end_s is None or episode.detector == EPOCH_TIMES else episode.end_s
    all_runs = runs(window.recording, until_s)
    count = sum(len(run.epochs) for run in all_runs)
    logs = [note for note in window.recording.events(Noted, end_s=until_s) if note.what == NEW_LOG]
    starts = max(len(all_runs) - 1, len(restarts(window.recording)), len(logs))
    book.known("epochs.count", count)
    book.known("epochs.restarts", starts if all_runs else None, unless=NONE_RECORDED())
    shape = shape_of(all_runs)
    if shape is None:
        why = TOO_FEW(count=count) if count else NONE_RECORDED()
        book.unknown(FACTS[1:-1], why)
        _standstill(window, all_runs, book)
        return
    series = shape.series
    book.known("epochs.shape", series.shape, described(shape))
    book.known("epochs.usual_s", series.usual_s)
    book.known("epochs.first_times_usual", series.first_times)
    for name, value in (("epochs.recent_s", series.recent_s), ("epochs.times_usual", series.times)):
        if value is None:
            book.not_applicable(name, UNCHANGED())
        else:
            book.known(name, value)
    _change(shape, book)
    _standstill(window, all_runs, book)


# A stall counts as the change if epoch times did not change before.
def _standstill(window: Window, all_runs: tuple[Run, ...], book: FactBook) -> None:
    start_s = all_runs[-1].start_s if all_runs else None
    if window.episode.kind == "stall" and start_s is not None and book.value("epochs.minutes_to_change") is None:
        minutes = max(0.0, window.episode.start_s - start_s) / 60
        book.known("epochs.minutes_to_change", minutes, AFTER_START(minutes=minutes))


def runs(recording: Recording, until_s: float = float("inf")) -> tuple[Run, ...]:
    """Return the epochs, grouped by start of the training, oldest first; starts without an epoch are left out."""
    epochs = sorted(
        (event for event in recording.events(EpochEnded, end_s=until_s) if event.duration_s is not None),
        key=lambda event: event.t_s,
    )
    start_times = sorted({*_starts(recording), *(restart.begun_s for restart in restarts(recording))})
    with_epochs: list[Run] = []
    for start_s, end_s in zip((float("-inf"), *start_times), (*start_times, float("inf")), strict=True):
        inside = tuple(event for event in epochs if start_s <= event.t_s < end_s)
        if inside:
            with_epochs.append(Run(None if start_s == float("-inf") else start_s, inside))
    return tuple(with_epochs)


# Starts of a training, from phases and logs; the start-up phase after unpacking is no new start.
def _starts(recording: Recording) -> list[float]:
    phases = sorted(recording.events(PhaseChanged), key=lambda event: event.t_s)
    start_times = [
        event.t_s
        for index, event in enumerate(phases)
        if event.phase == "startup" and not (index and phases[index - 1].phase == "unpack")
    ]
    return start_times + [event.t_s for event in recording.events(Noted) if event.what == NEW_LOG]


def shape_of(found: tuple[Run, ...]) -> ShapeOfEpochs | None:
    """Return how the epoch times change; None if there are too few epochs.

    If epochs became slower within one of the last two runs of a restarted training, this is the shape of that run, else
    of all runs together. The reason: a training that slows down some minutes after every start looks irregular as a
    whole, although each run has a clear step.
    """
    each = [(run, series) for run in found if (series := analyse(run.times)) is not None]
    stepped = [(run, series) for run, series in each if series.shape in ("step-up", "drift-up")]
    if len(found) > 1 and stepped and stepped[-1][0] in found[-2:]:
        run, series = stepped[-1]
        minutes = tuple(
            value for stepped_run, shape in stepped if (value := minutes_to_change(stepped_run, shape)) is not None
        )
        return ShapeOfEpochs(series, run, minutes)
    whole = Run(found[0].start_s, tuple(event for run in found for event in run.epochs)) if found else Run(None, ())
    together = analyse(whole.times)
    if together is None:
        return None
    if together.change is None:
        return ShapeOfEpochs(together, whole)
    changed = whole.epochs[together.change]
    run = next(candidate for candidate in found if changed in candidate.epochs)
    minutes_there = minutes_to_change(run, together, run.epochs.index(changed))
    return ShapeOfEpochs(together, whole, () if minutes_there is None else (minutes_there,))


def minutes_to_change(run: Run, series: Series, change: int | None = None) -> float | None:
    """Return the minutes from the start of the training to the first slower or faster epoch; None if unknown.

    ``change``: the index of that epoch in ``run``; None: the one that ``series`` names.
    """
    index = series.change if change is None else change
    if index is None or run.start_s is None:
        return None
    event = run.epochs[index]
    return max(0.0, event.t_s - (event.duration_s or 0.0) - run.start_s) / 60


def described(found: ShapeOfEpochs) -> Message:
    """Return a sentence with the numbers of the shape: how many epochs, how long before and after."""
    series, epochs = found.series, found.run.epochs
    usual, recent = series.usual_s, series.recent_s
    if recent is None:
        if series.shape == "first-only":
            return FIRST_LONG(first=found.run.times[0], usual=usual)
        return ALIKE(usual=usual, epochs=len(epochs))
    if series.change is not None:
        return TWO_LEVELS(before=usual, epoch=epochs[series.change].epoch, after=recent)
    if series.period is not None:
        return PERIODIC(usual=usual, slow=recent, period=series.period)
    if series.slow:
        return SOME_LONG(usual=usual, slow=recent, long=len(series.slow), epochs=len(epochs))
    return DRIFT(first=usual, last=recent)


def _change(shape: ShapeOfEpochs, book: FactBook) -> None:
    index = shape.series.change
    if index is None:
        book.not_applicable(("epochs.changed_at", "epochs.minutes_to_change"), NO_MOMENT())
        return
    before = shape.run.epochs[index - 1]
    book.known(
        "epochs.changed_at",
        before.wall,
        CHANGED_AFTER(epoch=before.epoch, time=before.wall),
        unless=NO_TIMES(),
    )
    if not shape.minutes:
        book.unknown("epochs.minutes_to_change", START_UNKNOWN())
    elif len(shape.minutes) == 1:
        book.known("epochs.minutes_to_change", shape.minutes[-1], AFTER_START(minutes=shape.minutes[-1]))
    else:
        each = tuple(round(value) for value in shape.minutes)
        book.known("epochs.minutes_to_change", shape.minutes[-1], AFTER_STARTS(runs=len(each), minutes=each))
