"""Events: what happened between two samples, and what Holter can see and do."""

from __future__ import annotations

from typing import Literal

from holter.records.samples import Phase
from holter.records.text import Message, Record, Role, Text, Value


class ProcessBorn(Record, frozen=True, kw_only=True, tag="process-born"):
    """A process joined the training's tree."""

    t_s: float
    pid: int
    role: Role = "other"
    name: str | None = None


class ProcessEnded(Record, frozen=True, kw_only=True, tag="process-ended"):
    """A process of the training's tree ended. If it is known how, either ``exit_code`` or ``exit_signal`` is set."""

    t_s: float
    pid: int
    role: Role = "other"
    worker_index: int | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    rss_bytes: int | None = None  # last seen
    case: str | None = None  # in hand when it ended
    source: str = "seen"  # hook, wait, pidfd, seen (gone, ending unknown)
    expected: bool = False  # it was shutting down normally
    by_parent: bool = False  # its parent ended it (SIGTERM during shutdown): an echo, not a cause
    early: bool = False  # with exit code 0, before its last planned epoch


class ExceptionSeen(Record, frozen=True, kw_only=True, tag="exception"):
    """A Python exception that was not caught, or that a data worker printed."""

    t_s: float
    pid: int | None = None
    role: Role = "other"
    error: str = "Exception"  # class name; empty: the traceback is cut off above it
    message: str = ""
    traceback: str = ""
    case: str | None = None
    thread: str | None = None  # thread that raised it; None: the main thread, or unknown
    echo: bool = False  # it only repeats that something else died before
    source: str = "hook"  # hook, log


class PhaseChanged(Record, frozen=True, kw_only=True, tag="phase"):
    """The training entered a phase (start-up, training, validation, …) at ``t_s``."""

    t_s: float
    phase: Phase
    epoch: int | None = None


class EpochEnded(Record, frozen=True, kw_only=True, tag="epoch"):
    """One epoch as nnU-Net's log reports it."""

    t_s: float
    epoch: int
    duration_s: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    pseudo_dice: tuple[float, ...] | None = None
    not_finite: tuple[str, ...] = ()  # train_loss or val_loss, if NaN or infinite
    learning_rate: float | None = None
    wall: str | None = None  # the log's own time stamp of the "Epoch time" line


class LogLine(Record, frozen=True, kw_only=True, tag="log"):
    """A line of nnU-Net's log or console that is kept: warnings, errors, phase lines."""

    t_s: float
    text: str
    source: str = "training-log"
    level: Literal["info", "warning", "error"] = "info"
    message: Message | None = None  # of a line that says what Holter read: the text in any language


class KernelMessage(Record, frozen=True, kw_only=True, tag="kernel"):
    """A line of the kernel log that concerns the run."""

    t_s: float
    what: Literal["oom-kill", "xid", "mce", "io-error", "nfs", "segfault", "other"]
    text: str
    pid: int | None = None


class Noted(Record, frozen=True, kw_only=True, tag="note"):
    """A note of the recorder: a failed probe, a gap, a simulated reading, a user's mark."""

    t_s: float
    what: str  # kebab-case
    text: str = ""  # quoted text; on older tapes any sentence
    message: Message | None = None  # in place of ``text``
    pid: int | None = None  # of the training process that sent it
    pids: tuple[int, ...] = ()  # of the processes that it is about

    @property
    def said(self) -> Text:
        """The note's sentence."""
        return self.message or self.text


ActionState = Literal["proposed", "begun", "done", "failed"]
ActionSource = Literal["hook", "supervisor"]


class ActionTaken(Record, frozen=True, kw_only=True, tag="action"):
    """An action on the run: started, done, failed, or proposed (what ``--heal`` would do)."""

    t_s: float
    # replace-workers, save-checkpoint, set-aside-checkpoint, keep-checkpoint, export-again, announce-restart, restart,
    # end-group, wait, leave-alone, stop
    action: str
    state: ActionState
    text: str = ""  # quoted text; on older tapes any sentence
    message: Message | None = None  # before, after, why; instead of ``text``
    cause: str | None = None  # the diagnosis behind it
    settings: tuple[tuple[str, str], ...] = ()  # environment variables changed
    asks: tuple[tuple[str, Value], ...] = ()  # of a wait: values for the text to the administrator
    pids: tuple[int, ...] = ()  # processes that it ends: their deaths are no faults
    generation: int = 0  # of the affected training process; of a restart: the new one
    source: ActionSource = "supervisor"
    request: int | None = None  # number of the supervisor's request that it is; None: none, or an older tape

    @property
    def said(self) -> Text:
        """The sentence about the action."""
        return self.message or self.text


AbilityName = Literal[
    "heartbeat", "loader", "log", "exceptions", "stacks", "gpu", "kernel-log", "endings", "results",  # can be seen
    "losses",  # can be seen; only stated of a program with a DataLoader, where it cannot
    "replace-workers", "save", "restart",  # can be done
]  # fmt: skip


class Ability(Record, frozen=True, kw_only=True):
    """One thing that Holter may see of a run or do to it: whether it can, and if not, why."""

    name: AbilityName
    can: bool
    what: str | None = None  # which loader, which GPU, which command
    why_not: Message | None = None


class ContractSettled(Record, frozen=True, kw_only=True, tag="contract"):
    """What Holter can see of this run and do to it; set in the first minute, recorded again on each change."""

    t_s: float
    sees: tuple[Ability, ...]
    does: tuple[Ability, ...]

    def ability(self, name: AbilityName) -> Ability:
        """Return one ability.

        Raises:  KeyError if the contract does not have it.
        """
        return {ability.name: ability for ability in (*self.sees, *self.does)}[name]

    @property
    def only_watches(self) -> bool:
        """Whether Holter was not asked to act."""
        return any(
            ability.why_not is not None and ability.why_not.key == "contract.only-watches" for ability in self.does
        )


class Notice(Record, frozen=True, kw_only=True, tag="notice"):
    """A notice without alarm: the training continues, but something is not as it should be."""

    t_s: float
    what: str  # kebab-case
    message: Message
    pids: tuple[int, ...] = ()


class Judged(Record, frozen=True, kw_only=True, tag="judged"):
    """An episode was judged at this moment, from what was known then. A replay of the tape gives the same result."""

    t_s: float
    detector: str
    subject: str  # ``Episode.subject_name``
    start_s: float
    cause: str | None = None  # None: no cause was likely
    verdict: Literal["confirmed", "likely"] | None = None

    @property
    def identity(self) -> tuple[str, str, float]:
        """Return ``Episode.identity`` of its episode."""
        return self.detector, self.subject, self.start_s


Event = (
    ProcessBorn
    | ProcessEnded
    | ExceptionSeen
    | PhaseChanged
    | EpochEnded
    | LogLine
    | KernelMessage
    | Noted
    | ActionTaken
    | ContractSettled
    | Judged
    | Notice
)
