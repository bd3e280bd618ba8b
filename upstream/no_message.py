"""The main process waits without a limit and without a message if no worker delivers.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

`__get_next_item` loops until the abort event is set, and that happens only if a worker is dead. If all workers are
alive and none of them delivers (stopped, deadlocked, blocked in a read), the training stands still and prints
nothing. Users report it as "0 % GPU, no error" and look for days.

Proposed change:
One warning after some minutes without a batch, repeated rarely, with what `psutil` or `/proc` says of each worker:
its PID and state. It costs one comparison of clocks per empty poll.

Measured effect:
Real nnU-Net trainings with one worker, all workers of a loader, or those of both loaders stopped: 3 of 3 stood still
until they were ended from outside (Holter, benchmarks/RESULTS.md, "What a training survives").
"""

import os
import signal
import threading
import time

from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


class Batches(DataLoader):
    def __init__(self):
        super().__init__(None, 2, infinite=True)

    def generate_train_batch(self):
        return {"data": 1}


if __name__ == "__main__":
    augmenter = NonDetMultiThreadedAugmenter(Batches(), None, num_processes=2, num_cached=1)
    next(augmenter)
    for worker in augmenter._processes:
        os.kill(worker.pid, signal.SIGSTOP)
    waiting = threading.Thread(target=lambda: [next(augmenter) for _ in range(10)], daemon=True)
    waiting.start()
    print("all workers are stopped; what the augmenter says within 15 s:", flush=True)
    time.sleep(15)
    print(
        f"still waiting: {waiting.is_alive()}, workers alive: {[w.is_alive() for w in augmenter._processes]}",
        flush=True,
    )
    still = waiting.is_alive()
    for worker in augmenter._processes:
        worker.kill()
    os._exit(0 if still else 1)  # 0: the fault is there
