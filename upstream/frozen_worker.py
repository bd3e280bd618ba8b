"""One frozen worker stops NonDetMultiThreadedAugmenter, however many healthy ones there are.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

A worker that stands still (stopped, swapped out, blocked in a read of a file server) should cost its own share of the
batches. Instead the whole training waits. `results_loop` fetches with `in_queue.get(timeout=wait_time)`, but this
time limit covers only the wait for the first byte of an item. Then the tensors are rebuilt: with torch's default
sharing strategy, `file_descriptor`, that asks the process that sent them for a file descriptor, and waits for its
answer without a limit. The only thread that serves the training is stuck there.

Proposed change:
Either an option of the augmenter (or a line in nnU-Net) that sets
`torch.multiprocessing.set_sharing_strategy("file_system")` for the workers' tensors, or a watcher beside the results
loop that reports, after some minutes, which worker owes a tensor (`results_loop` in `rebuild_storage_fd`).

Measured effect:
In real nnU-Net trainings 18 of 22 single frozen workers stopped everything; with `file_system` none of 12 did
(Holter, docs/upstream.md).
"""

import os
import signal
import subprocess
import sys
import threading
import time

import torch
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


class Batches(DataLoader):
    def __init__(self):
        super().__init__(None, 2, infinite=True)

    def generate_train_batch(self):
        return {"data": torch.zeros(1000)}


def batches_within(augmenter, seconds):
    """Fetch in a thread, because a fetch may never return."""
    got = []
    threading.Thread(target=lambda: [got.append(next(augmenter)) for _ in range(50)], daemon=True).start()
    time.sleep(seconds)
    return len(got)


def fault_is_there(strategy):
    torch.multiprocessing.set_sharing_strategy(strategy)
    augmenter = NonDetMultiThreadedAugmenter(Batches(), None, num_processes=4, num_cached=8)
    next(augmenter)
    time.sleep(10)  # every worker has a batch in the queue
    got = 50
    for number, worker in enumerate(augmenter._processes):
        os.kill(worker.pid, signal.SIGSTOP)
        got = batches_within(augmenter, 20)
        print(f"{strategy}: worker {number} of 4 stopped; batches in 20 s: {got} of 50", flush=True)
        if got < 50:
            break
        os.kill(worker.pid, signal.SIGCONT)
        time.sleep(5)
    for worker in augmenter._processes:
        worker.kill()
    return got < 50


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os._exit(0 if fault_is_there(sys.argv[1]) else 1)
    for strategy in ("file_system", "file_descriptor"):
        done = subprocess.run([sys.executable, __file__, strategy], check=False)
    raise SystemExit(done.returncode)  # 0: the fault is there
