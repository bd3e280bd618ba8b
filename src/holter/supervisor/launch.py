"""Start the training with the hook in its environment; also used for every restart."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import holter.hook
from holter import __version__
from holter.errors import CommandNotStarted
from holter.records.exit_codes import REQUEUE
from holter.sentences import NOTHING_STARTED, define
from holter.supervisor.signals import SignalRelay

SHELL = "/bin/sh"
CANNOT_START = define("error.cannot-start", "Cannot start {command}: {error}.")
# What the hook may do if the user asked for healing.
POWERS = "workers,checkpoints,validation"


INJECT = Path(holter.hook.__file__).parent / "inject"


class Launch:
    """Starts the processes of one run."""

    def __init__(
        self,
        variables: Mapping[str, str],
        scratch: Path,
        cwd: Path | None,
        output: Path | None,
        relay: SignalRelay,
        *,
        heal: bool,
        keep_fds: tuple[int, ...] = (),
    ) -> None:
        path = os.pathsep.join([str(INJECT), *filter(None, [variables.get("PYTHONPATH")])])
        self._variables = {
            **variables,
            "HOLTER_SCRATCH": str(scratch),
            "HOLTER_HEAL": POWERS if heal else "",
            "HOLTER_VERSION": __version__,
            "HOLTER_STOP_EXIT_CODE": str(REQUEUE),
            "PYTHONPATH": path,
        }
        self.mark = f"HOLTER_SCRATCH={scratch}"  # in the environment of all that the run starts
        self._cwd = cwd
        self._output = output
        self._keep_fds = keep_fds
        self.relay = relay

    def start(
        self, command: tuple[str, ...], generation: int = 0, settings: tuple[tuple[str, str], ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start one process of the run.

        ``generation``: its number, 0 for the first one. ``settings``: all environment variables that healing has set.

        Raises:  CommandNotStarted.
        """
        variables = {**self._variables, **dict(settings), "HOLTER_GENERATION": str(generation)}
        sink = self._output.open("ab") if self._output is not None else None
        try:
            return self._start(command, variables, sink)
        except OSError as error:
            what = CANNOT_START(command=command[0], error=error.strerror or str(error))
            raise CommandNotStarted(what, safe=NOTHING_STARTED()) from error
        finally:
            if sink is not None:
                sink.close()

    def _start(
        self, command: tuple[str, ...], variables: Mapping[str, str], sink: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                env=variables,
                cwd=self._cwd,
                stdout=sink,
                stderr=subprocess.STDOUT if sink is not None else None,
                pass_fds=self._keep_fds,
                preexec_fn=self.relay.restore_in_child,  # safe: no other thread holds a lock that it needs
            )
        except OSError as error:
            if error.errno != errno.ENOEXEC or command[0] == SHELL:
                raise
        # A script without a "#!…" line: run by a shell, as in execvp(3).
        script = shutil.which(command[0], path=variables.get("PATH")) or command[0]
        return self._start((SHELL, script, *command[1:]), variables, sink)
