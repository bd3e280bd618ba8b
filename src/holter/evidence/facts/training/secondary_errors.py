"""Facts about messages that only repeat that something died before (echoes)."""

from __future__ import annotations

from collections.abc import Iterator

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.evidence.window import Window
from holter.records import ExceptionSeen, LogLine
from holter.sentences import define
from holter.texts.secondary_errors import part_that_raised

# The echo comes when the augmenter next checks its workers, or the export its pool.
AFTER_S = 60.0
BEFORE_S = 5.0
# A main process that ends by it may take long to end: a busy machine, a large GPU context.
BEFORE_END_S = 60.0

BY_HAND = define("why.echo.interrupted", "it was interrupted by hand before anything ended")
NOT_PRINTED = define("why.echo.not-printed", "no such sentence was printed")
UNKNOWN = define("why.echo.nothing-read", "nothing that was printed is known")


def collect(window: Window, book: FactBook) -> None:
    """Add the fact which part of nnU-Net printed a message that only repeats an earlier death (an echo)."""
    if window.episode.detector == INTERRUPTED:
        book.not_applicable("echo.says", BY_HAND())
        return
    for text in _texts(window):
        where = part_that_raised(text)
        if where is not None:
            book.known("echo.says", where, text[:160])
            return
    recorded = any(tick.processes or tick.beats or tick.events for tick in window.all)
    book.absent("echo.says", NOT_PRINTED(), is_sure=recorded, otherwise=UNKNOWN())


def _texts(window: Window) -> Iterator[str]:
    is_end = window.episode.kind == "death" and window.episode.is_about_main
    start_s, end_s = window.episode.start_s - (BEFORE_END_S if is_end else BEFORE_S), window.end_s + AFTER_S
    for event in window.recording.events(ExceptionSeen, start_s=start_s, end_s=end_s):
        if event.echo:
            yield event.message
    for line in window.recording.events(LogLine, start_s=start_s, end_s=end_s):
        yield line.text
