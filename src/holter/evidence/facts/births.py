"""Facts about workers that are started again in every epoch."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.history.phases import main_beat
from holter.records import DATA_WORKERS, ActionTaken, PhaseChanged, ProcessBorn

# The workers of the first epoch are always new; of fewer further ones nothing can be said.
ENOUGH_EPOCHS = 3
# Workers that Holter has started anew are born within this time.
HEALED_S = 30.0


def collect(window: Window, book: FactBook) -> None:
    """State in how many epochs data workers were born, and how long an epoch waits for its first step."""
    recording = window.recording
    healed = [one.t_s for one in recording.events(ActionTaken) if one.state == "begun"]
    starts: dict[int, float] = {}
    for event in recording.events(PhaseChanged, end_s=window.end_s):
        if event.phase == "train" and event.epoch is not None:
            starts.setdefault(event.epoch, event.t_s)
    if not any(tick.processes for tick in window.all):
        book.unknown("workers.reborn_ratio", "the process tree was not recorded")
        book.unknown("epochs.edge_ratio", "no heartbeat")
        return
    edges = sorted(starts.values())
    epochs = list(pairwise(edges[1:]))
    if len(epochs) < ENOUGH_EPOCHS:
        book.unknown("workers.reborn_ratio", "too few epochs were recorded")
        book.unknown("epochs.edge_ratio", "too few epochs were recorded")
        return
    births = [
        one.t_s
        for one in recording.events(ProcessBorn, end_s=window.end_s)
        if one.role in DATA_WORKERS and not any(0 <= one.t_s - t_s <= HEALED_S for t_s in healed)
    ]
    reborn = sum(any(begin <= t_s < end for t_s in births) for begin, end in epochs)
    book.known("workers.reborn_ratio", reborn / len(epochs), f"in {reborn} of {len(epochs)} epochs")
    _edges(window, epochs, book)


def _edges(window: Window, epochs: list[tuple[float, float]], book: FactBook) -> None:
    """The share of an epoch that passes before its first step, by the heartbeat."""
    steps: dict[float, float] = {}
    for begin, end in epochs:
        beats = [beat for tick in window.recording.ticks(begin, end) if (beat := main_beat(tick)) is not None]
        moments = [beat.progressed_s for beat in beats if beat.progressed_s is not None and beat.progressed_s > begin]
        if moments:
            steps[begin] = (min(moments) - begin) / (end - begin)
    told = f"first step after {median(steps.values()):.0%} of an epoch" if steps else ""
    book.known("epochs.edge_ratio", median(steps.values()) if steps else None, told, unless="no heartbeat")
