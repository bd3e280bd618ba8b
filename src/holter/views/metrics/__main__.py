"""The child process: ``python -m holter.views.metrics TAPE --textfile FOLDER`` or ``--socket FD``.

It lives as long as its standard input is open, which the kernel closes when Holter ends in any way. Signals that a
terminal or a scheduler sends to everybody are ignored: Holter gets them too, and the end of the run is still to report.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from holter.views.metrics.exposition import TapeMetrics
from holter.views.metrics.server import Server
from holter.views.metrics.textfile import TextFile

# The usual scrape interval; the tape is read as often even if nobody asks, so that each reading is short.
EVERY_S = 15.0
# Prometheus waits ten seconds for an answer.
DISK_S = 3.0
# Several scrapes in a second get the same numbers.
FRESH_S = 1.0
# The first numbers come as soon as the recorder has begun.
FIRST_S = 1.0
NICE = 10


def main(arguments: list[str]) -> int:
    """Follow the tape until standard input ends."""
    parser = argparse.ArgumentParser(prog="holter.views.metrics")
    parser.add_argument("tape", type=Path)
    parser.add_argument("--textfile", type=Path)
    parser.add_argument("--socket", type=int)
    parser.add_argument("--every", type=float, default=EVERY_S)
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    if chosen.socket is not None:
        _serve(chosen.tape, socket.socket(fileno=chosen.socket), chosen.every)
    else:
        _write(chosen.tape, chosen.textfile, chosen.every)
    return 0


def _serve(tape: Path, listening: socket.socket, every_s: float) -> None:
    metrics = TapeMetrics(tape)
    lock = threading.Lock()
    read_s, newest = 0.0, b""

    def text() -> bytes:
        nonlocal read_s, newest
        # A disk that does not answer: the numbers of before, whose age grows.
        if lock.acquire(timeout=DISK_S):
            try:
                if time.monotonic() - read_s >= FRESH_S:
                    metrics.read()
                    read_s, newest = time.monotonic(), metrics.exposed()
            finally:
                lock.release()
        return newest

    server = Server(listening, text)
    try:
        while not _parent_ends(every_s):
            text()
    finally:
        server.close()


def _write(tape: Path, folder: Path, every_s: float) -> None:
    metrics = TapeMetrics(tape)
    file: TextFile | None = None

    def write() -> None:
        nonlocal file
        metrics.read()
        if file is None and metrics.run is not None and folder.is_dir():
            file = TextFile(folder, metrics.run)
        if file is not None:
            file.write(metrics.exposed())

    wait_s = FIRST_S
    while not _parent_ends(wait_s):
        write()
        wait_s = every_s if file is not None else FIRST_S
    write()
    words = metrics.last_words()
    if file is not None and (words is None or not file.write(words)):
        file.remove()


def _parent_ends(within_s: float) -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], within_s)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
