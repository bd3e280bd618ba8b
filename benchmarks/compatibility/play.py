"""Runs under Holter: preprocessing, a healthy training, and one with frozen workers and then a killed main process."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil

from benchmarks.compatibility import data
from benchmarks.compatibility.environments import Environment
from benchmarks.faults.run import ERRORS, OUTPUT, TAPE
from benchmarks.field.play import POLL_EVERY_S
from benchmarks.field.processes import end_all, letter_of, main_process, start_marked, workers
from benchmarks.material import say
from holter.errors import HolterError
from holter.records import ActionTaken
from holter.tape import Recording, read

HEALTHY_EPOCHS, BROKEN_EPOCHS, ITERATIONS = 2, 5, 6
# Much more than any of it takes on a busy machine.
LIMIT_S, HEALED_WITHIN_S = 3600.0, 180.0
EPOCH = re.compile(r"^.*[Ee]poch:? +(\d+)\s*$", re.M)
ERROR = re.compile(r"^\w*(?:Error|Exception): .*$", re.M)
LATEST = ("checkpoint_latest.pth", "model_latest.model")
TAIL = 3  # printed lines that explain a run that failed


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What one version showed."""

    version: str
    packages: dict[str, str] = {}
    problem: str | None = None  # why it was not tried
    preprocessing: str = "not tried"
    healthy: str = "not tried"
    sees: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    named: str = "not tried"
    healed: str = "not tried"
    resumed: str = "not tried"
    tape: str = "not tried"
    wall_s: float = 0.0


class Run(NamedTuple):
    """One run under Holter that has ended, or was ended."""

    code: int | None
    letter: str
    errors: str
    tape: Path


def play(environment: Environment, under: Path, keep: Path | None) -> Played:
    """Play everything with one version. No process is left behind, even on an error."""
    began_s = time.monotonic()
    name = environment.version.name
    played = Played(version=name, packages=environment.packages)
    with _folder(under, keep, f"{name}-preprocessing") as folder:
        if not data.is_preprocessed(environment, under):
            say(f"{name}: preprocessing")
            run = follow(environment, under, folder, data.preprocessing(environment), {}, heal=False)
            if run.code != 0:
                return msgspec.structs.replace(played, problem=f"preprocessing: {why_not(run)}")
            data.shrink(environment, under)
            played = msgspec.structs.replace(played, preprocessing=quiet(run))
    with _folder(under, keep, f"{name}-healthy") as folder:
        say(f"{name}: healthy")
        run = follow(environment, under, folder, data.training(environment), lengths(HEALTHY_EPOCHS), heal=False)
        if run.code != 0:
            return msgspec.structs.replace(played, problem=f"it does not train here: {why_not(run)}")
        played = msgspec.structs.replace(played, **of_healthy(run))
    with _folder(under, keep, f"{name}-broken") as folder:
        say(f"{name}: frozen workers, then a killed main process")
        run = follow(environment, under, folder, data.training(environment), lengths(BROKEN_EPOCHS), heal=True)
        played = msgspec.structs.replace(played, **of_broken(run))
    return msgspec.structs.replace(played, wall_s=round(time.monotonic() - began_s, 1))


@contextlib.contextmanager
def _folder(under: Path, keep: Path | None, name: str) -> Iterator[Path]:
    folder = (keep or under) / name
    folder.mkdir(parents=True)  # of an earlier measurement, it is not written over
    (folder / "tmp").mkdir()
    try:
        yield folder
    finally:
        end_all(folder)


def lengths(epochs: int) -> dict[str, str]:
    """Return the variables with the length of a training, which saves a checkpoint each epoch under ``--heal``."""
    return {
        "COMPATIBILITY_EPOCHS": str(epochs),
        "COMPATIBILITY_ITERATIONS": str(ITERATIONS),
        "HOLTER_CHECKPOINT_EVERY_S": "0",
    }


def follow(
    environment: Environment, under: Path, folder: Path, command: list[str], more: dict[str, str], *, heal: bool
) -> Run:
    """Run ``command`` under Holter until it ends; with ``heal`` it is broken twice on its way."""
    given = data.continuing(environment) if heal else None
    options = [*(["--heal"] if heal else []), *(["--resume-command", given] if given else [])]
    holter = [sys.executable, "-m", "holter", "run", *options, "--tape", str(folder / TAPE)]
    process = start_marked(
        [*holter, "--lang", "en", "--", *command],
        folder,
        data.variables(environment, under, folder / "results"),
        {"XDG_STATE_HOME": str(folder / "state"), **more},
    )
    breaks = breaking(folder, environment.version.command("train")) if heal else iter(())
    until_s = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < until_s:
        next(breaks, None)
        time.sleep(POLL_EVERY_S)
    code = process.poll()
    end_all(folder)
    process.wait()
    return Run(code, letter_of(folder), (folder / ERRORS).read_text(errors="replace"), folder / TAPE)


