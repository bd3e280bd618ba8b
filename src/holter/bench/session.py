"""Start the measuring child in the training's Python, follow it, and return what it measured."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from holter import __version__
from holter.bench.records import EVENTS, LeftOut, Measured, Order
from holter.bench.scratch import Scratch
from holter.bench.tuning.records import Tuned
from holter.errors import BadInput, BenchFailed, HolterError, MissingExtra
from holter.install import holter_line, pip_line
from holter.sentences import NOTHING_CHANGED, define

LOG = "output.txt"
POLL_S = 0.1
TAIL_LINES = 15
PATHS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_extTrainer")

NO_HOLTER = define("error.bench.no-holter", "Holter is not installed for {python}, the Python of the training.")
OTHER_HOLTER = define("error.bench.other-holter", "{python} has Holter {there}; this is {here}.")
NO_TORCH = define("error.bench.no-torch", "{python} cannot import torch: {error}")
NO_NNUNET = define("error.bench.no-nnunet", "{python} cannot import nnU-Net: {error}")
NO_GPU = define("error.bench.no-gpu", "torch finds no GPU.")
NO_GPU_MEMORY = define("error.bench.no-gpu-memory", "The GPU has not enough memory for a step of this training.")
NO_TRAINER = define("error.bench.no-trainer", "The trainer {trainer} cannot be found or imported: {error}")
OWN_LOADER = define("error.bench.own-loader", "{trainer} makes its batches in a way of its own: {error}")
NO_SPACE = define("error.bench.space-ended", "The disk is full: {error}")
FILES = define("error.bench.files", "The training's files cannot be used: {error}")
FAILED = define("error.bench.failed", "The training could not be measured: {error}")
ENDED = define("error.bench.ended", "The measuring process ended with status {status}. Its last lines:\n{output}")
KILLED = define(
    "error.bench.killed",
    "The measuring process was killed by signal {signal}; signal 9 mostly comes from the kernel, when memory ran out.",
)
LOOK_AT_TRAINERS = define(
    "next.bench.trainers", "Check the name; nnUNet_extTrainer names the folders of your own trainers."
)
LOOK_FOR_MEMORY = define("next.bench.memory", "nnUNet_n_proc_DA=2 {command}")
IN_FULL = define("next.bench.in-full", "nnUNetv2_train with the same arguments shows the whole error.")

Tell = Callable[[Any], None]
Found = TypeVar("Found", Measured, Tuned)


def run_child(
    order: Order, python: str, environ: Mapping[str, str], scratch: Scratch, command: str, tell: Tell, kind: type[Found]
) -> Found:
    """Measure in a child process; return its result.

    ``tell`` is called with each stage that it reports. ``command``: the user's command, for error messages.

    ``kind``: the type of the result; with Tuned, the child compares settings.

    Raises:  BadInput; MissingExtra; BenchFailed.
    """
    folder = scratch.folder
    text = json.dumps(msgspec.to_builtins(order))
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(
            [python, "-m", "holter.bench.child", str(folder), text, *(("tune",) if kind is Tuned else ())],
            cwd=folder,
            env=_environment(environ, folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    scratch.end_with(child.pid)
    events = _Events(folder / EVENTS)
    measured: Found | None = None
    while True:
        status = child.poll()
        for event, content in events.new():
            if event == "stage":
                tell(content)
            elif event == "version" and content != __version__:
                raise _other_holter(python, content)
            elif event == "failure":
                raise _failure(msgspec.convert(content, type=LeftOut), order, python, command)
            elif event == "measured":
                measured = msgspec.convert(content, type=kind)
        if measured is not None:
            return measured
        if status is not None:
            raise _ended(status, folder / LOG, python, command)
        time.sleep(POLL_S)


class _Events:
    """Reads whole lines of a file that grows."""

    def __init__(self, file: Path) -> None:
        self._file, self._at = file, 0

    def new(self) -> list[tuple[str, Any]]:
        try:
            with self._file.open("rb") as opened:
                opened.seek(self._at)
                content = opened.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._at += len(whole)
        return [pair for line in whole.splitlines() for pair in json.loads(line).items()]


def _environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    # nnU-Net's folders with absolute paths, because the child works elsewhere; its results below the scratch folder.
    paths = {
        name: ":".join(str(Path(each).absolute()) for each in environ[name].split(":") if each)
        for name in PATHS
        if environ.get(name)
    }
    results = folder / "results"
    results.mkdir()
    compiled = Path(environ.get("TMPDIR") or tempfile.gettempdir()) / f"torchinductor_{environ.get('USER', 'root')}"
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(compiled)} if compiled.is_dir() else {}  # what a training has compiled
    own = {"nnUNet_results": str(results), "TMPDIR": str(folder), "MPLCONFIGDIR": str(folder)}
    return {**cache, **environ, **paths, **own}


def _failure(failure: LeftOut, order: Order, python: str, command: str) -> HolterError:
    safe, error = NOTHING_CHANGED(), failure.detail
    if failure.code == "no-torch":
        return MissingExtra(NO_TORCH(python=python, error=error), safe=safe, next_step=pip_line(python, "torch"))
    if failure.code == "no-nnunetv2":
        step = pip_line(python, "nnunetv2")
        return MissingExtra(NO_NNUNET(python=python, error=error), safe=safe, next_step=step)
    if failure.code == "no-gpu":
        return BadInput(NO_GPU(), safe=safe, next_step=f"{command} --device cpu")
    if failure.code == "no-gpu-memory":
        return BenchFailed(NO_GPU_MEMORY(), safe=safe, next_step="nvidia-smi")
    if failure.code == "no-trainer":
        return BadInput(NO_TRAINER(trainer=order.trainer, error=error), safe=safe, next_step=LOOK_AT_TRAINERS())
    if failure.code == "own-loader":
        return BenchFailed(OWN_LOADER(trainer=order.trainer, error=error), safe=safe, next_step="holter train …")
    if failure.code == "no-space":
        return BenchFailed(NO_SPACE(error=error), safe=safe, next_step=f"TMPDIR=/path/with/space {command}")
    sentence = FILES if failure.code == "files" else FAILED
    return BenchFailed(sentence(error=error), safe=safe, next_step=IN_FULL())


def _other_holter(python: str, there: str) -> HolterError:
    what = OTHER_HOLTER(python=python, there=there, here=__version__)
    return MissingExtra(what, safe=NOTHING_CHANGED(), next_step=holter_line(python))


def _ended(status: int, log: Path, python: str, command: str) -> HolterError:
    if status < 0:
        return BenchFailed(KILLED(signal=-status), safe=NOTHING_CHANGED(), next_step=LOOK_FOR_MEMORY(command=command))
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if re.search(r"No module named '?(holter|msgspec)\b", output):
        return MissingExtra(NO_HOLTER(python=python), safe=NOTHING_CHANGED(), next_step=holter_line(python))
    tail = "\n".join(output.splitlines()[-TAIL_LINES:])
    return BenchFailed(ENDED(status=status, output=tail), safe=NOTHING_CHANGED(), next_step=IN_FULL())
