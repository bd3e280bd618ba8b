"""Tape -> facts about one episode, and the chain of who waits on whom. Pure: no clock, no file, no GPU."""

from __future__ import annotations

from holter.evidence import chain, freezer, limits, refusal, result, scope, standing
from holter.evidence.fact_book import Evidence, FactBook
from holter.evidence.facts import (
    births,
    compiling,
    crowding,
    disk,
    echo,
    endings,
    epochs,
    export,
    finishing,
    fitting,
    from_log_text,
    gpu_capacity,
    gpu_health,
    gpu_oom_message,
    graphics,
    growth,
    hardware,
    locks,
    machine,
    neighbours,
    ranks,
    reading,
    reclaim,
    shm,
    software,
    training,
    workers,
)
from holter.evidence.reasons import NOT_RECORDED
from holter.evidence.vocabulary import NAMES, STATED_ONLY
from holter.evidence.window import Window
from holter.records import Episode
from holter.sentences import define
from holter.tape import Recording

__all__ = ["NAMES", "Evidence", "collect"]

ONLY_STATED = define("why.only-stated", "only a comparison of two runs shows it")

# A part may read what those before it have stated.
PARTS = (
    *(training, workers, endings, disk, shm, machine, graphics, export, software, epochs, from_log_text),
    *(echo, growth, reclaim, locks),
    *(gpu_health, gpu_capacity, gpu_oom_message, compiling, ranks, fitting),
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
        book.unknown(name, ONLY_STATED() if name in STATED_ONLY else NOT_RECORDED())
    return Evidence(book.facts, chain.build(book))
