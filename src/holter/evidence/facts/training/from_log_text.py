"""Facts that only the text of a console or log shows, and facts that such a text cannot show.

A text has no processes, no heartbeat and no present. Facts that other files derived from the lack of these are reset.
"""

from __future__ import annotations

import re
from collections import Counter

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import LogLine, Noted
from holter.sentences import define
from holter.texts.exit_lines import NODE_FAILED, reason_of
from holter.texts.recording import FROM_TEXT

# Messages of Slurm, the kernel and Kubernetes on a console.
# ``docker inspect`` prints '"OOMKilled": false' of a container that was not.
OOM_LINE = later(
    r"oom[-_ ]?kill(?!ed\"?\s*[:=]\s*false)|Out of memory: Kill|OUT_OF_MEMORY|task \d+: Out Of Memory", re.IGNORECASE
)
COUNTED = later(r"Detected (\d+) oom[-_ ]?kill", re.IGNORECASE)
SOURCES = ("slurmstepd", "srun", "Killed process", "invoked oom-killer", "oom_reaper", "OOMKilled", "OUT_OF_MEMORY")
# Lines of one crash are at most this far apart in a console.
NEAR_S = 60.0
# As Slurm writes it.
TIME_LIMIT = "DUE TO TIME LIMIT"
NO_REASON = define("why.main.no-scheduler", "no scheduler says why it ended")

NOTHING_AFTER = define("why.log.nothing-after", "a log does not show what came after it")
NOT_IN_LOG = define("why.log.not-in-it", "a log does not show it")


def is_from_text(window: Window) -> bool:
    """Return whether the recording was read from a log afterwards."""
    return any(note.what == FROM_TEXT for note in window.recording.events(Noted))


def collect(window: Window, book: FactBook) -> None:
    """Add the out-of-memory kills that the text reports, and mark as unknown what no text can show."""
    book.not_applicable("main.time_limit", NO_REASON())
    book.not_applicable("main.node_failed", NO_REASON())
    if not is_from_text(window):
        return
    lines = [
        line.text
        for line in window.recording.events(LogLine, start_s=window.episode.start_s - NEAR_S)
        if OOM_LINE.search(line.text) and line.t_s <= window.end_s + NEAR_S
    ]
    if lines:
        book.known("oom.kills", _kills(lines), lines[0][:160])
    _reason(window, book)
    _node(window, book)
    book.unknown(("progress.age_s", "log.age_s"), NOTHING_AFTER())
    if book.value("main.exit_signal") is None:
        book.unknown("main.alive", NOT_IN_LOG())


# Slurm, the kernel and Kubernetes report the same kills: of one source each line counts, of several the most.
def _kills(lines: list[str]) -> int:
    counted = [int(match[1]) for line in lines if (match := COUNTED.search(line))]
    reported = Counter(next((name for name in SOURCES if name.lower() in line.lower()), "") for line in lines)
    return max(*reported.values(), *counted, 1)


def _node(window: Window, book: FactBook) -> None:
    lines = window.recording.events(LogLine, start_s=window.episode.start_s - NEAR_S, end_s=window.end_s + NEAR_S)
    failed = next((line.text for line in lines if NODE_FAILED.search(line.text)), None)
    if failed is not None:
        book.known("main.node_failed", True, " ".join(failed.split())[:160])


# Add the scheduler's reason to the ending of the main process.
def _reason(window: Window, book: FactBook) -> None:
    number = book.value("main.exit_signal")
    if not isinstance(number, int):
        return
    lines = window.recording.events(LogLine, start_s=window.episode.start_s - NEAR_S, end_s=window.end_s + NEAR_S)
    reason = next((why for line in lines if (why := reason_of(line.text, number)) is not None), None)
    if reason is not None:
        for name in ("main.ending", "main.exit_signal"):
            book.known(name, book.value(name), reason[:160])
        book.known("main.time_limit", TIME_LIMIT in reason[:160])
