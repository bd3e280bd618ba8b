"""Parse the lines of nnU-Net's training log or console into events. Pure: reads no file and no clock.

The format: ``2024-03-26 09:06:26.123456: train_loss -0.1781 `` (local time without zone, no fraction if
it is zero, a blank at the end). Per epoch: ``Epoch N``, ``Current learning rate: x``, ``train_loss x``,
``val_loss x``, ``Pseudo dice [..]``, ``Epoch time: x s``. Versions of nnunetv2 differ little: those that
unpack npz files log ``unpacking dataset...`` and ``unpacking done...`` (2.8.1 does not); with numpy 2 the
list reads ``[np.float32(0.8), ..]``; early ones do not log ``Using torch.compile...``. Only lines with a
time stamp are read as nnU-Net's own sentences: the header and the plans after it can contain
anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from holter.patterns import later
from holter.records import EpochEnded, Event, ExceptionSeen, Phase, PhaseChanged
from holter.sentences import define
from holter.texts.tracebacks import TracebackCollector
from holter.texts.training_log.budget import MAX_LINE_CHARS, LineBudget
from holter.texts.training_log.clock import LogClock

LOST = define("log.lost-loss", "{loss} is {value} in epoch {epoch}")


# Holter writes into the same console; its quotations are not messages of the training.
OWN_LINE = "holter:"


_STAMP = later(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?): ?(.*)$")
_NUMBER = later(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf|nan)\b")
_NUMPY_TYPE = later(r"\b(?:np\.|numpy\.)?(?:float|int)\d+\(|\btensor\(")
_EPOCH = later(r"^Epoch:? (\d+)$")
_PREDICTING = later(r"^predicting (\S+)$")
_ERROR_LINE = later(
    r"\berror\b|\b[A-Z]\w+Error\b|\bkilled\b|oom[-_ ]?kill|out of memory|Segmentation fault|Bus error"
    r"|core dumped|An Exception occurred|failed to log|no longer alive"
    r"|Abort event was set|No space left|quota exceeded"
    r"|Assertion `.*` failed|Watchdog caught collective|Prediction on device was unsuccessful"
    r"|taking the entire process down|terminate called|^what\(\):",
    re.IGNORECASE,
)
_WARNING_LINE = later(r"\bwarning\b|\b\w+Warning\b", re.IGNORECASE)
# argparse's last line, below its usage: nnU-Net did not accept a word of the command line.
_ARGPARSE = later(
    r"^[^\s:][^:]{0,80}: error: (?P<message>"
    r"(?:unrecognized arguments|the following arguments are required|one of the arguments|ambiguous option|argument \S)"
    r".*)$"
)
# These decide a case, so they never count as part of an exception's message.
_DECISIVE = later(
    r"^(Killed|slurmstepd|srun:|Segmentation fault|Bus error|Aborted|Terminated|Hangup)|core dumped|oom[-_]?kill"
    r"|^terminate called|taking the entire process down"
)
# Every unstamped line that is kept contains one of these. Most lines of a console do not: checking this first makes
# reading a console ten times as fast.
_SIGNS = (
    "warn", "err", "kill", "oom", "out of memory", "fault", "core dumped", "exception", "no longer alive", "abort",
    "no space", "quota", "traceback", "process", "pin_memory", "slurmstepd", "srun", "terminate", "hangup", "info:",
    "assertion `", "watchdog caught", "prediction on device", "failed:", '.py", line ', "what():",
)  # fmt: skip
_KEPT_SENTENCES = (
    "Using torch.compile",
    "unpacking",
    "Using splits",
    "Creating new 5-fold",
    "This split has",
    "This random 80:20 split",
    "Desired fold",
    "INFO:",
    "Yayy!",
    "Training done",
    "predicting ",
    "Validation complete",
    "Mean Validation Dice",
    "No checkpoint written",
    "using pin_memory",
    "determining postprocessing",  # the last thing that nnU-Net v1 does
)


def numbers(text: str) -> tuple[float, ...]:
    """Return all numbers of a printed value or list, also with numpy's type names around them."""
    return tuple(float(number) for number in _NUMBER.findall(_NUMPY_TYPE.sub("(", text)))


