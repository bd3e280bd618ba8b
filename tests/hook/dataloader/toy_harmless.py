"""Programs that Holter must not disturb; the argument names one, and JSON lines are printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

from torch.utils.data import DataLoader


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


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(globals()[name]()), flush=True)
