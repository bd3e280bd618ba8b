"""The child processes that publish the metrics of one run. A failure here only prints one line."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from holter.records import Text
from holter.sentences import define
from holter.views.metrics.targets import Folder, Port, Target, targets

MODULE = "holter.views.metrics"
# After the end the child reads the last rows and writes or removes its file: milliseconds, unless a disk hangs.
FAREWELL_S = 5.0

SERVED = define("metrics.served", "metrics at http://{address}/metrics")
FOR_ALL = define(
    "metrics.for-all",
    "metrics at http://{address}/metrics, for every computer that reaches {host}: there is no password",
)
WRITTEN = define("metrics.written", "metrics in {folder}, for the node exporter")
PORT_TAKEN = define(
    "metrics.port-taken", "no metrics: port {address} cannot be opened ({error}); the training is not affected"
)
NO_FOLDER = define(
    "metrics.no-folder", "no metrics as long as {folder} cannot be written to; the training is not affected"
)
NOT_STARTED = define("metrics.not-started", "no metrics ({error}); the training is not affected")


class Exporters:
    """One child process for each target of ``--metrics``; ``options`` are the option's values.

    Raises:  BadInput, MissingExtra, both only when it is created.
    """

    def __init__(self, options: Sequence[str], note: Callable[[Text], None]) -> None:
        self._targets = targets(options)
        self._note = note
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, tape: Path) -> None:
        """Start to publish the metrics of this tape, and print where."""
        for target in self._targets:
            try:
                self._start(tape.absolute(), target)
            except OSError as error:
                self._note(NOT_STARTED(error=error.strerror or str(error)))

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(child.pid for child in self._children)

    def close(self) -> None:
        """Let the children publish the end of the run; call it when the tape is closed."""
        for child in self._children:
            if child.stdin is not None:
                with contextlib.suppress(OSError):
                    child.stdin.close()
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(FAREWELL_S)
        self._children.clear()

    def __enter__(self) -> Exporters:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, tape: Path, target: Target) -> None:
        if isinstance(target, Folder):
            is_usable = os.access(target.path, os.W_OK | os.X_OK) and target.path.is_dir()
            self._spawn(tape, "--textfile", str(target.path))
            folder = str(target.path)
            self._note(WRITTEN(folder=folder) if is_usable else NO_FOLDER(folder=folder))
            return
        try:
            listening = _listen(target)
        except OSError as error:
            why = error.strerror or str(error)
            self._note(PORT_TAKEN(address=_shown(target.address, target.port), error=why))
            return
        with listening:
            self._spawn(tape, "--socket", str(listening.fileno()), keep=(listening.fileno(),))
            shown = _shown(target.address, listening.getsockname()[1])
        is_ours = ipaddress.ip_address(target.address).is_loopback
        self._note(SERVED(address=shown) if is_ours else FOR_ALL(address=shown, host=socket.gethostname()))

    def _spawn(self, tape: Path, *words: str, keep: tuple[int, ...] = ()) -> None:
        # In its own session: Ctrl-C is for the training. Away from the current folder: a queue.py there is not ours.
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(tape), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            pass_fds=keep,
            start_new_session=True,
        )
        self._children.append(child)


def _listen(target: Port) -> socket.socket:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last run's connections may linger
        listening.bind((target.address, target.port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
