"""Separate the exception that started a crash from exceptions that only report an earlier death."""

from __future__ import annotations

import re

from holter.patterns import later

# Raised when a worker is gone (batchgenerators and nnunetv2, all generations), and by which part.
RAISED_BY = {
    "One or more background workers are no longer alive": "training",
    "Some background workers are no longer alive": "export",
    "Background workers died. Look for the error message further up": "prediction",
    "Some background worker is 6 feet under": "preprocessing",
    "Abort event was set. So someone died": "training",
    "MultiThreadedAugmenter.abort_event was set": "training",
}
# Raised at one end of a pipe or socket when the process at the other end is gone.
TORN_PIPES = {"ConnectionResetError", "ConnectionRefusedError", "BrokenPipeError", "EOFError", "FileNotFoundError"}
# PyTorch raises it in the main process when a worker of a DataLoader has ended.
_DATALOADER = later(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed by signal|exited unexpectedly)")
# Launchers that start the training by subprocess and raise CalledProcessError when it has failed.
_LAUNCHER_FILE = later(r"/(?:accelerate/commands|deepspeed/launcher)/[^/]+\.py$")
# torchrun raises it when one of its processes has ended.
LAUNCHER_ERRORS = {"ChildFailedError"}
_FRAME = later(r'^ *File "([^"]+)", line \d+', re.MULTILINE)


def part_that_raised(text: str) -> str | None:
    """Return the part of nnU-Net that prints this sentence (a value of ``RAISED_BY``); None if it is no echo."""
    return next((part for sentence, part in RAISED_BY.items() if sentence in text), None)


def repeated_sentence(code: str) -> str | None:
    """Return the known sentence that this line of code (from a traceback) raises; None if it raises none of them."""
    raises = code.lstrip().startswith("raise ")
    return next((sentence for sentence in RAISED_BY if raises and sentence in code), None)


def reports_dataloader_worker(message: str) -> bool:
    """Return whether a message of PyTorch only says that a worker of a DataLoader has ended.

    How it ended is known better from its exit code.
    """
    return _DATALOADER.search(message) is not None


def begins_echo(line: str) -> bool:
    """Return whether a line begins with a sentence that only reports an earlier death; a new message begins there."""
    return line.startswith(tuple(RAISED_BY))


def is_echo(error: str, message: str, traceback: str) -> bool:
    """Whether the exception only reports that another process is gone.

    A file that ends too early raises ``EOFError`` too, but not inside ``multiprocessing`` itself. A training that calls
    another program may raise ``CalledProcessError`` too, but not inside a launcher.
    """
    name = error.rpartition(".")[2]
    if part_that_raised(message) is not None or name in LAUNCHER_ERRORS:
        return True
    frames = _FRAME.findall(traceback)
    if name == "CalledProcessError" and frames and _LAUNCHER_FILE.search(frames[-1]):
        return True
    return name in TORN_PIPES and bool(frames) and "/multiprocessing/" in frames[-1]
