"""The one command to type next."""

from __future__ import annotations

import re
import shlex

from holter.probes.machine.environment import HIDDEN
from holter.records import Diagnosis, ProcessBorn, ProcessEnded, Subject
from holter.reports.cause_words import best
from holter.reports.outcome.record import Outcome
from holter.reports.wording import remedies_of
from holter.tape import Recording
from holter.texts.nnunet_commands import again_command, other_work
from holter.texts.resume_command import in_folder, printed, resume_command

MAY_RUN = ("running", "stalled", "troubled", "restarting", "cut")
# After the end a PID of the run belongs to no process, or to another one.
ENDED = ("dead", "incomplete", "gave-up", "stopped", "requeue", "end-unseen")

# Only these have PIDs as arguments: other numbers are data sets, folds, or parts of names.
OF_PROCESSES = re.compile(r"(?:\bkill(?: -\w+)*|--p?pid|\bpgrep -P|\bholter (?:attach|diagnose))((?: \d+)+)(?![\w./])")


def next_command(recording: Recording, ran: Outcome, diagnosis: Diagnosis | None) -> str | None:
    """Return the one command to type next; None if none is known.

    This is the remedy for an open episode, else the command that continues an ended training, else one to read more.

    ``diagnosis``: of the episode that the headline names, with its remedies.
    """
    if ran.state == "nothing-trained":
        return None if recording.damage else "holter doctor"
    # What failed before its first epoch has nothing to continue from, and would fail in the same way.
    never_began = not ran.trained and ran.exit_code not in (None, 0)
    continued = _continued(recording)
    # While the first may run, or Holter starts it again, a second training of the fold would write over its files.
    may_run = ran.state == "restarting" or (ran.state in MAY_RUN and ran.trouble != "death")
    unwanted = continued if may_run or never_began else None
    gone = _pids(recording, diagnosis) - set(ran.orphans) if ran.state in (*ENDED, "finished") else frozenset()
    remedy = None if diagnosis is None else first_command(diagnosis, without=unwanted, gone=gone)
    if remedy is not None:
        return remedy
    if ran.state in ENDED and continued is not None and not never_began:
        return _folder_of(recording) + continued
    if recording.path is None:
        return None
    tape = shlex.quote(str(recording.path))
    if ran.state == "cut" and ran.trouble is not None and ran.identity.main_pid is not None:
        return f"holter attach {ran.identity.main_pid}"
    if ran.state in MAY_RUN and ran.state != "cut":
        return f"holter top {tape}"
    return f"holter diagnose {tape}" if ran.runs else f"holter report {tape}"


def first_command(diagnosis: Diagnosis, without: str | None = None, gone: frozenset[int] = frozenset()) -> str | None:
    """Return the first remedy of the named cause that is a command on one line; None if there is none.

    ``without``: a command that must not be part of it. ``gone``: PIDs that it must not name.
    """
    verdict = best(diagnosis)
    remedies = () if verdict is None else remedies_of(diagnosis, verdict.cause)
    lines = (remedy.command for remedy in remedies if remedy.command and "\n" not in remedy.command)
    wanted = (line for line in lines if without is None or without not in line)
    return next((line for line in wanted if gone.isdisjoint(_pids_in(line))), None)


def _pids_in(line: str) -> set[int]:
    return {int(number) for numbers in OF_PROCESSES.findall(line) for number in numbers.split()}


def _pids(recording: Recording, diagnosis: Diagnosis | None) -> frozenset[int]:
    pids = {event.pid for event in recording.events(ProcessBorn)}
    pids |= {event.pid for event in recording.events(ProcessEnded)}
    pids |= {process.pid for tick in recording.all_ticks for process in tick.processes}
    if recording.environment is not None and recording.environment.main_pid is not None:
        pids.add(recording.environment.main_pid)
    if diagnosis is not None:
        subject = diagnosis.episode.subject
        about = {diagnosis.episode.pid, subject.pid if isinstance(subject, Subject) else None}
        pids |= {pid for pid in about if pid is not None}
    return frozenset(pids)


def _folder_of(recording: Recording) -> str:
    environment = recording.environment
    if environment is None:
        return ""
    given = resume_command(environment.command, environment.resume_command).command
    return in_folder(given or environment.command, environment.working_folder)


def _continued(recording: Recording) -> str | None:
    environment = recording.environment
    if environment is None or not environment.command or HIDDEN in environment.command:
        return None
    if other_work(environment.command) is not None and not environment.resume_command:
        return printed(again_command(environment.command))
    return resume_command(environment.command, environment.resume_command).text
