"""An exception before the `try` of a worker is not announced, and does not set the abort event.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

In `producer`, `threadpool_limits` and `data_loader.set_thread_id` run before the `try`. An error there prints no
"Exception in background worker N", which users and log scanners look for, and the other workers go on until the
results loop notices the dead process.

Proposed change:
Begin the `try` as the first line of `producer`.

Measured effect:
None in numbers. Anything that `threadpoolctl` raises for a library that it cannot read ends here, in every worker, at
the start.
"""

import os
import subprocess
import sys
import time

from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


class Batches(DataLoader):
    def __init__(self):
        super().__init__(None, 2, infinite=True)

    def set_thread_id(self, thread_id):  # noqa: ARG002 - as the augmenter calls it
        raise OSError("error while the worker starts")

    def generate_train_batch(self):
        return {"data": 1}


def train():
    augmenter = NonDetMultiThreadedAugmenter(Batches(), None, num_processes=2, num_cached=1)
    try:
        next(augmenter)
    except RuntimeError:
        time.sleep(1)
        os._exit(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    done = subprocess.run([sys.executable, __file__, "train"], capture_output=True, text=True, timeout=120, check=False)
    announced = "Exception in background worker" in done.stdout + done.stderr
    print("raised in the workers:", "error while the worker starts" in done.stderr)
    print("announced as 'Exception in background worker':", announced)
    raise SystemExit(1 if announced else 0)  # 0: the fault is there
