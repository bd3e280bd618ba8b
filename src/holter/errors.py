"""All errors that a person may meet: an id, what happened, what is still safe, the one next command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from holter.records import Message, Text


class HolterError(Exception):
    """Base of the tree. ``id`` is kebab-case and unique (a test compares them all).

    ``what``, ``safe`` and ``next_step`` are sentences that are not rendered yet, or strings: a command to type, or the
    words of a part of Holter that can be taken alone.
    """

    id = "holter-error"
    # How a sentence is put into English words, for logs and tracebacks; ``holter.reports`` knows.
    in_english: ClassVar[Callable[[Message], str]] = repr

    def __init__(self, what: Text, *, safe: Text = "", next_step: Text = "") -> None:
        super().__init__(what)
        self.what = what
        self.safe = safe
        self.next_step = next_step

    def __str__(self) -> str:
        return self.what if isinstance(self.what, str) else type(self).in_english(self.what)


class TapeError(HolterError):
    """A file that is not a tape, or cannot be read as one."""

    id = "tape-unreadable"


class NotATape(TapeError):
    """The file exists and is something else."""

    id = "not-a-tape"


class TapeTooNew(TapeError):
    """Written by a newer Holter."""

    id = "tape-too-new"


class TapeExists(TapeError):
    """Refuse to overwrite."""

    id = "file-exists"


class FolderNotWritable(HolterError):
    """Nothing can be written where we were told to write."""

    id = "folder-not-writable"


class CommandNotFound(HolterError):
    """``holter run -- CMD``: no such command."""

    id = "command-not-found"


class CommandNotStarted(CommandNotFound):
    """The command is there, and the system refuses to start it (no more processes, files or memory; not executable)."""

    id = "command-not-started"


class NoSuchProcess(HolterError):
    """The PID is gone, or never was."""

    id = "no-such-process"


class NotOurProcess(HolterError):
    """The process belongs to another user."""

    id = "not-our-process"


class NotATraining(HolterError):
    """The process, file or folder has nothing of nnU-Net in it."""

    id = "not-a-training"


class AlreadyRecorded(HolterError):
    """Another Holter records this run."""

    id = "already-recorded"


class UnknownCause(HolterError):
    """``holter explain`` was asked for a cause that does not exist."""

    id = "unknown-cause"


class MissingExtra(HolterError):
    """An optional dependency is needed for this."""

    id = "missing-extra"


class CannotDoHere(HolterError):
    """This machine does not allow it (no cgroup to write to, no FUSE, no ptrace)."""

    id = "cannot-do-here"


class DemoFailed(HolterError):
    """A step of the demo failed."""

    id = "demo-failed"


class BadInput(HolterError):
    """An option or argument that makes no sense."""

    id = "bad-input"


class AlreadyTraining(HolterError):
    """Another Holter trains this fold."""

    id = "already-training"


class NoUsableCheckpoint(HolterError):
    """A training is to be continued, and nothing is there to continue from."""

    id = "no-usable-checkpoint"


class UntestedVersion(HolterError):
    """A package whose behaviour we reproduce is installed in a version that was not compared."""

    id = "untested-version"


class WrongBox(HolterError):
    """A sample was not read as its draw says."""

    id = "wrong-box"


class CaseUnreadable(HolterError):
    """A preprocessed case is damaged or gone, and the user wants to stop then."""

    id = "case-unreadable"


class NoReadableCase(HolterError):
    """So many cases cannot be read that training on the rest would be another training."""

    id = "no-readable-case"


class LoaderFailed(HolterError):
    """A thread of the data loader met an error that is not the data's."""

    id = "loader-failed"


class LoaderClosed(HolterError):
    """A batch was asked of a loader that was closed."""

    id = "loader-closed"


class LoaderNotReplaced(HolterError):
    """A trainer's data loader is not one that Holter's can stand in for; the trainer's own is used."""

    id = "loader-not-replaced"


class NotALog(HolterError):
    """A file or folder in which there is no log of a training."""

    id = "not-a-log"


class EvidenceWrong(HolterError):
    """An evidence file with a fact that does not exist, or a value that it cannot have."""

    id = "evidence-wrong"


class UnknownTarget(HolterError):
    """``holter diagnose`` was given something that it cannot find or read."""

    id = "unknown-target"
