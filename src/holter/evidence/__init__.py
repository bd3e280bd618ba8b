"""Tape -> facts about one episode, and the chain of who waits on whom. Pure: no clock, no file, no GPU."""

from __future__ import annotations

from holter.evidence import (
    chain,
    disk,
    endings,
    epochs,
    export,
    graphics,
    machine,
    shm,
    software,
    told,
    training,
    workers,
)
from holter.evidence.facts import Evidence, FactBook
from holter.evidence.vocabulary import NAMES
from holter.evidence.window import Window
from holter.records import Episode
from holter.tape import Recording

__all__ = ["NAMES", "Evidence", "collect"]


def collect(recording: Recording, episode: Episode) -> Evidence:
    """Every fact that the recording holds about this episode."""
    window = Window(recording, episode)
    book = FactBook()
    for part in (training, workers, endings, disk, shm, machine, graphics, export, software, epochs, told):
        part.collect(window, book)
    for name in sorted(NAMES - book.facts.keys()):
        book.unknown(name, "not recorded")
    return Evidence(book.facts, chain.build(book))
