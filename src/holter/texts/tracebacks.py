"""Collect exceptions from lines of console text: a whole traceback becomes one ``ExceptionSeen``.

Python prints a traceback line by line, several processes print at once, and batchgenerators prints the headline of a
worker's exception through another (buffered) stream than its traceback. Lines that cannot be separated are kept as
text.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from holter.patterns import later
from holter.records import ExceptionSeen, Role
from holter.texts.secondary_errors import begins_echo, is_echo, repeated_sentence

# A recursion error prints up to 1000 frames, a compiler error whole programs: more lines are of no use.
MAX_TRACEBACK_LINES = 400
# Lines after the error line that still belong to its message (a CUDA error has 4, a compiler error dozens).
MAX_MESSAGE_LINES = 30
# A traceback that stops in the middle (its process was killed) is closed after this time without a line.
GIVE_UP_AFTER_S = 3.0
MAX_MESSAGE_CHARS = 2000

_RANK = later(r"^\[rank\d+\]: ?")
_START = later(r"^Traceback \(most recent call last\):")
_HEADLINE = later(
    r"^(?:Exception in background worker (?P<worker>\d+):"
    r"|Exception in thread (?P<thread>.+):"
    r"|Process (?P<process>[\w-]+):"
    r"|-- Process (?P<rank>\d+) terminated with the following error:"
    r"|(?P<remote>(?:multiprocessing\.pool\.|concurrent\.futures\.process\._)RemoteTraceback):)\s*$"
)
# A frame of a traceback whose beginning was not copied. (faulthandler's have no comma, a compiler's no function.)
_FRAME = later(r'^(?: *File ")?\S.*", line \d+, in ')
# An error line without a traceback above it: "ValueError: ..." and "torch.OutOfMemoryError: ...", no "ERROR: ...".
_BARE_ERROR = later(
    r"^(?:[A-Za-z_]\w*\.)*"
    r"(?:_?[A-Z]\w*(?:Error|Exception|Failed)|BadZipFile|BrokenProcessPool|KeyboardInterrupt)(?::?$|:\s)"
)
_CHAIN = later(r"^(During handling of the above exception|The above exception was the direct cause)")
_ERROR = later(r"^(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?P<colon>:)?(?:\s(?P<message>.*))?$")
# A logger's line (torchrun writes E1128 21:12:23.191000 …) below an error's message does not belong to it.
_LOGGED = later(r"^(?:[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)\b")
_ERROR_WITHOUT_MESSAGE = later(r"(Error|Exception|Interrupt|Exit|Iteration|Failed|Timeout|Empty|Full)$")
_CASE_FILE = later(r"([^/\\'\"\s]+?)(?:_seg)?\.(?:b2nd|npz|npy|pkl)\b")
_PRODUCER_FRAME = later(r"multi_threaded_augmenter\.py\", line \d+, in producer")
# PyTorch's DataLoader raises in the main process what a worker, or the thread that pins memory, has caught.
# torch raises a worker's exception again in the main process, with "Caught … in DataLoader worker process 3.".
_RERAISED = later(
    r"dataloader\.py\", line \d+, in _process_data\n *data\.reraise\(\)|Caught \w+ in DataLoader worker process \d"
)


@dataclass
class _Open:
    began_s: float
    last_s: float
    lines: list[str] = field(default_factory=list)
    stage: str = "headline"  # headline, frames, message
    headline: re.Match[str] | None = None
    chained: bool = False
    error: str | None = None
    message: str = ""
    message_lines: int = 0
    is_below: bool = False  # the error line ends with a colon: the message is on the lines below it
    blank_after_message: bool = False
    is_headless: bool = False


class TracebackCollector:
    """Collects lines one by one; ``take`` returns the finished exceptions."""

    def __init__(self, *, headless: bool = False) -> None:
        """``headless``: also accept tracebacks without the line "Traceback": often only the last lines are copied."""
        self._headless = headless
        self._open: _Open | None = None
        self._done: list[ExceptionSeen] = []
        # The headline and the traceback of one worker exception may be separated: remember reported messages.
        self._reported: deque[str] = deque(maxlen=32)

    def feed(self, line: str, t_s: float) -> bool:
        """Take the next line, from ``t_s``; return whether it belongs to a traceback. If not, the caller handles it."""
        line = _RANK.sub("", line)
        headline = _HEADLINE.match(line)
        if headline or _START.match(line):
            self._begin(line, headline, t_s)
            return True
        if self._open is None:
            if not (self._headless and (_FRAME.match(line) or _BARE_ERROR.match(line))):
                return False
            self._open = _Open(began_s=t_s, last_s=t_s, stage="frames", is_headless=True)
        self._open.last_s = t_s
        traceback = self._open
        stages = {"headline": self._headline, "frames": self._frames, "message": self._message}
        consumed = stages[traceback.stage](traceback, line)
        if len(traceback.lines) >= MAX_TRACEBACK_LINES:
            self.finish()
        return consumed

    @property
    def is_open(self) -> bool:
        """Whether the next lines may belong to a traceback."""
        return self._open is not None

    def take(self) -> list[ExceptionSeen]:
        """Return the exceptions finished since the last call."""
        done, self._done = self._done, []
        return done

    def idle(self, now_s: float) -> None:
        """Finish the open traceback, if it is complete or got no line for ``GIVE_UP_AFTER_S``.

        Call it while no new line comes. ``now_s``: on the same clock as the lines.
        """
        if self._open is None:
            return
        if self._open.stage == "message" or now_s - self._open.last_s >= GIVE_UP_AFTER_S:
            self.finish()

    def finish(self) -> None:
        """End the traceback that is still open, if any."""
        traceback, self._open = self._open, None
        if traceback is None:
            return
        exception = _exception(traceback)
        if exception is None:
            return
        torn_headline = traceback.error is None and traceback.headline is not None
        if not (torn_headline and exception.message in self._reported):
            self._done.append(exception)
        self._reported.append(exception.message)

    def _begin(self, line: str, headline: re.Match[str] | None, t_s: float) -> None:
        traceback = self._open
        # A "Traceback" line right after a headline or a chain sentence continues the same exception. In a complete
        # text, one among frames means that two processes printed into each other: the next error line is of both.
        goes_on = traceback is not None and (traceback.stage == "headline" or self._is_mixed(traceback))
        if traceback is None or headline or not goes_on:
            self.finish()
            traceback = self._open = _Open(began_s=t_s, last_s=t_s, headline=headline)
        if not headline:
            traceback.stage = "frames"
        traceback.lines.append(line)

    def _is_mixed(self, traceback: _Open) -> bool:
        return self._headless and traceback.stage == "frames" and not (traceback.headline or traceback.is_headless)

    def _headline(self, traceback: _Open, line: str) -> bool:
        is_message = bool(traceback.headline and traceback.headline["worker"] and len(traceback.lines) == 1)
        if is_message and not traceback.chained:
            traceback.message = line.strip()
        elif line.strip() not in ("", '"""') and not line.startswith((" ", "\t")):
            self.finish()
            return False
        traceback.lines.append(line)
        return True

    def _frames(self, traceback: _Open, line: str) -> bool:
        if not line.startswith((" ", "\t")):
            match = _ERROR.match(line)
            is_error = match is not None and _is_error_name(match["name"], has_colon=bool(match["colon"]))
            if match is None or not is_error or (traceback.is_headless and not _BARE_ERROR.match(line)):
                return self._between(traceback, line)
            traceback.error = match["name"].rpartition(".")[2]
            traceback.message = (match["message"] or "").strip()
            traceback.is_below = bool(match["colon"]) and not traceback.message
            traceback.stage, traceback.message_lines, traceback.blank_after_message = "message", 0, False
        traceback.lines.append(line)
        return True

    def _between(self, traceback: _Open, line: str) -> bool:
        # A line at the margin that is no error: a frame without its blanks, or not part of the traceback.
        if self._headless and _FRAME.match(line):
            traceback.lines.append(line)
            return True
        if traceback.is_headless:  # without "Traceback" an error line may never come
            self._open = None
        return False

    def _message(self, traceback: _Open, line: str) -> bool:
        traceback.message_lines += 1
        if _CHAIN.match(line):
            traceback.stage, traceback.chained = "headline", True
        elif line.strip() in ("", '"""'):
            traceback.blank_after_message = not traceback.is_below or bool(traceback.message)
        elif (
            _begins_echo(line)
            or _LOGGED.match(line)
            or traceback.blank_after_message
            or traceback.message_lines > MAX_MESSAGE_LINES
        ):
            self.finish()
            return False
        elif len(traceback.message) < MAX_MESSAGE_CHARS:
            traceback.message = f"{traceback.message}\n{line.rstrip()}" if traceback.message else line.strip()
        traceback.lines.append(line)
        return True


