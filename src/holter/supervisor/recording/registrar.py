"""Keep the entry of a run in the registry, in a thread: the disk of a state folder may be slow."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holter.errors import TapeError
from holter.history.goodput import account
from holter.linux.place import here
from holter.linux.signals import start_without_signals
from holter.probes.process.process_files import started
from holter.records import Diagnosis, Environment, Message
from holter.reports.outcome import Outcome, outcome_of
from holter.reports.outcome.unwatched import with_living_process
from holter.sentences import define
from holter.supervisor.recording.energy import Energy
from holter.supervisor.registry_file import EntryWriter, NotYet, reason
from holter.tape import Recording, read
from holter.tape.registry import Entry
from holter.texts.training_command import parse_training_command

# Often enough that a reader on another host notices the death of this one (``reports.runs`` waits a few of these).
EVERY_S = 30.0
# A tape of this size is read in about a second; of a longer one the last minutes are judged.
READ_WHOLE_BYTES = 8 << 20
# At the end of a run nobody waits longer for a file server.
FAREWELL_S = 2.0

NOT_LISTED = define("registry.not-listed", "this run will not be in holter list ({why}); the recording goes on")
LISTED_AS_BEFORE = define("registry.listed-as-before", "holter list shows an older state of this run ({why})")


class Registrar:
    """Writes the entry of one run. An error is kept in ``problem``; it ends neither the run nor the thread."""

    def __init__(self, writer: EntryWriter, tape: Path, command: Sequence[str], *, attached: bool) -> None:
        """``writer``: used in the thread only."""
        self._writer = writer
        training = parse_training_command(command)
        now = _now()
        self._entry = Entry(
            tape=str(tape.absolute()),
            host=socket.gethostname(),
            place=here(),
            pid=os.getpid(),
            pid_started=started(os.getpid()),
            began=now,
            seen=now,
            attached=attached,
            continues=training is not None and training.continued,
            dataset=training.dataset if training is not None else None,
            configuration=training.configuration if training is not None else None,
            fold=training.fold if training is not None else None,
            trainer=training.trainer if training is not None else None,
        )
        self._energy = Energy()
        self.outcome: Outcome | None = None  # once it is over
        self._due_s = 0.0
        self._waiting: Entry | None = None
        self._is_over = False
        self._changed = threading.Condition()
        self.problem: Message | None = None  # why the run is not in the registry
        self._thread = threading.Thread(target=self._work, name="holter-registry", daemon=True)
        self._start()

    def is_due(self, t_s: float) -> bool:
        """Return whether the entry should be written again."""
        return t_s >= self._due_s

    def hurry(self) -> None:
        """Make the entry due now, because something happened that it should show."""
        self._due_s = 0.0

    def update(self, t_s: float, recording: Recording, diagnoses: Sequence[Diagnosis]) -> None:
        """Write the state of the running training, as known at ``t_s`` seconds of the recording, into its entry."""
        self._due_s = t_s + EVERY_S
        self._energy.see(recording.ticks())
        self._put(self._known(recording, outcome_of(recording, diagnoses, is_over=False, lost_s=0.0)))

    def finish(self, recording: Recording, diagnoses: Sequence[Diagnosis], tape: Path | None) -> None:
        """Write the result of the run, and wait a moment until it is written.

        ``tape``: the finished tape; None: its disk does not answer, or there is none.
        """
        self._energy.see(recording.ticks())
        whole = _whole(recording, tape)
        time = account(whole, tuple(diagnoses))
        ran = outcome_of(whole, diagnoses, is_over=True, lost_s=time.lost_s)
        # Who attached knows that the training goes on; a command may have left it in the background.
        ran = self.outcome = ran if self._entry.attached else with_living_process(ran, whole)
        if tape is not None:  # it may have been moved meanwhile
            self._entry = msgspec.structs.replace(self._entry, tape=str(tape.absolute()))
        lost: dict[str, float] = {}
        for loss in time.losses:
            lost[loss.cause or ""] = lost.get(loss.cause or "", 0.0) + round(loss.seconds, 3)
        ended = msgspec.structs.replace(
            self._known(recording, ran),
            ended=_now(),
            lost_s=ran.lost_s,
            lost_by_cause=lost,
            good_s=round(time.training_s + time.validation_s, 3),
        )
        with self._changed:
            self._waiting, self._is_over = ended, True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_S)

    def _known(self, recording: Recording, ran: Outcome) -> Entry:
        entry = msgspec.structs.replace(self._entry, energy_kwh=self._energy.kwh, gpus=self._energy.gpus)
        return _with(entry, recording, ran)

    def _put(self, entry: Entry) -> None:
        with self._changed:
            self._waiting = entry
            self._changed.notify_all()

    def _start(self) -> None:
        try:
            start_without_signals(self._thread)
        except RuntimeError as error:  # no more threads for this user
            self.problem = NOT_LISTED(why=str(error))

    def _work(self) -> None:
        is_listed = has_failed = False
        while (taken := self._take()) is not None:
            entry, is_last = taken
            try:
                self._writer.write(entry, is_last=is_last)
            except Exception as error:  # noqa: BLE001 - a traceback of this thread would stand in the training's output
                # Five folds that start at once from a shared environment may keep the first answer waiting.
                if has_failed or not isinstance(error, NotYet):
                    self.problem = (LISTED_AS_BEFORE if is_listed else NOT_LISTED)(why=reason(error))
                has_failed = True
            else:
                self.problem, is_listed, has_failed = None, True, False

    def _take(self) -> tuple[Entry, bool] | None:
        # The entry, and whether it is the last one; None: it was written.
        with self._changed:
            while self._waiting is None and not self._is_over:
                self._changed.wait()
            entry, self._waiting = self._waiting, None
            return None if entry is None else (entry, self._is_over)


def _with(entry: Entry, recording: Recording, ran: Outcome) -> Entry:
    environment, who = recording.environment, ran.identity
    return msgspec.structs.replace(
        entry,
        seen=_now(),
        command=who.command if environment is not None and environment.os else None,  # secrets are hidden by then
        dataset=who.dataset or entry.dataset,
        configuration=who.configuration or entry.configuration,
        fold=who.fold if who.fold is not None else entry.fold,
        trainer=who.trainer or entry.trainer,
        job_ends=_job_ends(environment) or entry.job_ends,
        folder=environment.output_folder if environment is not None else None,
        state=ran.state,
        headline=ran.headline,
        epochs_done=ran.epochs_done,
        epochs_planned=ran.epochs_planned,
        cause=ran.cause,
        stopped=ran.stopped,
        exit_code=ran.exit_code,
        exit_signal=ran.exit_signal,
    )


def _job_ends(environment: Environment | None) -> str | None:
    # Slurm's own forecast, in seconds since 1970 (sbatch(1), OUTPUT ENVIRONMENT VARIABLES).
    ends = dict(environment.variables).get("SLURM_JOB_END_TIME", "") if environment is not None else ""
    if not (ends.isascii() and ends.isdigit()):
        return None
    return datetime.datetime.fromtimestamp(int(ends)).astimezone().isoformat(timespec="seconds")


def _whole(recording: Recording, tape: Path | None) -> Recording:
    # The recorder remembers minutes; lost time is counted over the whole run.
    with contextlib.suppress(OSError, TapeError):
        if tape is not None and tape.stat().st_size <= READ_WHOLE_BYTES:
            return read(tape)
    return msgspec.structs.replace(recording, finished=True)  # it did not break off, wherever its tape is


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
