"""A whole log behind the prefix of the tool that it was copied from."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from holter.diagnosis.logs import read_pasted

Prefix = Callable[[int, str], str]
PREFIXES: dict[str, Prefix] = {
    "docker logs -t": lambda number, line: f"2025-02-01T11:00:{number % 60:02d}.123456789Z {line}",
    "CRI": lambda number, line: f"2025-02-01T11:00:{number % 60:02d}.123456789Z stdout F {line}",
    "a list": lambda _, line: f"- {line}",
    "another list": lambda _, line: f"* {line}",
    "code": lambda _, line: f"`{line}`",
    "ts": lambda _, line: f"[2025-02-01 11:00:00] {line}",
    "numbers": lambda number, line: f"  {number}  {line}",
    "cat -n": lambda number, line: f"{number:6d}\t{line}",
}
EPOCH = """2025-02-01 10:{minute:02d}:00.123456: Epoch {epoch}
2025-02-01 10:{minute:02d}:00.223456: Current learning rate: 0.01
2025-02-01 10:{end:02d}:50.123456: train_loss -0.5
2025-02-01 10:{end:02d}:50.223456: val_loss -0.4
2025-02-01 10:{end:02d}:50.323456: Pseudo dice [0.8]
2025-02-01 10:{end:02d}:50.423456: Epoch time: {seconds}.3 s"""
LENGTHS = (50, 50, 50, 50, 410, 650)
ENDS = ("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB", "Killed", "Bus error (core dumped)", "")


def log(last: str) -> list[str]:
    minute, lines = 0, []
    for epoch, seconds in enumerate(LENGTHS):
        end = minute + seconds // 60
        lines += EPOCH.format(minute=minute, end=end, epoch=epoch, seconds=seconds).splitlines()
        minute = end + 1
    return [*lines, last] if last else lines


def causes(lines: list[str]) -> list[str]:
    result = read_pasted(io.BytesIO("\n".join([*lines, ""]).encode()), "log.txt")
    return [f"{diagnosis.episode.kind}: {diagnosis.verdicts[0].cause}" for diagnosis in result.diagnoses]


@pytest.mark.slow
@pytest.mark.parametrize("last", ENDS)
@pytest.mark.parametrize("name", PREFIXES)
def test_it_is_read_as_without_the_prefix(name: str, last: str) -> None:
    plain = log(last)
    assert causes(plain)
    assert causes([PREFIXES[name](number, line) for number, line in enumerate(plain, 1)]) == causes(plain)
