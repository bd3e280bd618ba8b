"""Facts that the message of the first exception states: the same as where somebody pastes it."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.text_facts import read_facts
from holter.evidence.window import Window
from holter.evidence.words import CUT

# What was measured counts more; the message counts where nothing was, or where nothing was seen to fail.
FROM_MESSAGES = (
    "worker.exit_signal", "worker.role", "gpu.trouble", "limit.reached", "data.read_only", "shm.trouble",
    "shm.no_space", "compile.missing",
)  # fmt: skip
FILE_SIZE = "limit.file_size_bytes"


def collect(window: Window, book: FactBook) -> None:
    """Add what the first exception's own words say to the facts that nothing else showed."""
    text = book.value("exception.first")
    if not isinstance(text, str) or text == CUT or window.episode.kind != "death":
        return
    for name, hit in read_facts(text, is_prose=False).items():
        # "File too large" is the file system's word if the limit of files was read.
        is_measured = hit.value == "file-size" and book.facts[FILE_SIZE].status != "unknown"
        if name in FROM_MESSAGES and book.value(name) is None and not is_measured:
            book.known(name, hit.value, hit.quote)
