"""What the training printed around an episode: exceptions with tracebacks, and kept lines of its output."""

from __future__ import annotations

from collections.abc import Iterator

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.records import ExceptionSeen, LogLine, Text
from holter.sentences import define

UNSTATED = define("messages.unstated", "the stated facts do not mention it")
NOT_PRINTED = define("why.output.not-mentioned", "no output of the training mentions it")
NO_OUTPUT = define("why.output.not-recorded", "the output of the training was not recorded")
# The message that explains a death comes at most this long before it: NCCL's watchdog waits for minutes before it acts.
BEFORE_S = 60.0
AFTER_S = 5.0


def messages_around(window: Window, before_s: float = BEFORE_S) -> Iterator[str]:
    """Yield the text of exceptions, then kept lines of output, each in order of time.

    They are from ``before_s`` seconds before the episode until shortly after its end. Exceptions that only repeat an
    earlier death are left out.
    """
    start_s, end_s = window.episode.start_s - before_s, window.end_s + AFTER_S
    for error in window.recording.events(ExceptionSeen, start_s=start_s, end_s=end_s):
        if not error.echo:
            yield f"{error.error}: {error.message}\n{error.traceback}"
    for line in window.recording.events(LogLine, start_s=start_s, end_s=end_s):
        yield line.text


def state_or_absent(window: Window, book: FactBook, name: str, value: str | int | None, detail: Text = "") -> None:
    """State the fact ``name``, which comes from printed text: ``value``, or why there is none.

    With a value of None, the fact is unknown if no output was recorded, else not applicable.
    """
    if value is not None:
        book.known(name, value, detail)
    else:
        is_sure = next(messages_around(window, float("inf")), None) is not None
        book.absent(name, NOT_PRINTED(), is_sure=is_sure, otherwise=NO_OUTPUT())
