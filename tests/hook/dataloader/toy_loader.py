"""Small trainings with PyTorch's DataLoader, one after the other, whose workers are killed and stopped.

The argument is a JSON list of options (``DEFAULTS``), one object a training; a line of JSON is printed for each.
``faults``: [after which batch of the first epoch, worker, "stop", "kill", …].
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

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

DEFAULTS = {
    "epochs": 1, "samples": 80, "batch": 4, "workers": 2, "delay_s": 0.001, "step_s": 0.001, "faults": [],
    "options": {}, "dataset": "slices", "loader": "plain", "pin": False, "pairs": False, "init": False, "nested": False,
    "random": False, "raises_at": None, "exits_at": None, "leave_at": None, "sharing": None, "timers": [],
    "thread": False,
}  # fmt: skip
SIGNALS = {"stop": signal.SIGSTOP, "kill": signal.SIGKILL, "segv": signal.SIGSEGV, "term": signal.SIGTERM}


class Slices(Dataset):
    """Samples that depend on their index alone, unless they are random."""

    def __init__(self, options):
        self.options, self.begun = options, None

    def __len__(self):
        return self.options["samples"]

    def __getitem__(self, index):
        time.sleep(self.options["delay_s"])
        if self.options["raises_at"] == index:
            raise ValueError(f"sample {index} is broken")
        if self.options["exits_at"] == index:
            os._exit(7)
        if self.options["nested"]:
            assert list(DataLoader([1, 2]))[1].item() == 2
        if self.options["init"]:
            assert self.begun is not None
        seed = None if self.options["random"] else index
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        return torch.rand(1, 12, 12, generator=generator), index


class Stream(IterableDataset):
    """Samples in a row."""

    def __init__(self, options):
        self.options = options

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        for index in range(info.id, self.options["samples"], info.num_workers):
            time.sleep(self.options["delay_s"])
            yield torch.zeros(1), index


class OnlyInit(DataLoader):
    """As MONAI's: the constructor sets a few arguments, and nothing else changes."""

    def __init__(self, dataset, **options):
        super().__init__(dataset, **options)


class Changed(DataLoader):
    """A loader that iterates in its own way."""

    def __iter__(self):
        return super().__iter__()


class Backwards(BatchSampler):
    """A batch sampler of the user."""

    def __iter__(self):
        return (batch[::-1] for batch in super().__iter__())


def begin_worker(worker):
    """Set up a worker."""
    torch.utils.data.get_worker_info().dataset.begun = worker


def pretend_to_pin():
    """Stand in for an accelerator: the thread, the queues and their order are real, the pinning is a copy."""
    torch.Tensor.pin_memory = lambda self, *_: self.clone()
    if "cuda" in _BaseDataLoaderIter.__init__.__code__.co_names:  # an older torch asks CUDA itself
        torch.cuda.is_available = lambda: True
        torch.cuda.current_device = lambda: 0
        torch.cuda.set_device = lambda _: None
        return
    torch.accelerator.is_available = lambda: True
    torch.accelerator.current_accelerator = lambda *_, **__: torch.device("cpu")
    torch.accelerator.current_device_index = lambda: 0
    torch.accelerator.set_device_index = lambda _: None


def make(wanted):
    """Make the loader."""
    options = dict(wanted["options"])
    dataset = {"slices": Slices, "stream": Stream}[wanted["dataset"]](wanted)
    cls = {"plain": DataLoader, "init": OnlyInit, "changed": Changed}[wanted["loader"]]
    if wanted["init"]:
        options["worker_init_fn"] = begin_worker
    if wanted["pairs"]:
        options["batch_sampler"] = Backwards(SequentialSampler(dataset), wanted["batch"], False)
    else:
        options["batch_size"] = wanted["batch"]
    return cls(dataset, num_workers=wanted["workers"], pin_memory=wanted["pin"], **options)


def hurt(iterator, worker, how):
    """Send a signal to a worker."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.kill(iterator._workers[worker % len(iterator._workers)].pid, SIGNALS[how])


def train(wanted):
    """Run one training; return what it received."""
    if wanted["sharing"]:
        torch.multiprocessing.set_sharing_strategy(wanted["sharing"])
    loader, digest, order, numbers, longest = make(wanted), hashlib.sha256(), [], [], 0.0
    for epoch in range(wanted["epochs"]):
        iterator = iter(loader)
        count = 0
        for after_s, worker, how in wanted["timers"] if epoch == 0 else []:
            threading.Timer(after_s, hurt, (iterator, worker, how)).start()
        while True:
            began = time.monotonic()
            try:
                image, index = next(iterator)
            except StopIteration:
                break
            longest = max(longest, time.monotonic() - began)
            digest.update(image.numpy().tobytes())
            numbers += image[:, 0, 0, 0].tolist() if wanted["random"] else []
            order.append(index.tolist())
            count += 1
            for at, worker, how in wanted["faults"] if epoch == 0 else []:
                if at == count:
                    hurt(iterator, worker, how)
            if count == wanted["leave_at"]:
                break
            time.sleep(wanted["step_s"])
    del iterator
    return {"order": order, "sha": digest.hexdigest(), "longest_s": longest, "distinct": len(set(numbers))}


def result_of(wanted):
    """Run one training, in another thread if wanted; return what it received, or its error."""
    result = {}

    def run():
        try:
            result.update(train(wanted))
        except Exception as error:  # noqa: BLE001 - it is printed
            result["error"] = f"{type(error).__name__}: {error}"

    began = time.monotonic()
    if wanted["thread"]:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    result.update(began=began, ended=time.monotonic(), fds=len(list(Path("/proc/self/fd").iterdir())))
    return result


def main():
    """Run all trainings."""
    trainings = [{**DEFAULTS, **wanted} for wanted in json.loads(sys.argv[1])]
    restart = sys.modules.get("_holter_hook.workers.restart")
    if restart is not None and len(sys.argv) > 2:
        restart.MOST = int(sys.argv[2])  # so many replacements in one process
    if any(wanted["pin"] for wanted in trainings):
        pretend_to_pin()
    for wanted in trainings:
        random.seed(0)
        torch.manual_seed(0)
        print(json.dumps(result_of(wanted)), flush=True)


if __name__ == "__main__":
    main()
