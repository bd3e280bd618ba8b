"""Runs small programs under the hook, as ``holter run`` does it: by environment variables alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from said import said

INJECT = Path(__file__).parents[2] / "src" / "holter" / "hook" / "inject"
TOY = Path(__file__).with_name("toy_training.py")
TIMEOUT_S = 240
# The Python that runs the programs: one with another PyTorch.
PYTHON = os.environ.get("HOOKED_PYTHON", sys.executable)


class Hooked:
    """One scratch folder, and programs started with it."""

    inject = INJECT
    toy = TOY

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.started: list[subprocess.Popen[str]] = []

    def environment(self, *, hook: bool = True, path: tuple[Path, ...] = (), **more: str) -> dict[str, str]:
        dropped = ("PYTHONPATH", "HOLTER_SCRATCH", "HOLTER_GENERATION", "HOLTER_HEAL", "PYTHONFAULTHANDLER")
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        if hook:
            environment |= {"HOLTER_SCRATCH": str(self.scratch), "HOLTER_GENERATION": "3"}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, ((INJECT,) if hook else ()) + path))
        return environment | more

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [PYTHON, *map(str, arguments)],
            env=self.environment(**options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.communicate()

    def lines(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = [
            {"from": int(path.stem.partition("-")[2]), **with_text(json.loads(line))}
            for path in self.scratch.glob("events-*.jsonl")
            for line in path.read_text().splitlines()
        ]
        return [line for line in sorted(found, key=lambda line: line["at"]) if kind in (None, line["kind"])]


def with_text(line: dict[str, Any]) -> dict[str, Any]:
    """What it says, in words."""
    return {**line, "text": said(line)} if "say" in line else line


@pytest.fixture(scope="session")
def hooked_in():
    """Make a ``Hooked`` in a folder; what it started is ended with the session."""
    made: list[Hooked] = []

    def make(folder: Path) -> Hooked:
        scratch = folder / "scratch"
        scratch.mkdir()
        made.append(Hooked(scratch))
        return made[-1]

    yield make
    for hooked in made:
        hooked.end()


@pytest.fixture
def hooked(tmp_path: Path, hooked_in: Callable[[Path], Hooked]):
    hooked = hooked_in(tmp_path)
    yield hooked
    hooked.end()


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    import time

    def wait_until(look: Callable[[], Any], within_s: float = 90.0) -> Any:
        end = time.monotonic() + within_s
        while not (found := look()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)
        return found

    return wait_until
