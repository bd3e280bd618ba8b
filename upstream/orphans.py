"""Data workers outlive a training that was killed.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

A worker checks the abort event once per batch, but not whether its parent still lives. After `kill -9` of the
training (the OOM killer does the same) the workers go on, with their memory and, if they were forked after CUDA was
used, their hold on the GPU. The next attempt has less of both.

Proposed change:
Compare `os.getppid()` with its value at the start once per loop of `producer`, and return if it changed. On Linux
`prctl(PR_SET_PDEATHSIG)` does it without a loop.

Measured effect:
All six of six workers of a killed nnU-Net training were still running five minutes later (Holter, docs/upstream.md).
"""

import os
import signal
import subprocess
import sys
import time

from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


class Batches(DataLoader):
    def __init__(self):
        super().__init__(None, 2, infinite=True)

    def generate_train_batch(self):
        return {"data": 1}


def train():
    augmenter = NonDetMultiThreadedAugmenter(Batches(), None, num_processes=3, num_cached=1)
    next(augmenter)
    print(*[worker.pid for worker in augmenter._processes], flush=True)
    time.sleep(600)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    training = subprocess.Popen([sys.executable, __file__, "train"], stdout=subprocess.PIPE, text=True)
    workers = [int(word) for word in training.stdout.readline().split()]
    training.kill()
    training.wait()
    time.sleep(15)
    alive = [pid for pid in workers if is_alive(pid)]
    print(f"15 s after kill -9 of the training: {len(alive)} of {len(workers)} workers run on")
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    raise SystemExit(0 if alive else 1)  # 0: the fault is there
