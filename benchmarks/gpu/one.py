"""One training of the benchmark, in a process of its own: ``python -m benchmarks.gpu.one WHICH DATASET …``.

Its last line is the measurement, as JSON. The caller has already bound this process to its processors, so its
children are bound to them too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

WHICH = ("ceiling", "holter", "holter-gpu", "stock")  # holter: its transforms on the CPU
MARK = "measured: "


def main() -> None:
    """Train, and print the duration of each epoch."""
    which, dataset, configuration, device, *numbers = sys.argv[1:]
    epochs, iterations, val_iterations = map(int, numbers)
    import torch

    if device == "cuda":
        torch.set_num_threads(1)  # as nnUNetv2_train does
        torch.backends.cudnn.benchmark = True
    trainer = build(which, dataset, configuration, device)
    trainer.num_epochs, trainer.num_iterations_per_epoch = epochs, iterations
    trainer.num_val_iterations_per_epoch = val_iterations
    trainer.disable_checkpointing = True
    began_s = time.monotonic()
    trainer.run_training()
    if getattr(trainer, "crashed_with_runtime_error", False):  # nnU-Net's benchmark goes on after an error
        raise SystemExit("the training ended with the error above")
    read = trainer.logger.get_value
    pairs = zip(read("epoch_start_timestamps", step=None), read("epoch_end_timestamps", step=None), strict=True)
    seconds = [end - start for start, end in pairs]
    result = {
        "epochs_s": seconds,
        "cpus": len(os.sched_getaffinity(0)),
        "all_s": time.monotonic() - began_s,
        "loader": type(trainer.dataloader_train).__name__,
        "transforms": str(getattr(getattr(trainer.dataloader_train, "place", None), "device", "")),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "memory": memory() if device == "cuda" else {},
    }
    print(MARK + json.dumps(result), flush=True)


def memory() -> dict[str, int]:
    """Return what torch's allocators did in this process; a counter that this torch lacks is left out."""
    import torch

    device = torch.cuda.memory_stats()
    read_host: Any = getattr(torch.cuda, "host_memory_stats", dict)
    counters = {
        "retries": device.get("num_alloc_retries"),
        "allocations": device.get("num_device_alloc"),
        "pinned": read_host().get("allocated_bytes.peak"),
    }
    return {name: int(value) for name, value in counters.items() if value is not None}


def build(which: str, dataset: str, configuration: str, device: str) -> Any:
    """Return the trainer: nnU-Net's own benchmark trainers, and Holter's loader under the one that loads data."""
    import torch

    from holter.trainer.loading import with_holter_loader

    classes = _on_gpu() if device == "cuda" else _on_cpu()
    folder = Path(os.environ["nnUNet_preprocessed"]) / dataset  # noqa: SIM112 -- nnU-Net's name
    plans = json.loads((folder / "nnUNetPlans.json").read_text()) | {"continue_training": False}
    trainer_class = classes["ceiling" if which == "ceiling" else "stock"]
    if which.startswith("holter"):
        trainer_class = with_holter_loader(trainer_class)
    return trainer_class(
        plans=plans,
        configuration=configuration,
        fold=0,
        dataset_json=json.loads((folder / "dataset.json").read_text()),
        device=torch.device(device),
    )


def _on_gpu() -> dict[str, Any]:
    from nnunetv2.training.nnUNetTrainer.variants.benchmarking import nnUNetTrainerBenchmark_5epochs as loading
    from nnunetv2.training.nnUNetTrainer.variants.benchmarking import (
        nnUNetTrainerBenchmark_5epochs_noDataLoading as ceiling,
    )

    return {
        "stock": loading.nnUNetTrainerBenchmark_5epochs,
        "ceiling": ceiling.nnUNetTrainerBenchmark_5epochs_noDataLoading,
    }


def _on_cpu() -> dict[str, Any]:
    # nnU-Net's benchmark trainers refuse a CPU; this one exists only to test the benchmark itself.
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    class SameBatch(nnUNetTrainer):  # type: ignore[misc]
        """Trains on one batch, so that no time is spent on data."""

        def get_dataloaders(self) -> Any:
            train, val = super().get_dataloaders()
            batches = next(train), next(val)
            for augmenter in (train, val):
                getattr(augmenter, "_finish", int)()
            return tuple(_Same(batch) for batch in batches)

    return {"stock": nnUNetTrainer, "ceiling": SameBatch}


class _Same:
    """Returns one batch again and again."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __next__(self) -> Any:
        return self.batch


if __name__ == "__main__":
    main()
