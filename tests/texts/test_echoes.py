"""Which exceptions only repeat that something else died."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import runpy
import signal
import subprocess
import traceback
from pathlib import Path

import pytest

from holter.texts.secondary_errors import RAISED_BY, TORN_PIPES, is_echo
from needs import imported


def told(error: BaseException) -> tuple[str, str, str]:
    return type(error).__name__, str(error), "".join(traceback.format_exception(error))


def announce(queue, announced) -> None:
    import torch

    queue.put(torch.zeros(1000))
    queue.close()
    queue.join_thread()
    announced.set()
    signal.pause()


def test_a_tensor_of_a_killed_worker_cannot_be_fetched_and_that_is_an_echo():
    """What the thread that collects nnU-Net's batches meets now and then: the worker dies between the two halves."""
    torch_multiprocessing = imported("torch.multiprocessing")
    context = torch_multiprocessing.get_context("fork")
    queue, announced = context.Queue(), context.Event()
    worker = context.Process(target=announce, args=(queue, announced), daemon=True)
    worker.start()
    assert announced.wait(60)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with pytest.raises((OSError, EOFError)) as caught:
        queue.get(timeout=60)
    error = told(caught.value)
    assert error[0] in TORN_PIPES
    assert is_echo(*error)


def test_the_end_of_a_pipe_is_an_echo_and_the_end_of_a_file_is_not(tmp_path: Path):
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    with pytest.raises(EOFError) as torn:
        ours.recv()
    assert is_echo(*told(torn.value))

    (tmp_path / "case.pkl").write_bytes(b"")
    with pytest.raises(EOFError) as cut, (tmp_path / "case.pkl").open("rb") as file:
        pickle.load(file)
    assert not is_echo(*told(cut.value))


@pytest.mark.parametrize("sentence", RAISED_BY)
def test_sentences_about_dead_workers_are_echoes(sentence):
    assert is_echo("RuntimeError", f"{sentence}. Exiting.", "")
    assert not is_echo("RuntimeError", "CUDA error: out of memory", "")


@pytest.mark.parametrize(
    ("file", "is_launcher"), [("accelerate/commands/launch.py", True), ("my_tools/launch.py", False)]
)
def test_what_a_launcher_raises_when_its_training_was_killed_is_an_echo(tmp_path: Path, file: str, is_launcher: bool):
    """As accelerate's ``simple_launcher``: it raises in its own file, after the process has ended."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    script = "import subprocess\ndone = subprocess.run(['sh', '-c', 'kill -9 $$'])\n"
    script += "raise subprocess.CalledProcessError(returncode=done.returncode, cmd=done.args)\n"
    path.write_text(script)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        runpy.run_path(str(path))
    assert is_echo(*told(caught.value)) == is_launcher
