"""Guess the kind of an episode from its facts, if an evidence file does not name it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from holter.evidence.fact_book import FactBook
from holter.evidence.outside import RESTRICTED
from holter.records import EpisodeKind

# A person may also state epoch times and waiting shares of a healthy training: these are the limits.
SLOWER_TIMES, STARVED_RATIO = 1.1, 0.3
SLOW_SHAPES = ("step-up", "periodic", "heavy-tail")
# A training is slow if one of these holds, whatever else is stated.
SLOW: dict[str, Callable[[Any], bool]] = {
    "epochs.shape": lambda shape: shape in SLOW_SHAPES,
    "epochs.times_usual": lambda times: times >= SLOWER_TIMES,
    "step.times_usual": lambda times: times >= SLOWER_TIMES,
    "wait.ratio": lambda ratio: ratio >= STARVED_RATIO,
    "gpu.licence_stage": lambda stage: stage in RESTRICTED,
}
# Prefixes of fact names; one non-empty fact is enough. The first group that matches decides.
UNSAVED = ("disk.error", "save.failed")
DEATH = ("exception.", "echo.says", "worker.", "main.exit_signal", "main.ending", "oom.kills")
TIMES = ("epochs.", "step.", "wait.")


def guess(book: FactBook) -> EpisodeKind:
    """Return the kind of episode that the stated facts suggest; values of 0, false and () are not used."""
    if book.value("epochs.shape") == "drift-up":
        return "creep"
    stated = {name: fact.value for name, fact in book.facts.items() if fact.status == "known" and fact.value}
    if _any(stated, UNSAVED) and "shm.no_space" not in stated:  # that write was one to shared memory
        return "unsaved"
    if any(name in stated and is_slow(stated[name]) for name, is_slow in SLOW.items()):
        return "stall" if "progress.age_s" in stated else "slow-down"
    if _any(stated, DEATH):
        return "death"
    return "slow-down" if _any(stated, TIMES) else "stall"


def _any(names: Collection[str], starts: tuple[str, ...]) -> bool:
    return any(name.startswith(starts) for name in names)
