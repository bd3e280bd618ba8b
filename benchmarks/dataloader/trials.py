"""The trainings of one process: each has a random loader and random faults; one line of JSON is printed for each.

Arguments: the seed of the first trial, the number of trials, the number of replacements allowed in this process.
A fault comes by a timer, at any moment from the start of the workers to their end, so it also hits a worker that
holds the lock of the queue, writes half a message, or sends a tensor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

SAMPLES, BATCH = 96, 4
FAULTS = ("kill", "stop", "kill-kill", "stop-stop", "kill-stop")
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
# An undisturbed trial takes about this long.
SPAN_S = 0.5


class Trial(NamedTuple):
    """What one trial does, all of it drawn from its number."""

    number: int
    fault: str
    sharing: str
    workers: int
    prefetch: int
    persistent: bool
    big: bool  # samples of numpy arrays, which travel through the pipe itself: messages may be torn
    moments_s: tuple[float, ...]


def draw(number: int) -> Trial:
    """Draw one trial."""
    random_state = random.Random(number)
    fault = FAULTS[number % len(FAULTS)]
    return Trial(
        number=number,
        fault=fault,
        sharing=random_state.choice(("file_descriptor", "file_descriptor", "file_system")),
        workers=random_state.choice((2, 3, 4)),
        prefetch=random_state.choice((1, 2, 4)),
        persistent=random_state.random() < 0.3,
        big=random_state.random() < 0.3,
        moments_s=tuple(random_state.uniform(0.0, SPAN_S) for _ in fault.split("-")),
    )


class Slices(Dataset):  # type: ignore[misc]
    """Samples that depend on their index alone."""

    def __init__(self, *, big: bool) -> None:
        self.big = big

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[Any, int]:
        time.sleep(0.002)
        image = torch.rand(1, 48, 48, generator=torch.Generator().manual_seed(index))
        return (image.numpy().tobytes() * 8 if self.big else image), index


def collate(samples: list[tuple[Any, int]]) -> tuple[Any, list[int]]:
    """Put a batch together; bytes stay bytes."""
    images = [image for image, _ in samples]
    return (images if isinstance(images[0], bytes) else torch.stack(images)), [index for _, index in samples]


def digest(images: Any) -> str:
    """Return the checksum of a batch."""
    raw = b"".join(images) if isinstance(images, list) else images.numpy().tobytes()
    return hashlib.sha256(raw).hexdigest()


def expected(*, big: bool) -> list[tuple[list[int], str]]:
    """Return indices and checksum of every batch, made without workers."""
    dataset = Slices(big=big)
    groups = [list(range(first, first + BATCH)) for first in range(0, SAMPLES, BATCH)]
    return [(group, digest(collate([dataset[index] for index in group])[0])) for group in groups]


def hurt(iterator: Any, worker: int, how: str) -> None:
    """Send a signal to a worker that lives."""
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(iterator._workers[worker].pid, SIGNALS[how])


def play(trial: Trial, right: list[tuple[list[int], str]]) -> dict[str, Any]:
    """Run one trial: two epochs, with the faults in the first."""
    torch.multiprocessing.set_sharing_strategy(trial.sharing)
    loader = DataLoader(
        Slices(big=trial.big), BATCH, num_workers=trial.workers, prefetch_factor=trial.prefetch, collate_fn=collate,
        persistent_workers=trial.persistent,
    )  # fmt: skip
    result: dict[str, Any] = {**trial._asdict(), "wrong": 0, "longest_s": 0.0, "error": None}
    before = replacements()
    timers: list[threading.Timer] = []
    try:
        for epoch in range(2):
            began = time.monotonic()
            iterator = iter(loader)
            if epoch == 0:
                workers = random.Random(trial.number).sample(range(trial.workers), len(trial.moments_s))
                for moment_s, worker, how in zip(trial.moments_s, workers, trial.fault.split("-"), strict=True):
                    timers.append(threading.Timer(moment_s, hurt, (iterator, worker, how)))
                    timers[-1].start()
            batches = []
            for images, indices in iterator:
                result["longest_s"] = max(result["longest_s"], time.monotonic() - began)
                batches.append((indices, digest(images)))
                time.sleep(0.002)
                began = time.monotonic()
            # Lost, doubled, moved and altered batches all differ from the list of the right ones.
            result["wrong"] += sum(a != b for a, b in zip(batches, right, strict=False)) + abs(
                len(batches) - len(right)
            )
            del iterator
    except Exception as error:  # noqa: BLE001 - it is the result
        result["error"] = f"{type(error).__name__}: {error}"
    for timer in timers:
        timer.cancel()
        timer.join()
    del loader
    result["descriptors"] = len(list(Path("/proc/self/fd").iterdir()))
    result["heals"] = replacements() - before
    return result


def replacements() -> int:
    """Return how many replacements of workers the hook has completed in this process."""
    file = Path(os.environ.get("HOLTER_SCRATCH", os.devnull)) / f"events-{os.getpid()}.jsonl"
    if not file.exists():
        return 0
    with file.open() as lines:  # one by one: all at once would be memory that grows with each replacement
        return sum(event.get("kind") == "action" and event.get("state") == "done" for event in map(json.loads, lines))


def allow(count: int) -> None:
    """Let the hook replace workers so often in this process; without the hook do nothing."""
    restart = sys.modules.get("_holter_hook.workers.restart")
    if restart is not None:
        restart.MOST = count  # type: ignore[attr-defined]


def main() -> None:
    """Run the trials."""
    first, count, allowed = (int(word) for word in sys.argv[1:4])
    allow(allowed)
    right = {big: expected(big=big) for big in (False, True)}
    for number in range(first, first + count):
        trial = draw(number)
        print(json.dumps(play(trial, right[trial.big])), flush=True)


if __name__ == "__main__":
    main()
