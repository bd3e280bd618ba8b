"""Programs that Holter must not disturb; the argument names one, and JSON lines are printed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter


class Preempted(Exception):
    """What the program raises when its job is preempted."""


class Numbers:
    """A map-style data set whose samples take a while."""

    def __init__(self, count, delay_s=0.0, slow=None):
        self.count, self.delay_s, self.slow = count, delay_s, slow

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        time.sleep(1.5 if index == self.slow else self.delay_s)
        return index


def on_preemption(*_):
    """End the training."""
    raise Preempted


def terminate(*pids):
    """Send SIGTERM from another process: a worker that its own parent terminates exits with code 0."""
    subprocess.run(["kill", "-TERM", *map(str, pids)], check=True)


def preempted():
    """Main process and workers receive SIGTERM together, as from a scheduler."""
    signal.signal(signal.SIGTERM, on_preemption)
    iterator = iter(DataLoader(Numbers(200, 0.05), batch_size=4, num_workers=2))

    def send():
        terminate(*[worker.pid for worker in iterator._workers], os.getpid())

    threading.Timer(0.5, send).start()
    try:
        for batch in iterator:
            last = batch.tolist()
    except Exception as error:  # noqa: BLE001 - it is printed
        return {"error": type(error).__name__, "message": str(error)}
    return {"last": last}


def signalled_workers():
    """Only a worker receives the signal that the main process handles."""
    signal.signal(signal.SIGTERM, on_preemption)
    iterator = iter(DataLoader(Numbers(300, 0.02), batch_size=4, num_workers=2))
    threading.Timer(0.5, lambda: terminate(iterator._workers[0].pid)).start()
    try:
        return {"count": len(list(iterator))}
    except Exception as error:  # noqa: BLE001 - it is printed
        return {"error": type(error).__name__, "message": str(error)}


def slow_sample():
    """The supervisor asks for other workers during a sample that takes long."""
    iterator = iter(DataLoader(Numbers(40, 0.001, slow=20), batch_size=4, num_workers=2))
    control, guard = (sys.modules["_holter_hook." + name] for name in ("control", "dataloader.guard"))
    guard.FROZEN_S = 0.2
    pids = [worker.pid for worker in iterator._workers]
    threading.Timer(0.9, lambda: control.HANDLERS["replace-workers"](7, "")).start()
    order = [batch.tolist() for batch in iterator]
    return {"order": order, "same": pids == [worker.pid for worker in iterator._workers]}


class Stream(IterableDataset):
    """Samples without a position that could be asked for again."""

    def __iter__(self):
        for number in range(40):
            time.sleep(0.01)
            yield number


def refused_stream():
    """The supervisor asks for other workers of a loader that has none to give, beside one that waits for nothing."""
    idle = iter(DataLoader(Numbers(8), batch_size=4, num_workers=1))
    iterator = iter(DataLoader(Stream(), batch_size=4, num_workers=1))
    pids = [worker.pid for worker in iterator._workers]
    handlers = sys.modules["_holter_hook.control"].HANDLERS
    threading.Timer(0.1, lambda: handlers["replace-workers"](7, "")).start()
    order = [batch.tolist() for batch in iterator]
    same = pids == [worker.pid for worker in iterator._workers]
    return {"order": order, "same": same, "idle": len(list(idle))}


class ForeignIterator(_BaseDataLoaderIter):
    """One of another library, as torchdata's: it is no subclass of PyTorch's own for worker processes."""

    def _next_data(self):
        return self._collate_fn([self._dataset[index] for index in self._next_index()])


class ForeignLoader(DataLoader):
    """A loader of another library."""

    def _get_iterator(self):
        return ForeignIterator(self)


def foreign_iterator():
    """What it gives in two epochs."""
    loader = ForeignLoader(Numbers(8), batch_size=4, num_workers=1)
    return {"order": [batch.tolist() for _ in range(2) for batch in loader]}


class Odd:
    """An index whose text and value cannot be had."""

    ndim = 0

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        raise ValueError("no text")

    def item(self):
        """Raise."""
        raise ValueError("no value")


class OddNumbers(Numbers):
    """A data set of such indices; one raises."""

    def __getitem__(self, index):
        time.sleep(self.delay_s)
        if index.number == self.slow:
            raise KeyError("broken")
        return index.number


def odd_indices():
    """Indices that cannot be shown, with and without workers, in a batch and alone."""
    given = []
    for workers in (0, 2):
        for more in ({"batch_size": 4}, {"batch_size": None}):
            odd = [Odd(number) for number in range(8)]
            loader = DataLoader(OddNumbers(8), sampler=odd, num_workers=workers, **more)
            given.append([number for batch in loader for number in (batch.tolist() if more["batch_size"] else [batch])])
    try:
        list(
            DataLoader(OddNumbers(8, slow=6), sampler=[Odd(number) for number in range(8)], num_workers=1, batch_size=4)
        )
    except KeyError as error:
        return {"given": given, "error": str(error)}
    return {"given": given}


class Fast(Numbers):
    """Trivial samples; one raises."""

    def __getitem__(self, index):
        if index == self.slow:
            raise KeyError("broken")
        return index


def fast_samples():
    """How often trivial samples are named, without workers; then one of them raises in a worker."""
    runtime, named = sys.modules["_holter_hook.runtime"].RUNTIME, []
    page = type(runtime.page)
    write = page.write_case
    page.write_case = lambda page: named.append(page.case)
    batches = [len(batch) for batch in DataLoader(Fast(4096), batch_size=512)]
    page.write_case = write
    with contextlib.suppress(KeyError):
        list(DataLoader(Fast(4096, slow=2000), batch_size=512, num_workers=1))
    return {"batches": batches, "named": len(named), "last": named[-2]}


def in_turns():
    """Two epochs of two loaders that are asked in turns, and one that is asked now and then; batches of the epoch."""
    labelled = DataLoader(Numbers(40), batch_size=4, shuffle=True)
    unlabelled = DataLoader(Numbers(40), batch_size=4)
    now_and_then = iter(DataLoader(Numbers(4000), batch_size=4))
    page, seen = sys.modules["_holter_hook.runtime"].RUNTIME.page, []
    for _ in range(2):
        for count, _pair in enumerate(zip(labelled, unlabelled, strict=False)):
            if count % 3 == 2:
                next(now_and_then)
            seen.append(page.iteration)
    return {"seen": seen}


def reaps_children():
    """A program that collects its children itself, and whose worker is killed."""

    def collect(*_):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    signal.signal(signal.SIGCHLD, collect)
    iterator = iter(DataLoader(Numbers(80, 0.001), batch_size=4, num_workers=2, prefetch_factor=1))
    order = []
    for batch in iterator:
        order += batch.tolist()
        if len(order) == 20:
            os.kill(iterator._workers[0].pid, signal.SIGKILL)
    return {"order": order}


def environment():
    """How often the environment of the process is changed for forked workers."""
    changes = []
    sys.addaudithook(lambda event, _: changes.append(event) if event in ("os.putenv", "os.unsetenv") else None)
    return {"count": len(list(DataLoader(Numbers(8), batch_size=4, num_workers=2))), "changes": changes}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(globals()[name]()), flush=True)
