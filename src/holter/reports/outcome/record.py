"""The record of the outcome of a run."""

from __future__ import annotations

from typing import Literal

from holter.history.fates import Fate
from holter.records import EpisodeKind, Message, Record

State = Literal[
    # It runs, or ran in the last reading:
    "running",  # no trouble is seen now
    "stalled",  # no progress now
    "troubled",  # it goes on, but slower, unsaved, or diverged (``trouble`` says which); or without its training
    "restarting",  # its process is dead, and Holter starts it again
    # It ended:
    "finished",  # as planned, with exit code 0
    "incomplete",  # with exit code 0, before its last epoch
    "stopped",  # by hand: Ctrl-C
    "requeue",  # saved and stopped because a scheduler or a person asked for it (exit code 75)
    "gave-up",  # Holter gave up healing it (exit code 76)
    "dead",  # by an error or a signal
    "end-unseen",  # it is gone, and nobody saw how
    # It may run:
    "cut",  # the recording ends before the training
    "unwatched",  # so it does, and the training still runs on this machine
    "nothing-trained",  # no training was seen
]
RUNS: tuple[State, ...] = ("running", "stalled", "troubled", "restarting")
# States in which a person need not look.
GOOD: tuple[State, ...] = ("running", "finished", "requeue", "stopped")


class Identity(Record, frozen=True, kw_only=True):
    """The training that was recorded; fields are None if unknown, or if it is no training of nnU-Net."""

    dataset: str | None = None
    configuration: str | None = None
    fold: str | None = None
    trainer: str | None = None
    host: str | None = None
    main_pid: int | None = None
    slurm_job: str | None = None
    command: str | None = None  # as typed in a shell


class Outcome(Record, frozen=True, kw_only=True):
    """How a run went and ended, as far as the tape shows. Times ending in ``_s`` are on the clock of the recording."""

    state: State
    headline: Message  # one or two sentences
    since_s: float | None = None  # begin of the state, if it is a moment: the stall, the end
    trouble: EpisodeKind | None = None  # kind of the episode that the headline names
    cause: str | None = None  # its cause, at least likely
    epochs_done: int | None = None  # finished, those before a restart too; None: no epoch was seen
    epochs_planned: int | None = None
    epoch: int | None = None  # last one that was worked on, counted from 0 as in nnU-Net's log
    stopped: int = 0  # times that the training did not go on
    healed: int = 0  # of these
    over: int = 0  # of these, without help
    slowed: int = 0  # times slower than before
    fates: tuple[Fate, ...] = ()  # of the episodes, in their order
    lost_s: float = 0.0  # all lost time, also in slow stretches, restarts and repeated epochs
    orphans: tuple[int, ...] = ()  # PIDs of workers that were left when the training was dead
    identity: Identity = Identity()
    started: str | None = None  # ISO 8601 with the offset of its machine; of the recording, if it began later
    ended: str | None = None  # None: it runs, or its end was not seen
    read: str | None = None  # last reading
    wall_s: float = 0.0  # until it ended, else until the last reading
    exit_code: int | None = None  # of the training, 75 and 76 as Holter passes them on
    exit_signal: int | None = None
    next_command: str | None = None  # what to type next

    @property
    def runs(self) -> bool:
        """Return whether the run was still running at the last reading."""
        return self.state in RUNS

    @property
    def trained(self) -> bool:
        """Whether an epoch of a training was seen."""
        return self.epoch is not None or self.epochs_done is not None

    @property
    def is_good(self) -> bool:
        """Whether the run needs no attention: it runs, or ended as wanted."""
        return self.state in GOOD
