"""Work for the processes of an export pool, and a pool in a program of its own (``python export_jobs.py OUT MIB``)."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOR_EVER_S = 60.0  # longer than any test waits


def compute_metrics(folder: str, output: str, deaths: int) -> tuple[str, int]:
    """Named like a function of nnU-Net's, which names its case by ``output``; its first attempts wait to be killed."""
    case = Path(output).name
    attempts = len(list(Path(folder).glob(f"{case}-*")))
    (Path(folder) / f"{case}-{os.getpid()}").touch()
    if attempts < deaths:
        time.sleep(FOR_EVER_S)
    return case, os.getpid()


def square(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number


def take_memory_once(folder: str, number: int) -> int:
    """Ask for more than any machine has, the first time that somebody does in this folder."""
    try:
        os.mkdir(os.path.join(folder, "asked"))  # noqa: PTH102, PTH118
    except FileExistsError:
        return number
    return len(bytearray(1 << 60))


def hold_memory(mebibytes: int, seconds: float) -> int:
    """Hold so much memory for so long."""
    held = bytearray(mebibytes << 20)
    for position in range(0, len(held), 4096):
        held[position] = 1
    time.sleep(seconds)
    return len(held) >> 20


class Unpicklable:
    def __reduce__(self):
        raise RuntimeError("unable to allocate shared memory")


def size_of(_: Unpicklable) -> int:
    return os.getpid()


def main(output: str, mebibytes: str) -> None:
    from holter.hook.exports.pool import ExportPool

    with ExportPool(2, lambda: None) as pool:
        results = [pool.apply_async(hold_memory, (int(mebibytes), 1.0)) for _ in range(3)]
        Path(output).write_text(json.dumps([result.get(40) for result in results]))


if __name__ == "__main__":
    main(*sys.argv[1:])
