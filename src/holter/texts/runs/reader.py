"""Divide the lines of a log into runs, and read each."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterable

from holter.patterns import later
from holter.records import Event, LogLine, Text
from holter.texts.kernel_log import is_before
from holter.texts.runs.failed_start import TRACEBACK, FailedStarts
from holter.texts.runs.filter import Sieve
from holter.texts.runs.header import HEADER_LINES, read_header
from holter.texts.runs.log_run import LogRun
from holter.texts.runs.normalize import Translator
from holter.texts.runs.signs import events_of
from holter.texts.training_log import LogParser, stamp_wall

# Number of unstamped lines remembered as uninteresting.
BORING_LINES = 5000
# Every start of v1 and v2 prints it first.
HEADER = "Please cite the following paper when using nnU"
# v2 prints it once, before the first epoch. Console texts often lack the header.
_COMPILES = ": Using torch.compile..."
_EPOCH_ENDS = later(r"\d\S+ \S+: Epoch time: (\d+(?:\.\d+)?) s")
# An epoch that took this many times as long as the last one is running is an epoch of another training.
FOREIGN = 2.0
_EPOCH = later(r"\d\S+ \S+: Epoch (\d+)\s*$")
# A stamp that goes back further than the change to winter time: another run, or another log pasted below.
BACK_S = 5400.0
# A start without a time began later than what stands above it.
SOON_S = 0.001
# Lines before the first time stamp are kept until it is known (a header, or a console without any stamp).
UNPLACED_LINES = 20_000
# These begin at the margin of a pasted text.
_AT_MARGIN = later(r"Traceback \(most recent call last\):|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_PREDICTS = later(r"There are \d+ cases in the source folder|Predicting \S+:|sending off prediction to background")
# The last sentence of v2, and two of the last of v1.
LAST_SENTENCES = ("Validation complete", "Mean Validation Dice", "determining postprocessing")


class RunReader:
    """Splits the lines of one file into runs."""

    def __init__(self, name: Text, begun_s: float | None = None, *, sentences: bool = True) -> None:
        """``begun_s``: start of the training from the name of its log, on the log's own clock.

        ``sentences``: False for a console beside a log, because the log already has nnU-Net's own sentences.
        """
        self._sentences = sentences
        self._name = name
        self._named_s = begun_s
        self._began: float | None = None
        self._margin: str | None = None  # blanks at the start of every line so far
        self._has_raised = False  # a traceback stands in this run
        self._failed_starts = FailedStarts()
        self.runs: list[LogRun] = []
        self._begin(is_first=True)

    def feed(self, lines: Iterable[str]) -> None:
        self._feed(self._failed_starts.divide(lines))

    def _feed(self, lines: Iterable[tuple[str, bool]]) -> None:
        batch: list[str] = []
        run = self.runs[-1]
        for raw, starts in lines:
            if raw in self._boring and not self._sieve.is_open:
                run.lines += 1
                continue
            if self._began is not None and is_before(raw, self._began):
                continue
            line = self._translator.line(self._without_margin(raw))
            is_header = HEADER in line
            if self._began is None and self._translator.stamp is not None:
                self._began = stamp_wall(self._translator.stamp, 0)
            is_next = is_header and (self._translator.stamp is not None or (self._has_raised and len(self.runs) > 1))
            if is_next or starts or self._went_back() or self._starts_again(line):
                self._take(batch)
                batch = []
                run = self._begin()
                run.has_beginning = starts
                self._translator.line(self._without_margin(raw))  # its stamp belongs to the new run
                self._starts_again(line)
            if run.lines < HEADER_LINES:
                read_header(line, run.plans)
            run.has_beginning = run.has_beginning or is_header
            self._has_raised = self._has_raised or line.startswith(TRACEBACK)
            run.is_prediction = run.is_prediction or (run.first_s is None and _PREDICTS.match(line) is not None)
            run.lines += 1
            self._note_how_far(line)
            if self._sieve.lets_through(line, is_stamped=self._translator.is_stamped):
                batch.append(line)
            elif not (is_header or self._translator.is_stamped):
                self._remember(raw)
        self._take(batch)

    def _note_how_far(self, line: str) -> None:
        if self._epoch is not None:
            self._failed_starts.has_trained = True
        if self._translator.is_stamped and any(sentence in line for sentence in LAST_SENTENCES):
            self._failed_starts.has_ended = True

    def _without_margin(self, line: str) -> str:
        # Text pasted from a web page is often indented, as a whole or below a sentence.
        if self._margin == "" and line[:1] not in (" ", "\t"):
            return line
        if line.strip():
            blanks = line[: len(line) - len(line.lstrip())]
            if self._margin is None or _AT_MARGIN.match(line, len(blanks)):
                self._margin = blanks
            pairs = zip(self._margin, blanks, strict=False)
            self._margin = "".join(blank for blank, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        return line[len(self._margin) :] if self._margin else line

    def _remember(self, line: str) -> None:
        # A warning may be printed a thousand times: its repeats need no parsing.
        if len(self._boring) >= BORING_LINES:
            self._boring.clear()
        self._boring.add(line)

    def close(self) -> list[LogRun]:
        """End the last run and its open traceback; return the runs that have lines."""
        self._feed(self._failed_starts.rest())
        self._finish_run()
        return [run for run in self.runs if run.lines]

    def _begin(self, *, is_first: bool = False) -> LogRun:
        if not is_first:
            self._finish_run()
        self._translator = Translator()
        self._sieve = Sieve()
        self._boring: set[str] = set()
        self._parser = LogParser(0.0, source="log", utc_offset_s=0, headless=True)
        self._parser.sentences = self._sentences
        self._waiting: list[str] = []
        self._stamp = ""
        named_s = self._named_s if is_first else None
        self._began = named_s  # else the first stamp
        self._has_raised = False
        self._failed_starts.has_trained = self._failed_starts.has_ended = False
        self._epoch: tuple[int, str] | None = None  # the last one, and when it began
        self.runs.append(LogRun(self._name, has_beginning=named_s is not None, begun_s=named_s))
        return self.runs[-1]

    def _finish_run(self) -> None:
        run = self.runs[-1]
        if self._waiting:  # a start that died before it printed a time came after the end of the one before
            before_s = self.runs[-2].last_s if len(self.runs) > 1 else None
            self._place(run, run.begun_s or (before_s + SOON_S if before_s is not None else 0.0))
        self._keep(run, self._parser.idle(float("inf")))
        run.is_v1 = self._translator.is_v1

    def _went_back(self) -> bool:
        # Whether the line's stamp is well before the previous one.
        stamp = self._translator.stamp
        if stamp is None or stamp >= self._stamp:
            self._stamp = stamp or self._stamp
            return False
        now, before = stamp_wall(stamp, 0), stamp_wall(self._stamp, 0)
        self._stamp = stamp
        return now is not None and before is not None and before - now > BACK_S

    def _starts_again(self, line: str) -> bool:
        # Whether the line shows another start: in one run the numbers of the epochs only rise. The console and the log
        # of one run, pasted together, have each line twice, with one stamp.
        if self._epoch is not None and line.endswith(_COMPILES):
            return True
        stamp = self._translator.stamp or ""
        match = _EPOCH.match(line)
        if match is None:
            self._count_foreign(line, stamp)
            return False
        number = int(match[1])
        again = self._epoch is not None and number <= self._epoch[0] and stamp > self._epoch[1]
        if not again:
            self._epoch = number, stamp
        return again

    def _count_foreign(self, line: str, stamp: str) -> None:
        ends = _EPOCH_ENDS.match(line) if self._epoch is not None else None
        if ends is None or self._epoch is None:
            return
        began, now = stamp_wall(self._epoch[1], 0), stamp_wall(stamp, 0)
        if began is not None and now is not None and float(ends[1]) > FOREIGN * max(now - began, 1.0):
            self.runs[-1].foreign_epochs += 1

    def _take(self, lines: list[str]) -> None:
        run = self.runs[-1]
        if run.first_s is None:
            self._waiting += lines
            stamp = self._first_stamp(lines)
            if stamp is None and len(self._waiting) < UNPLACED_LINES:
                return
            self._place(run, stamp if stamp is not None else run.begun_s or 0.0)
        else:
            self._keep(run, self._parser.feed(lines, float("inf"), history=True))
        run.last_s = self._parser.clock.last_s

    def _place(self, run: LogRun, wall_s: float) -> None:
        # The clock of this run is known now: the waiting lines get their times.
        run.first_s = wall_s
        begun_s = min(wall_s, run.begun_s) if run.begun_s is not None else wall_s
        run.begun_s = begun_s
        if run.has_beginning and not run.is_prediction:
            run.add(self._parser.restart(begun_s, float("inf")))
        else:
            self._parser.clock.begin(begun_s, float("inf"))
        lines, self._waiting = self._waiting, []
        self._keep(run, self._parser.feed(lines, float("inf"), history=True))
        run.last_s = self._parser.clock.last_s

    def _first_stamp(self, lines: list[str]) -> float | None:
        # The stamp of the first line that the parser reads as nnU-Net's own.
        for line in lines:
            if line[:2] in ("19", "20") and ": " in line:
                wall = stamp_wall(line.partition(": ")[0], 0)
                if wall is not None:
                    return wall
        return None

    def _keep(self, run: LogRun, events: list[Event]) -> None:
        run.add(events)
        for event in events:
            if isinstance(event, LogLine):
                run.add(events_of(event))
                run.is_finished = run.is_finished or event.text.startswith(LAST_SENTENCES)


def name_wall(name: str) -> float | None:
    """Time in the name of a training log, on the log's own clock; None if there is none."""
    match = re.match(r"^training_log_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)", name)
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc).timestamp()
    except ValueError:
        return None
