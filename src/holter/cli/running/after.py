"""After a training: its report, written by a process of its own, so that the exit code is never in danger."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from holter.cli.running.listener import StderrListener
from holter.evidence.words import EXIT_CODE
from holter.records.exit_codes import REQUEUE
from holter.reports.catalogue import Lang
from holter.sentences import define
from holter.supervisor.child_error import ERROR_FILE, take_error

# A tape of a week takes some seconds; on a disk that hangs the report is not worth the wait.
REPORT_WITHIN_S = 60.0
NO_REPORT = define("run.no-report", "the report was not written ({why}); holter report {tape} writes it")
TOO_LONG = define("run.report-too-long", "it took more than {within:.0f} s")


def write_report(tape: Path, returncode: int, lang: Lang, speaker: StderrListener) -> None:
    """Write the HTML report beside the tape, and print where it is, or why it could not be written.

    Nothing is done without a tape, or if ``returncode`` says that a scheduler will start the training again.
    """
    if returncode == REQUEUE or not tape.exists():
        return  # a batch system kills what lingers after its signal
    # Without --output: a report that somebody made of this tape meanwhile has the same name, and is replaced.
    command = [sys.executable, "-m", "holter", "report", str(tape), "--json", "--lang", lang]
    error_file = tape.with_suffix(".error")
    variables = {**os.environ, ERROR_FILE: str(error_file)}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=REPORT_WITHIN_S, check=False, env=variables
        )
    except subprocess.TimeoutExpired:
        speaker.note(NO_REPORT(why=TOO_LONG(within=REPORT_WITHIN_S), tape=shlex.quote(str(tape))))
        return
    except OSError as error:
        speaker.note(NO_REPORT(why=error.strerror or str(error), tape=shlex.quote(str(tape))))
        return
    if done.returncode == 0:
        speaker.wrote(Path(json.loads(done.stdout)["report"]), is_there=True)
    else:
        left = take_error(error_file)
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = left.what if left else said[-1] if said else EXIT_CODE(number=done.returncode)
        speaker.note(NO_REPORT(why=why, tape=shlex.quote(str(tape))))
