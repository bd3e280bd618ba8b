"""All errors that a user may see: an id, what happened, what is still safe, and the next command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from holter.records import Message, Text


class HolterError(Exception):
    """Base of all errors. ``id`` is kebab-case and unique (a test compares them).

    ``what``, ``safe`` and ``next_step`` are sentences before rendering, or strings: a command to type, or text from a
    part of Holter that also works alone.
    """

    id = "holter-error"
    # Converts a sentence to English for logs and tracebacks; set by ``holter.reports``.
    in_english: ClassVar[Callable[[Message], str]] = repr

    def __init__(self, what: Text, *, safe: Text = "", next_step: Text = "") -> None:
        super().__init__(what)
        self.what = what
        self.safe = safe
        self.next_step = next_step

    def __str__(self) -> str:
        return self.what if isinstance(self.what, str) else type(self).in_english(self.what)


class CodedText(str):
    """English text with a code and values, so that it can be translated. For parts of Holter that also work alone.

    ``probes.training.remarks`` has the sentences of the codes.
    """

    code: str
    values: dict[str, Any]

    def as_remark(self) -> dict[str, Any]:
        """Return code and values in the form of the hook's remarks."""
        return {"code": self.code, **{name: _plain(value) for name, value in self.values.items()}}


def coded(code: str, english: str, **values: Any) -> CodedText:
    """Return a text with its code and the values of its blanks: numbers, strings, other coded texts, or lists."""
    text = CodedText(english)
    text.code, text.values = code, values
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.as_remark() if isinstance(value, CodedText) else value


class TapeError(HolterError):
    """A file is not a tape or cannot be read as one."""

    id = "tape-unreadable"


class NotATape(TapeError):
    """The file exists but is something else."""

    id = "not-a-tape"


class TapeTooNew(TapeError):
    """The tape was written by a newer Holter."""

    id = "tape-too-new"


class TapeExists(TapeError):
    """The output file exists and is not overwritten."""

    id = "file-exists"


class FolderNotWritable(HolterError):
    """The output folder is not writable."""

    id = "folder-not-writable"


class CommandNotFound(HolterError):
    """The command of ``holter run -- CMD`` does not exist."""

    id = "command-not-found"


class CommandNotStarted(CommandNotFound):
    """The system refuses to start the command (no more processes, files or memory; not executable)."""

    id = "command-not-started"


class NoSuchProcess(HolterError):
    """The PID does not exist (any more)."""

    id = "no-such-process"


class NotOurProcess(HolterError):
    """The process belongs to another user."""

    id = "not-our-process"


class NotATraining(HolterError):
    """The process, file or folder does not belong to nnU-Net."""

    id = "not-a-training"


class AlreadyRecorded(HolterError):
    """Another Holter records this run."""

    id = "already-recorded"


class UnknownCause(HolterError):
    """``holter explain`` got the name of a cause that does not exist."""

    id = "unknown-cause"


class MissingExtra(HolterError):
    """An optional dependency is needed, and is not installed."""

    id = "missing-extra"


class CannotDoHere(HolterError):
    """This machine does not allow it (no writable cgroup, no FUSE, no ptrace)."""

    id = "cannot-do-here"


class TooBusyHere(HolterError):
    """A process of Holter has not begun within its time, so that nothing is known."""

    id = "too-busy-here"


class BenchFailed(HolterError):
    """A training could not be measured."""

    id = "bench-failed"


class MachineBusy(HolterError):
    """Others use the machine now, so that a measurement would be wrong."""

    id = "machine-busy"


class DemoFailed(HolterError):
    """A step of the demo failed."""

    id = "demo-failed"


class BadInput(HolterError):
    """An option or argument is invalid."""

    id = "bad-input"


class BadUsage(HolterError):
    """The command line does not exist: an unknown command or option, a missing or invalid value."""

    id = "bad-usage"


class AlreadyTraining(HolterError):
    """Another Holter trains this fold."""

    id = "already-training"


class NoUsableCheckpoint(HolterError):
    """A training should continue, but there is no usable checkpoint."""

    id = "no-usable-checkpoint"


class UntestedVersion(HolterError):
    """A package that Holter reproduces is installed in a version that was not compared."""

    id = "untested-version"


class WrongBox(HolterError):
    """A sample was not read as its draw specifies."""

    id = "wrong-box"


class CaseUnreadable(HolterError):
    """A preprocessed case is damaged or missing, and the user asked to stop then."""

    id = "case-unreadable"


class NoReadableCase(HolterError):
    """Too many cases cannot be read: training on the rest would be a different training."""

    id = "no-readable-case"


class LoaderFailed(HolterError):
    """A thread of the data loader failed for a reason other than the data."""

    id = "loader-failed"


class LoaderClosed(HolterError):
    """A batch was requested from a closed loader."""

    id = "loader-closed"


class LoaderNotReplaced(HolterError):
    """Holter's loader cannot replace the trainer's data loader; the trainer's own is used."""

    id = "loader-not-replaced"


class NotALog(HolterError):
    """A file or folder contains no log of a training."""

    id = "not-a-log"


class EvidenceWrong(HolterError):
    """An evidence file names a fact that does not exist, or gives it an invalid value."""

    id = "evidence-wrong"


class UnknownTarget(HolterError):
    """``holter diagnose`` got a target that it cannot find or read."""

    id = "unknown-target"
