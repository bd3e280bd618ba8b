"""Diagnose any target: a tape, a PID, a results folder, a log or console text, an evidence file."""

from __future__ import annotations

import errno
import io
import os
import shlex
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from holter.diagnosis.logs import Tell, read_folder, read_log, read_pasted
from holter.diagnosis.result import OBSERVE_S, DiagnosisResult, is_over
from holter.errors import AlreadyRecorded, CannotDoHere, EvidenceWrong, TapeError, UnknownTarget
from holter.evidence.stated.read import is_stated, read_stated
from holter.evidence.text_facts import Found, has_readout
from holter.records import Environment, Message, Text, Tick
from holter.remedies.diagnose import diagnose_evidence, diagnose_recording
from holter.reports.outcome import outcome_of
from holter.reports.outcome.unwatched import with_living_process
from holter.sentences import NOTHING_CHANGED, define
from holter.tape import Recording, read
from holter.tape.reader import ASK_OWNER, CANNOT_READ
from holter.texts.decode import as_utf8

STDIN = "-"
SQLITE = b"SQLite format 3\x00"
# An evidence file has some kilobytes; even with all facts and details it stays far below this.
EVIDENCE_BYTES = 1 << 22
NAME_SHOWN = 160  # of a name that is no file
FACTS_STATED = define(
    "target.evidence",
    "{name}: {count} facts are stated; facts that are not in it count as unknown.",
    one="{name}: {count} fact is stated; facts that are not in it count as unknown.",
)
GUESSED_KIND = define("target.guessed-kind", 'episode.kind is not stated; by the facts it is taken as "{kind}".')
WHAT_IS_READ = define(
    "next.give-a-target", "Give a tape, a PID, a results folder, a log, an evidence file, or - for text from a pipe."
)
PROCESS_ON_LINUX = define("error.process-on-linux", "A process can be observed on Linux only; this is {system}.")
NO_FACTS = define("error.no-facts", "{name} is JSON, but states no facts.")
NOTHING_LEFT = define("error.nothing-left", "{path} is damaged or cut; nothing of it can be read.")
OTHER_COPY = define("next.other-copy", "Look for another copy of the tape.")
STANDARD_INPUT = define("target.standard-input", "standard input")
NO_SUCH_TARGET = define("error.no-such-target", "There is no file, folder or process {target}.")


def diagnose_target(
    target: str, *, tell_log: Tell | None = None, tell_observed: Callable[[float], None], look_s: float | None = None
) -> DiagnosisResult:
    """Diagnose a target of any kind: ``-`` (standard input), a PID, a folder or a file.

    ``tell_log``: gets the name of a log and the per cent that are read. ``tell_observed``: gets the progress while a
    process is observed. ``look_s``: seconds to observe it; None: the usual time.
    Raises:  HolterError of the target's kind.
    """
    if target == STDIN:
        return read_pipe(sys.stdin.buffer)
    path = Path(target)
    try:
        if target.isdecimal() and not path.exists():
            # Only a process needs the probes: a text is diagnosed in a tenth of the time without them.
            if sys.platform != "linux":
                raise CannotDoHere(PROCESS_ON_LINUX(system=sys.platform), next_step=WHAT_IS_READ())
            return _read_process(int(target), tell_observed, OBSERVE_S if look_s is None else look_s)
        if path.is_dir():
            return read_folder(path, tell_log)
        with path.open("rb") as file:
            head = file.read(EVIDENCE_BYTES if path.suffix == ".json" else 1 << 16)
    except OSError as error:
        raise _unreadable(target, error) from error
    if head.startswith(SQLITE) or path.suffix == ".holter":
        return read_tape(path)
    if is_stated(as_utf8(head)):
        return read_evidence(path.read_bytes(), path.name)
    if path.suffix == ".json" and not has_readout(as_utf8(head).decode("utf-8", errors="replace")):
        raise EvidenceWrong(
            NO_FACTS(name=target),
            safe=NOTHING_CHANGED(),
            next_step="holter diagnose --evidence-template > evidence.json",
        )
    try:
        return read_log(path, tell_log)
    except OSError as error:
        raise _unreadable(target, error) from error


def _read_process(pid: int, tell_observed: Callable[[float], None], look_s: float) -> DiagnosisResult:
    from holter.diagnosis.live_process import observe
    from holter.supervisor.attach import find_training
    from holter.supervisor.recording.whose_tape import tape_of

    try:
        return observe(pid, tell_observed, look_s)
    except AlreadyRecorded:  # a recording knows more than a look
        tape = tape_of(find_training(pid))
        if tape is None:
            raise
        return read_tape(tape)


def read_tape(path: Path) -> DiagnosisResult:
    """Diagnose a tape.

    Raises:  TapeError.
    """
    recording = read(path)
    if not recording.all_ticks and recording.damage:
        raise TapeError(NOTHING_LEFT(path=str(path)), next_step=OTHER_COPY())
    over = is_over(recording)
    diagnoses = diagnose_recording(recording, is_over=over)
    ran = with_living_process(outcome_of(recording, diagnoses, is_over=over), recording)
    return DiagnosisResult("tape", str(path), recording, diagnoses, outcome=ran)


def read_evidence(content: bytes, name: Text) -> DiagnosisResult:
    """Diagnose the facts of an evidence file.

    Raises:  EvidenceWrong.
    """
    stated = read_stated(as_utf8(content), name)
    environment = Environment(wall_start="1970-01-01T00:00:00+00:00")
    diagnosis = diagnose_evidence(stated.evidence, stated.episode, environment)
    notes: list[Message] = [FACTS_STATED(name=name, count=stated.number)]
    if stated.is_guess:
        notes.append(GUESSED_KIND(kind=stated.episode.kind))
    recording = Recording(
        all_ticks=(Tick(t_s=0.0),), all_episodes=(stated.episode,), environment=environment, finished=True
    )
    facts = tuple((name, Found(fact, value, detail, 0)) for fact, value, detail in stated.given)
    return DiagnosisResult("evidence", name, recording, (diagnosis,), tuple(notes), facts=facts)


def read_pipe(pipe: BinaryIO) -> DiagnosisResult:
    """Diagnose text, or an evidence file, from a pipe.

    Raises:  NotALog, EvidenceWrong.
    """
    head = pipe.read(1 << 16)
    if is_stated(as_utf8(head)):
        return read_evidence(head + pipe.read(EVIDENCE_BYTES), STANDARD_INPUT())
    return read_pasted(_Joined(head, pipe), STANDARD_INPUT())  # type: ignore[arg-type]


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``."""
        head, self._head = self._head, b""
        return head or self._rest.read(size)


def _unreadable(target: str, error: OSError) -> UnknownTarget:
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
        return UnknownTarget(
            NO_SUCH_TARGET(target=textwrap.shorten(target, NAME_SHOWN, placeholder="…")),
            next_step=_as_text(target) if any(map(str.isspace, target)) and os.sep not in target else WHAT_IS_READ(),
        )
    what = CANNOT_READ(path=target, error=error.strerror or str(error))
    is_closed_tape = isinstance(error, PermissionError) and target.endswith(".holter")
    return UnknownTarget(what, safe=NOTHING_CHANGED(), next_step=(ASK_OWNER if is_closed_tape else WHAT_IS_READ)())


# A message where the name of a file belongs.
def _as_text(message: str) -> str:
    is_short = len(message) <= NAME_SHOWN and message.isprintable()
    return f"printf '%s\\n' {shlex.quote(message)} | holter diagnose -" if is_short else "holter diagnose -"
