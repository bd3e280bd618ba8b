"""Which kind of trouble an evidence file speaks of where it does not say so: what its facts tell of first."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from holter.evidence.fact_book import FactBook
from holter.records import EpisodeKind

# Of a healthy training, too, somebody may state how long its epochs are and how much of a step is waiting.
SLOWER_TIMES, STARVED_RATIO = 1.1, 0.3
SLOW_SHAPES = ("step-up", "periodic", "heavy-tail")
RESTRICTED = ("unlicensed-restricted", "unlicensed")
# What says that a training is slow, whatever else is told of it.
SLOW: dict[str, Callable[[Any], bool]] = {
    "epochs.shape": lambda shape: shape in SLOW_SHAPES,
    "epochs.times_usual": lambda times: times >= SLOWER_TIMES,
    "step.times_usual": lambda times: times >= SLOWER_TIMES,
    "wait.ratio": lambda ratio: ratio >= STARVED_RATIO,
    "gpu.licence_stage": lambda stage: stage in RESTRICTED,
}
# How names of facts begin of which one that is not empty is enough; the first line that fits decides.
UNSAVED = ("disk.error", "save.failed")
DEATH = ("exception.", "echo.says", "worker.", "main.exit_signal", "main.ending", "oom.kills")
TIMES = ("epochs.", "step.", "wait.")


def guess(book: FactBook) -> EpisodeKind:
    """The kind; a count of 0, a "false" and an empty list tell of nothing that happened."""
    if book.value("epochs.shape") == "drift-up":
        return "creep"
    told = {name: fact.value for name, fact in book.facts.items() if fact.status == "known" and fact.value}
    if _any(told, UNSAVED):
        return "unsaved"
    if any(name in told and is_slow(told[name]) for name, is_slow in SLOW.items()):
        return "stall" if "progress.age_s" in told else "slow-down"
    if _any(told, DEATH):
        return "death"
    return "slow-down" if _any(told, TIMES) else "stall"


def _any(told: Collection[str], starts: tuple[str, ...]) -> bool:
    return any(name.startswith(starts) for name in told)
