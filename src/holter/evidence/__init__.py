"""Turn a tape into the facts of one episode and the chain of who waits for whom.

Pure: no clock, no file, no GPU.
"""

from __future__ import annotations

from holter.evidence import chain, scope
from holter.evidence.fact_book import Evidence, FactBook
from holter.evidence.facts.gpu import capacity, compiling, fitting, graphics, health, oom_message
from holter.evidence.facts.machine import (
    crowding,
    disk,
    freezer,
    growth,
    hardware,
    host,
    limits,
    neighbours,
    reclaim,
    shm,
    software,
)
from holter.evidence.facts.training import (
    beginning,
    births,
    endings,
    epochs,
    export,
    finishing,
    from_log_text,
    locks,
    messages,
    progress,
    ranks,
    reading,
    refusal,
    result,
    secondary_errors,
    standing,
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

# The order matters: a part may read the facts that earlier parts stated.
PARTS = (
    *(progress, beginning, workers, endings, disk, shm, host, graphics, export, software, epochs, from_log_text),
    *(secondary_errors, growth, reclaim, locks),
    *(health, capacity, oom_message, compiling, ranks, fitting),
    *(neighbours, crowding, reading, finishing, births, hardware),
    *(standing, freezer, limits, refusal, result, messages, scope),
)


def collect(recording: Recording, episode: Episode) -> Evidence:
    """Return every fact that the recording holds about this episode."""
    window = Window(recording, episode)
    book = FactBook()
    for part in PARTS:
        part.collect(window, book)
    for name in sorted(NAMES - book.facts.keys()):
        book.unknown(name, ONLY_STATED() if name in STATED_ONLY else NOT_RECORDED())
    return Evidence(book.facts, chain.build(book))