def _begins_echo(line: str) -> bool:
    # In an abridged paste another process's message about this end may be right below the error line.
    error = _ERROR.match(line)
    return begins_echo(line) or (error is not None and begins_echo(error["message"] or ""))


def _is_error_name(name: str, *, has_colon: bool) -> bool:
    # Separate ``ValueError: x`` and ``queue.Empty`` from ``WARNING: x``, ``slurmstepd: x`` and ``Killed``.
    last = name.rpartition(".")[2]
    if not has_colon:
        return bool(_ERROR_WITHOUT_MESSAGE.search(last))
    return "." in name or (last[0].isupper() and last != last.upper())


def _exception(traceback: _Open) -> ExceptionSeen | None:
    if traceback.error is None and not traceback.message and (traceback.is_headless or traceback.stage == "headline"):
        return None
    text = "\n".join(traceback.lines)
    # Without a message, the error line was cut off: its name is not known, unless the line of code quotes a sentence
    # that only repeats.
    repeated = None if traceback.error or traceback.message else repeated_sentence(traceback.lines[-1])
    if repeated is not None:
        traceback.error, traceback.message = "RuntimeError", repeated
    error = traceback.error or ("Exception" if traceback.message else "")
    case = _CASE_FILE.search(traceback.message)
    return ExceptionSeen(
        t_s=traceback.began_s,
        role=_role(traceback, text),
        error=error,
        message=traceback.message[:MAX_MESSAGE_CHARS],
        traceback=text,
        case=case[1] if case else None,
        echo=is_echo(error, traceback.message, text),
        source="log",
    )


def _role(traceback: _Open, text: str) -> Role:
    headline = traceback.headline
    if (headline and headline["worker"]) or _PRODUCER_FRAME.search(text):
        return "train-worker"
    if _RERAISED.search(text) and "in pin memory thread" not in text:
        return "train-worker"
    if headline and headline["process"]:
        process = headline["process"]
        if "PoolWorker" in process:
            return "export-worker"
        return "train-worker" if re.fullmatch(r"(Fork)?Process-[\d:]+", process) else "other"
    if headline and headline["remote"]:
        return "export-worker"
    return "main"
