"""Record a training in the background for as long as a view (``holter top``, ``holter web``) shows it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from holter.errors import HolterError, NotATraining
from holter.records import Text
from holter.sentences import NOTHING_TOUCHED, define
from holter.supervisor.attach import find_training
from holter.supervisor.child_error import ERROR_FILE, read_error
from holter.supervisor.recording.tape_place import default_tape

# Finding the training and opening the tape takes a second; on a busy machine several.
BEGINS_WITHIN_S = 30.0
# Closing a tape takes a moment; a disk that hangs must not hold back the shell.
ENDS_WITHIN_S = 10.0
PR_SET_PDEATHSIG = 1

NOT_BEGUN = define("error.attach-not-begun", "The recording of process {pid} did not begin: {why}")
NO_WORD = define("error.attach-no-word", "it gave no answer for {waited:duration}")
TRY_ATTACH = define("next.try-attach", "holter attach {pid} says more.")


class BackgroundAttach:
    """Records one training in a process of its own, for as long as a view shows it."""

    def __init__(self, pid: int, environ: Mapping[str, str], tape: Path | None = None) -> None:
        """Begin to record.

        Raises:  NoSuchProcess, NotOurProcess, NotATraining; HolterError if the recording does not begin.
        """
        find_training(pid)  # refuse here, with our own words
        self.tape = tape or _place(pid, environ)
        self._pid = pid
        # Without names: of a view that is killed nothing is left.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the recording
        self._error = tempfile.TemporaryFile()  # noqa: SIM115 - as above
        words = [sys.executable, "-m", "holter", "attach", str(pid), "--tape", str(self.tape)]
        self._child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C at the view is not meant for it
            preexec_fn=_end_with_parent,
            env={**os.environ, ERROR_FILE: f"/proc/self/fd/{self._error.fileno()}"},
            pass_fds=(self._error.fileno(),),
        )
        self._wait()

    def close(self) -> None:
        """End the recording, not the training, and wait until the tape is closed."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._said.close()
        self._error.close()

    def _wait(self) -> None:
        until_s = time.monotonic() + BEGINS_WITHIN_S
        while time.monotonic() < until_s:
            if self._child.poll() is not None:
                why = self._last_words()
                self.close()
                raise self._failed(why)
            if self.tape.exists() and self.tape.stat().st_size:
                return
            time.sleep(0.05)
        self.close()
        raise self._failed(NO_WORD(waited=BEGINS_WITHIN_S))

    def _failed(self, why: Text) -> HolterError:
        return NotATraining(
            NOT_BEGUN(pid=self._pid, why=why),
            safe=NOTHING_TOUCHED(),
            next_step=TRY_ATTACH(pid=self._pid),
        )

    def _last_words(self) -> Text:
        self._error.seek(0)
        error = read_error(self._error.read())
        if error is not None:
            return error.what
        self._said.seek(0)
        return " ".join(self._said.read().decode(errors="replace").splitlines()[-2:])


def _place(pid: int, environ: Mapping[str, str]) -> Path:
    # The recorder itself would choose the same folder; here its name must be known.
    default = default_tape(f"pid-{pid}", environ)
    for folder in default.folders:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder / default.name
    return Path(default.name)


def _end_with_parent() -> None:
    # A view that is killed cannot end its recording: the kernel does.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