class LogParser:
    """Parses the lines of one log; keeps the current epoch, the phase, and an open traceback between calls."""

    def __init__(
        self,
        wall_zero: float,
        *,
        source: str = "training-log",
        utc_offset_s: int | None = None,
        headless: bool = False,
    ) -> None:
        """``headless``: tracebacks may lack their first lines."""
        self.clock = LogClock(wall_zero, utc_offset_s)
        self.sentences = True  # False: nnU-Net's stamped sentences are used only for their time
        self._budget = LineBudget(source)
        self._tracebacks = TracebackCollector(headless=headless)
        self._phase: tuple[Phase, int | None] | None = None
        self._epoch: int | None = None
        self._values: dict[str, tuple[float, ...]] = {}

    def restart(self, wall: float, now_s: float) -> list[Event]:
        """Begin a new log, because the training was started (again) at ``wall`` (Unix time); return the events of that.

        ``now_s``: time of reading, in seconds of the recording.
        """
        self._phase, self._epoch, self._values = None, None, {}
        self.clock.begin(wall, now_s)
        return self._enter("startup", self.clock.last_s if self.clock.last_s is not None else now_s)

    def feed(self, lines: Iterable[str], now_s: float, *, history: bool = False) -> list[Event]:
        """Return the events of the next lines of the log.

        ``now_s``: time of reading, in seconds of the recording. ``history``: the lines may be much older.
        """
        events: list[Event] = []
        for whole in lines:
            # A progress bar ends without a line break: Holter's own line may follow on the same line.
            line, own, _ = whole.partition(OWN_LINE)
            if own and not line:
                # Not part of a traceback: treat it as if no line had come.
                events += self.idle(now_s)
                continue
            match = _STAMP.match(line) if line[:1].isdigit() else None
            if match:
                t_s = self.clock.place(match[1], now_s, history=history)
                self._tracebacks.finish()
                events += self._exceptions()
                if self.sentences:
                    events += self._sentence(match[2].rstrip(), t_s, match[1])
            else:
                t_s = self.clock.place(None, now_s, history=history)
                events += self._loose(line, t_s)
        return events

    def idle(self, now_s: float) -> list[Event]:
        """Return the exception of a complete traceback, or none; call it when no new line was written.

        ``now_s``: in seconds of the recording.
        """
        self._tracebacks.idle(now_s)
        return self._exceptions()

    def _exceptions(self) -> list[Event]:
        return [exception for exception in self._tracebacks.take() if self._budget.admit_exception(exception)]

    def _loose(self, line: str, t_s: float) -> list[Event]:
        if not self._tracebacks.is_open and not has_sign(line):
            return []
        if refused := _ARGPARSE.match(line):
            return [*self._finished(), self._refused(refused, line, t_s)]
        decisive = _DECISIVE.search(line)
        consumed = not decisive and self._tracebacks.feed(line, t_s)
        events = self._exceptions()
        if not consumed and line.strip():
            events += self._keep(line.strip(), t_s, only_sentences=False)
        return events

    def _finished(self) -> list[Event]:
        self._tracebacks.finish()
        return self._exceptions()

    def _refused(self, refused: re.Match[str], line: str, t_s: float) -> ExceptionSeen:
        message = refused["message"].strip()[:MAX_LINE_CHARS]
        return ExceptionSeen(
            t_s=t_s, role="main", error="ArgumentError", message=message, traceback=line[:MAX_LINE_CHARS], source="log"
        )

    def _keep(self, text: str, t_s: float, *, only_sentences: bool) -> list[Event]:
        if _WARNING_LINE.search(text):
            return self._budget.admit(text, "warning", t_s)
        if _ERROR_LINE.search(text) or _DECISIVE.search(text):
            return self._budget.admit(text, "error", t_s)
        if only_sentences and not text.startswith(_KEPT_SENTENCES):
            return []
        return self._budget.admit(text, "info", t_s) if text.startswith(_KEPT_SENTENCES) else []

    def _sentence(self, text: str, t_s: float, stamp: str) -> list[Event]:
        if epoch := _EPOCH.match(text):
            self._epoch, self._values = int(epoch[1]), {}
            return self._enter("train", t_s, self._epoch)
        for key in ("Current learning rate:", "train_loss", "val_loss", "Pseudo dice"):
            if text.startswith(key):
                self._values[key] = numbers(text[len(key) :])
                return []
        if text.startswith("Epoch time:"):
            return self._epoch_ended(text, t_s, stamp)
        return self._phase_of(text, t_s) + self._keep(text, t_s, only_sentences=True)

    def _phase_of(self, text: str, t_s: float) -> list[Event]:
        if text.startswith("unpacking dataset"):
            return self._enter("unpack", t_s)
        if text.startswith("unpacking done"):
            return self._enter("startup", t_s)
        # run_training returns here, and perform_actual_validation follows at once.
        if text.startswith("Training done") or _PREDICTING.match(text):
            return self._enter("final-validation", t_s)
        if text.startswith("Validation complete"):
            return self._enter("shutdown", t_s)
        return []

    def _enter(self, phase: Phase, t_s: float, epoch: int | None = None) -> list[Event]:
        if self._phase == (phase, epoch):
            return []
        self._phase = (phase, epoch)
        return [PhaseChanged(t_s=t_s, phase=phase, epoch=epoch)]

    def _epoch_ended(self, text: str, t_s: float, stamp: str) -> list[Event]:
        if self._epoch is None:  # the log begins in the middle of an epoch
            return []
        dice = self._values.get("Pseudo dice")
        ended = EpochEnded(
            t_s=t_s,
            epoch=self._epoch,
            duration_s=_finite(numbers(text)),
            train_loss=_finite(self._values.get("train_loss")),
            val_loss=_finite(self._values.get("val_loss")),
            pseudo_dice=dice if dice and all(math.isfinite(value) for value in dice) else None,
            not_finite=tuple(
                name
                for name in ("train_loss", "val_loss")
                if (values := self._values.get(name)) and not math.isfinite(values[0])
            ),
            learning_rate=_finite(self._values.get("Current learning rate:")),
            wall=stamp,
        )
        # Until the next "Epoch" nnU-Net writes checkpoints and progress.png.
        return [ended, *self._divergence(t_s), *self._enter("checkpoint", t_s, self._epoch)]

    def _divergence(self, t_s: float) -> list[Event]:
        lost = {name: values[0] for name in ("train_loss", "val_loss") if (values := self._values.get(name))}
        events: list[Event] = []
        for name, value in lost.items():
            if not math.isfinite(value):
                said = LOST(loss=name, value=f"{value:g}", epoch=self._epoch)
                text = f"{name} is {value:g} in epoch {self._epoch}"
                events += self._budget.admit(text, "warning", t_s, said)
        return events


def has_sign(line: str) -> bool:
    """Whether a line may contain something to keep: a cheap check before parsing."""
    lowered = line.lower()
    return any(sign in lowered for sign in _SIGNS)


def _finite(values: tuple[float, ...] | None) -> float | None:
    # The first number; the tape allows no NaN and no infinity.
    return values[0] if values and math.isfinite(values[0]) else None
