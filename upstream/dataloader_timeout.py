"""`DataLoader(timeout=...)` does not fire for a frozen worker with the default sharing strategy.

For: PyTorch 2.13.0, https://github.com/pytorch/pytorch (related: #96629)

`_try_get_data` waits with `self._data_queue.get(timeout=timeout)`. The limit ends with the first byte. With the
strategy `file_descriptor`, the default on Linux, the tensor is then rebuilt: `rebuild_storage_fd` → `DupFd.detach` →
`resource_sharer` connects to the worker that sent it and reads the answer without a limit. A worker that is stopped
in between hangs the training for good, although a timeout was set.

Proposed change:
A time limit for the connection and the read of `resource_sharer`'s client in torch's reductions, taken from the
loader's timeout. Until then a sentence in the documentation of `timeout` that names
`torch.multiprocessing.set_sharing_strategy("file_system")`.

Measured effect:
With `timeout=3` and one of four workers stopped, six of six programs still hung after 12 s; with `file_system` the
limit ended three of three after 3.1 s (torch 2.13.0+cpu, Linux; Holter, docs/upstream.md).
"""

import os
import signal
import subprocess
import sys
import threading
import time

import torch
from torch.utils.data import DataLoader, Dataset


class Samples(Dataset):
    def __len__(self):
        return 10_000

    def __getitem__(self, index):
        return torch.zeros(1000)


def try_with(strategy):
    torch.multiprocessing.set_sharing_strategy(strategy)
    batches = iter(DataLoader(Samples(), batch_size=4, num_workers=4, timeout=3))
    next(batches)
    time.sleep(5)  # every worker has put batches into the queue
    os.kill(batches._workers[1].pid, signal.SIGSTOP)
    ended = []

    def train():
        try:
            for _ in range(100):
                next(batches)
            ended.append("all batches came")
        except RuntimeError as error:
            ended.append(str(error))

    threading.Thread(target=train, daemon=True).start()
    time.sleep(12)
    after = ended[0] if ended else "still hanging, no error"
    print(f"{strategy}: timeout=3, one of four workers stopped; after 12 s: {after}", flush=True)
    for worker in batches._workers:
        worker.kill()
    os._exit(0 if not ended else 1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        try_with(sys.argv[1])
    for strategy in ("file_system", "file_descriptor"):
        # More workers than CPUs is a warning.
        done = subprocess.run([sys.executable, "-W", "ignore", __file__, strategy], check=False)
    raise SystemExit(done.returncode)  # 0: the fault is there
