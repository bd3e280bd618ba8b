"""The message about a dead worker does not say which one died, nor of what.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

"One or more background workers are no longer alive. Exiting. Please check the print statements above for the actual
error message": after a signal there are no such statements. `Process.exitcode` is at hand in `results_loop`, and
tells the usual reasons apart: -9 the OOM killer, -7 a full `/dev/shm`, -11 a crash in native code, 1 an exception of
Python.

Proposed change:
Put worker number, PID and exit code of every dead worker into the message, with the name of the signal
(`signal.Signals(-code).name`).

Measured effect:
Real trainings whose worker got SIGKILL, SIGSEGV or SIGBUS: 3 of 3 ended, with the same message for each (Holter,
benchmarks/RESULTS.md, "What a training survives").
"""

import os
import signal
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
    os.kill(augmenter._processes[1].pid, signal.SIGKILL)
    time.sleep(1)
    known = [worker.exitcode for worker in augmenter._processes]
    try:
        for _ in range(100):
            next(augmenter)
    except RuntimeError as error:
        print("the message:", error)
    print("exit codes that were known:", known)
    raise SystemExit(0 if -9 in known else 1)  # 0: the fault is there
