"""All measurements of one training, one after the other, each with its share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from holter.bench.child import page_cache
from holter.bench.child.augmentation import holter_per_core, stock_per_core
from holter.bench.child.beginning import Beginning
from holter.bench.child.opening import Trouble, device_name, opened
from holter.bench.child.reading import can_drop, read_by_holter, read_by_stock
from holter.bench.child.together import Together, measure_hand_over, measure_stock_hand_over, measure_together
from holter.bench.child.training import Training
from holter.bench.records import Measured, Order, Side
from holter.errors import HolterError
from holter.probes.training.remarks import said_by
from holter.trainer.auto.choose import stock_workers
from holter.trainer.auto.decide import end
from holter.trainer.feed import Feed
from holter.trainer.make_feeds import make_feeds, training_feed
from holter.transforms.kernels import found
from holter.transforms.version import version_of

# Shares of the time; the first is of both loaders together.
COMPUTE, AUGMENTATION, READING, HAND_OVER, STOCK, HOLTER = 0.16, 0.2, 0.14, 0.05, 0.25, 0.2
PACKAGES = ("torch", "nnunetv2", "batchgeneratorsv2", "blosc2")

Tell = Callable[[str], None]


def measure(order: Order, scratch: Path, tell: Tell) -> Measured:
    """Measure everything that the order asks for: compute, augmentation, reading, hand-over, and both loaders.

    Raises:  Trouble if the training cannot be set up here, or if the GPU's memory is not enough.
    """
    training, device = opened(order, scratch, tell)
    try:
        return _Bench(order, training, scratch, tell).run(device)
    except torch.cuda.OutOfMemoryError as error:
        raise Trouble("no-gpu-memory") from error


class _Bench:
    def __init__(self, order: Order, training: Training, scratch: Path, tell: Tell) -> None:
        self._order, self._training, self._scratch, self._tell = order, training, scratch, tell
        self._trainer, self._loader = training.trainer, training.stock.train
        self._samples = int(self._loader.batch_size)
        self._begin = Beginning(training, tell)
        self._workers = stock_workers()

    def run(self, device: str) -> Measured:
        trainer, seconds = self._trainer, self._order.seconds
        begin = self._begin
        batch = begin.first_batch()
        compute = begin.compute(batch, seconds * COMPUTE)
        equal = begin.prove()
        stock, holter = self._parts("stock", batch), self._parts("holter", batch) if equal else None
        begin.fetch()
        cached = page_cache.resident_share(begin.files)
        stock, end_s = self._both(stock, seconds * STOCK)
        if holter is not None:
            holter, again_s = self._both(holter, seconds * HOLTER)
            end_s = min((each for each in (end_s, again_s) if each is not None), default=None)
        self._tell("checkpoint")
        checkpoint = self._save()
        compiled = found().kernels
        return Measured(
            device=device,
            device_name=device_name(device),
            kernels=None if compiled is None else compiled.name,
            versions=tuple((name, version) for name in PACKAGES if (version := version_of(name)) is not None),
            patch_size=tuple(int(side) for side in trainer.configuration_manager.patch_size),
            batch_size=self._samples,
            iterations=int(trainer.num_iterations_per_epoch),
            val_iterations=int(trainer.num_val_iterations_per_epoch),
            epochs=self._training.epochs,
            save_every=self._training.save_every,
            cpus=self._order.cpus,
            compute=compute.train,
            compute_cpu_s=compute.cpu_s,
            val_compute=compute.val,
            stock=stock,
            holter=holter,
            equal=equal,
            epoch_end_s=end_s,
            checkpoint_s=None if checkpoint is None else checkpoint[0],
            checkpoint_bytes=None if checkpoint is None else checkpoint[1],
            data_bytes=begin.data_bytes,
            free_bytes=begin.free_bytes,
            cached_ratio=cached,
            left_out=tuple(begin.left_out),
        )

    def _feeds_chain(self) -> Any:
        return training_feed(self._training.stock, self._training.facts)[0]

    def _parts(self, name: str, batch: dict[str, Any]) -> Side:
        # Augmentation, reading and hand-over of one loader, each alone.
        is_stock, seconds = name == "stock", self._order.seconds
        facts, stock = self._training.facts, self._training.stock
        readers = self._workers if is_stock else self._threads()
        self._tell(f"augmentation.{name}")
        per_core = (
            stock_per_core(self._loader, seconds * AUGMENTATION * 0.7)
            if is_stock
            else holter_per_core(stock, facts, seconds * AUGMENTATION * 0.3)
        )
        self._tell(f"reading.{name}")
        drops = can_drop(self._loader._data)
        if is_stock and not drops:
            self._begin.leave_out("cold" if drops is False else "cold-unknown")
        for_s = seconds * READING / 2
        reading = (
            read_by_stock(self._loader, readers, for_s, cold=bool(drops))
            if is_stock
            else read_by_holter(self._loader, self._feeds_chain(), readers, for_s, cold=bool(drops))
        )
        hand_over = None
        if is_stock:
            self._tell("hand-over.stock")
            hand_over = measure_stock_hand_over(batch, readers, self._trainer.device, seconds * HAND_OVER / 2)
        return Side(
            loader="stock" if is_stock else "holter",
            readers=readers,
            a_core=per_core,
            warm=reading.warm,
            cold=reading.cold,
            read_cpu_s=reading.cpu_s,
            hand_over=hand_over,
        )

    def _both(self, side: Side, for_s: float) -> tuple[Side, float | None]:
        # With everything together, and the seconds that end an epoch.
        self._tell(f"together.{side.loader}")
        is_stock = side.loader == "stock"
        loaders: Any = ()
        hand_over = side.hand_over
        try:
            loaders = self._training.start_stock() if is_stock else self._start_holter()
            got = measure_together(self._trainer, loaders, self._samples, side.readers, for_s)
            if not is_stock:
                device, share = self._trainer.device, self._order.seconds * HAND_OVER / 2
                hand_over = measure_hand_over(loaders[0], device, self._samples, share)
        except (OSError, RuntimeError, HolterError) as error:
            if isinstance(error, torch.cuda.OutOfMemoryError):
                raise
            self._begin.leave_out(
                f"together-{side.loader}", said_by(error) if isinstance(error, HolterError) else str(error)
            )
            return side, None
        finally:
            for loader in loaders:
                loader.close() if isinstance(loader, Feed) else end(loader)
        return _completed(side, got, hand_over), got.epoch_end_s

    def _start_holter(self) -> tuple[Any, Any]:
        feeds = make_feeds(self._training.stock, self._training.facts, self._begin.settings)
        for feed in feeds:
            feed.start()
        return feeds

    def _threads(self) -> int:
        return self._begin.settings.readers(gpu_transforms=False, gpu_training=self._trainer.device.type == "cuda")

    def _save(self) -> tuple[float, int] | None:
        file = self._scratch / "checkpoint.pth"
        began_s = time.perf_counter()
        try:
            self._trainer.save_checkpoint(str(file))
        except (OSError, RuntimeError) as error:  # the folder for temporary files is full
            self._begin.leave_out("checkpoint", str(error))
            return None
        finally:
            took_s, size = time.perf_counter() - began_s, file.stat().st_size if file.exists() else 0
            file.unlink(missing_ok=True)
        return took_s, size


def _completed(side: Side, got: Together, hand_over: Any) -> Side:
    import msgspec

    return msgspec.structs.replace(
        side,
        together=got.rate,
        wait_ratio=got.wait_ratio,
        ready=got.ready,
        val_epoch_s=got.val_epoch_s,
        hand_over=hand_over,
    )