def breaking(folder: Path, command: str) -> Iterator[None]:
    """Stop the data workers in epoch 1; when they are replaced and a checkpoint is written, kill the main process.

    All of them: a training that still gets batches from one is named, but left alone.
    """
    while not epochs(folder, 1):
        yield
    stopped = strike(folder, command, signal.SIGSTOP, of_worker=True)
    say(f"  stopped workers {stopped}")
    until_s = time.monotonic() + HEALED_WITHIN_S
    while time.monotonic() < until_s and not any(action == "replace-workers" for action, _ in done(folder)):
        yield
    now = len(epochs(folder, 0))
    while len(epochs(folder, 0)) < now + 1 or not saved(folder):
        yield
    killed = strike(folder, command, signal.SIGKILL, of_worker=False)
    say(f"  killed main process {killed}")


def epochs(folder: Path, first: int) -> list[int]:
    """Return the epochs begun, from ``first`` on, as nnU-Net prints them."""
    text = (folder / OUTPUT).read_text(errors="replace")
    return [int(number) for number in EPOCH.findall(text) if int(number) >= first]


def saved(folder: Path) -> bool:
    """Whether the training has written a checkpoint to continue from."""
    return any(file.name in LATEST for file in (folder / "results").rglob("*latest*"))


def strike(folder: Path, command: str, number: signal.Signals, *, of_worker: bool) -> list[int]:
    """Send a signal to the process of the training command or to its data workers; return the PIDs."""
    main = main_process(folder, command)
    struck = []
    for victim in [] if main is None else workers(main) if of_worker else [main]:
        with contextlib.suppress(psutil.Error):
            victim.send_signal(number)
            struck.append(int(victim.pid))
    return struck


def done(folder: Path) -> list[tuple[str, str]]:
    """Return the actions that Holter completed so far."""
    try:
        recording = read(folder / TAPE)
    except (HolterError, OSError):
        return []
    return [(taken.action, taken.state) for taken in recording.events(ActionTaken) if taken.state == "done"]


# ------------------------------------------------------------------------------------------------------- results


def why_not(run: Run) -> str:
    """Return why a run did not end well. One that was cut off at the limit proves nothing, quiet as it may be."""
    return f"not over after {LIMIT_S:.0f} s" if run.code is None else last(run.errors)


def last(text: str) -> str:
    """Return the last exception in a text, or its last lines."""
    exceptions = ERROR.findall(text)
    return exceptions[-1] if exceptions else " | ".join([line.strip() for line in text.splitlines()][-TAIL:])[-300:]


def quiet(run: Run) -> str:
    """Return "quiet" if nothing was found in a healthy run, else the causes."""
    causes = [cause or text for cause, text in diagnosed(run.tape)]
    return f"alarm: {', '.join(causes)}" if causes else "quiet"


def diagnosed(tape: Path) -> list[tuple[str | None, str]]:
    """Return cause and text of each episode by ``holter diagnose``."""
    command = [sys.executable, "-m", "holter", "diagnose", str(tape), "--lang", "en", "--json"]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    episodes: list[dict[str, Any]] = json.loads(output)["episodes"]
    return [(episode["headline"]["cause"], episode["headline"]["text"]) for episode in episodes]


def of_healthy(run: Run) -> dict[str, Any]:
    """Return what a healthy run showed."""
    recording = read(run.tape)
    contract = recording.contract()
    abilities = () if contract is None else contract.sees
    return {
        "healthy": quiet(run),
        "sees": tuple(f"{each.name}{f' ({each.what})' if each.what else ''}" for each in abilities if each.can),
        "tape": on_tape(recording, HEALTHY_EPOCHS),
    }


def on_tape(recording: Recording, wanted: int) -> str:
    """Return "readable" if the tape is whole and has the epochs and iterations of the training, else what lacks."""
    beats = [beat for tick in recording.all_ticks for beat in tick.beats]
    seen = {beat.epoch for beat in beats if beat.role == "main" and beat.epoch is not None}
    has = {
        "every epoch": set(range(wanted)) <= seen,
        "iterations": any(beat.iteration for beat in beats if beat.role == "main"),
        "no damage": recording.damage is None,
    }
    return "readable" if all(has.values()) else "without " + ", ".join(name for name, there in has.items() if not there)


def of_broken(run: Run) -> dict[str, Any]:
    """Return what a broken run showed."""
    recording = read(run.tape)
    contract = recording.contract()
    headlines = diagnosed(run.tape)
    actions = [(taken.action, taken.state) for taken in recording.events(ActionTaken)]
    healed = "in the epoch" if ("replace-workers", "done") in actions else "no: " + (last(run.letter) or "silent")
    is_resumed = run.code == 0 and ("restart", "done") in actions
    named = any(cause == "frozen-worker" for cause, _ in headlines)
    return {
        "cannot": () if contract is None else tuple(each.name for each in contract.does if not each.can),
        "named": "frozen-worker" if named else "; ".join(f"{cause}: {text}" for cause, text in headlines) or "nothing",
        "healed": healed,
        "resumed": "yes" if is_resumed else "not over in time" if run.code is None else f"exit code {run.code}",
    }
