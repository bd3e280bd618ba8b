"""Facts about workers that are started again in every epoch."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_HEARTBEAT, NO_PROCESS_TREE
from holter.evidence.window import Window
from holter.history.ranks import main_beat
from holter.records import DATA_WORKERS, ActionTaken, PhaseChanged, ProcessBorn
from holter.sentences import define

# The workers of the first epoch are always new; fewer further epochs prove nothing.
ENOUGH_EPOCHS = 3
# Workers that Holter restarted appear within this time after one of these.
HEALED_S = 30.0
HEALS = ("replace-workers", "restart")

REBORN = define("seen.workers.reborn", "in {reborn} of {epochs} epochs")
FIRST_STEP = define("seen.epochs.first-step", "first step after {ratio:percent} % of an epoch")
TOO_FEW_EPOCHS = define("why.workers.reborn.too-few-epochs", "too few epochs were recorded")


def collect(window: Window, book: FactBook) -> None:
    """State in how many epochs data workers were started, and how long an epoch waits for its first step."""
    recording = window.recording
    actions = recording.events(ActionTaken)
    healed = [action.t_s for action in actions if action.state == "begun" and action.action in HEALS]
    starts: dict[int, float] = {}
    for event in recording.events(PhaseChanged, end_s=window.end_s):
        if event.phase == "train" and event.epoch is not None:
            starts.setdefault(event.epoch, event.t_s)
    if not window.has_process_tree:
        book.unknown("workers.reborn_ratio", NO_PROCESS_TREE())
        book.unknown("epochs.edge_ratio", NO_HEARTBEAT())
        return
    edges = sorted(starts.values())
    epochs = list(pairwise(edges[1:]))
    if len(epochs) < ENOUGH_EPOCHS:
        book.unknown("workers.reborn_ratio", TOO_FEW_EPOCHS())
        book.unknown("epochs.edge_ratio", TOO_FEW_EPOCHS())
        return
    births = [
        event.t_s
        for event in recording.events(ProcessBorn, end_s=window.end_s)
        if event.role in DATA_WORKERS and not any(0 <= event.t_s - t_s <= HEALED_S for t_s in healed)
    ]
    reborn = sum(any(begin <= t_s < end for t_s in births) for begin, end in epochs)
    book.known("workers.reborn_ratio", reborn / len(epochs), REBORN(reborn=reborn, epochs=len(epochs)))
    _edges(window, epochs, book)


# The share of an epoch before its first step, from the heartbeat.
def _edges(window: Window, epochs: list[tuple[float, float]], book: FactBook) -> None:
    steps: dict[float, float] = {}
    for begin, end in epochs:
        beats = [beat for tick in window.recording.ticks(begin, end) if (beat := main_beat(tick)) is not None]
        moments = [beat.progressed_s for beat in beats if beat.progressed_s is not None and beat.progressed_s > begin]
        if moments:
            steps[begin] = (min(moments) - begin) / (end - begin)
    if steps:
        ratio = median(steps.values())
        book.known("epochs.edge_ratio", ratio, FIRST_STEP(ratio=ratio))
    else:
        book.unknown("epochs.edge_ratio", NO_HEARTBEAT())
