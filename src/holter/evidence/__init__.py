"""Tape -> facts about one episode, and the chain of who waits on whom. Pure: no clock, no file, no GPU."""

from __future__ import annotations

from holter.evidence import (
    births,
    chain,
    compiling,
    crowding,
    disk,
    echo,
    endings,
    epochs,
    export,
    finishing,
    fitting,
    freezer,
    gpu_health,
    gpu_room,
    gpu_told,
    graphics,
    growth,
    hardware,
    limits,
    locks,
    machine,
    neighbours,
    ranks,
    reading,
    reclaim,
    refusal,
    result,
    scope,
    shm,
    software,
    standing,
    told,
    training,
    workers,
)
from holter.evidence.facts import Evidence, FactBook
from holter.evidence.vocabulary import NAMES, STATED_ONLY
from holter.evidence.window import Window
from holter.records import Episode
from holter.tape import Recording

__all__ = ["NAMES", "Evidence", "collect"]

# A part may read what those before it have stated.
PARTS = (
    *(training, workers, endings, disk, shm, machine, graphics, export, software, epochs, told),
    *(echo, growth, reclaim, locks),
    *(gpu_health, gpu_room, gpu_told, compiling, ranks, fitting),
    *(neighbours, crowding, reading, finishing, births, hardware),
    *(standing, freezer, limits, refusal, result, scope),
)


def collect(recording: Recording, episode: Episode) -> Evidence:
    """Every fact that the recording holds about this episode."""
    window = Window(recording, episode)
    book = FactBook()
    for part in PARTS:
        part.collect(window, book)
    for name in sorted(NAMES - book.facts.keys()):
        book.unknown(name, "only a comparison of two runs tells it" if name in STATED_ONLY else "not recorded")
    return Evidence(book.facts, chain.build(book))
