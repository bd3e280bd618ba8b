"""Holter's data loader under any of nnU-Net's trainers.

>>> trainer_class = with_holter_loader(nnUNetTrainer)

The returned class has the name of the given one. So it has the same results folder, its checkpoints name a trainer that
every nnU-Net knows, and each of the two can resume the other's training.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import distributed

from holter.errors import HolterError
from holter.hook.checkpoints import rng_state
from holter.trainer import checkpoint
from holter.trainer.auto.choose import choose, prove
from holter.trainer.feed import Feed
from holter.trainer.loader_log import LoaderLog
from holter.trainer.make_feeds import Trainer as Facts
from holter.trainer.make_feeds import make_feeds
from holter.trainer.oom_retry import HolterOomRetry
from holter.trainer.same_code import check_code
from holter.trainer.settings import LOADER, read_settings
from holter.trainer.step import HolterStep
from holter.trainer.stock_loaders import TRAINER_MODULE, defined_by, set_up
from holter.transforms.version import is_older

if TYPE_CHECKING:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Trainer
else:
    Trainer = object

LOADERS = ("dataloader_train", "dataloader_val")
SAVED_AS = "holter_saved_as"  # class attribute: the name for checkpoints if stock does not know the class


class HolterLoading(Trainer):  # type: ignore[misc]
    """Gives a trainer batches from Holter's loader; nnU-Net's or the user's class follows in the MRO.

    Names of Holter's own begin with ``_holter_``, so that they do not clash with those of a user's class.
    """

    _holter_entry: checkpoint.Entry | None = None  # of the checkpoint that was loaded

    def get_dataloaders(self) -> Any:
        """Return Holter's feeds; if that is not possible, the trainer's own loaders, and log the reason."""
        log = LoaderLog(self.print_to_log_file)
        owner = defined_by(type(self), "get_dataloaders", below=HolterLoading)
        if owner.__module__ != TRAINER_MODULE:
            log.say("own", trainer=owner.__name__)
            return super().get_dataloaders()
        settings = read_settings()
        if settings.wants_stock:
            log.say("stock", reason=f"{LOADER}=stock")
            return super().get_dataloaders()
        seed = self._holter_seed()  # first: a failure on one GPU must not leave the others waiting for the seed
        try:
            check_code()
            stock = set_up(super().get_dataloaders)
            facts = self._holter_facts(log, seed)
            if settings.chooses:
                settings, running = choose(self, stock, facts, settings, super().get_dataloaders)
                if settings.wants_stock:
                    return running or super().get_dataloaders()
            elif is_older():
                prove(self, stock, facts)
            return make_feeds(stock, facts, settings)
        except Exception as error:  # noqa: BLE001 -- nnU-Net's own loader works; a real error occurs there again
            reason = error.what if isinstance(error, HolterError) else f"{type(error).__name__}: {error}"
            log.say("stock", reason=reason)
        return super().get_dataloaders()

    def on_train_start(self) -> None:
        """Restore loaders and random generators from the loaded checkpoint, if there is one, and start reading ahead.

        Not earlier: nnU-Net unpacks the data set here.
        """
        super().on_train_start()
        entry, self._holter_entry = self._holter_entry, None
        if entry is not None and "generators" in entry:
            rng_state.restore(entry)
        for name, feed in self._holter_feeds().items():
            state = checkpoint.loader_state(entry, name)
            if state is not None:
                feed.load_state_dict(state)
            if state is not None and name == LOADERS[0]:
                LoaderLog(self.print_to_log_file).say("continues", **state)
            feed.start()

    def run_training(self) -> None:
        """Train as nnU-Net's trainer does; afterwards, also after an error, end the loaders' threads."""
        try:
            super().run_training()
        finally:
            self._holter_close_feeds()

    def on_train_end(self) -> None:
        """Do what nnU-Net's trainer does here, then end the loaders' threads."""
        super().on_train_end()
        self._holter_close_feeds()

    def save_checkpoint(self, filename: str) -> None:
        """Save as nnU-Net's trainer does, with the states of loaders and random generators."""
        with checkpoint.added(self._holter_entries):
            super().save_checkpoint(filename)

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Load the checkpoint as nnU-Net does, and keep the states of the loaders in it until the loaders exist."""
        super().load_checkpoint(filename_or_checkpoint)
        self._holter_entry = checkpoint.entry_in(filename_or_checkpoint)

    def _holter_entries(self, saved: dict[str, Any]) -> dict[str, Any]:
        entries = {checkpoint.OWN_KEY: checkpoint.entry_for(self, saved.get("current_epoch"))}
        known_as = vars(type(self)).get(SAVED_AS)
        return entries if known_as is None else {**entries, "trainer_name": known_as}

    def _holter_facts(self, log: LoaderLog, seed: int) -> Facts:
        labels = self.label_manager
        largest = max([*labels.all_labels, labels.ignore_label or 0])
        return Facts(
            device=self.device,
            rank=self.local_rank,
            ranks=distributed.get_world_size() if self.is_ddp else 1,
            channels=int(self.num_input_channels),
            seg_channels=2 if self.is_cascaded else 1,
            largest_label=int(largest),
            seed=seed,
            log=log,
            has_own_step=not isinstance(self, HolterStep),
        )

    def _holter_seed(self) -> int:
        # The checkpoint's seed, or a new one. With several GPUs: that of rank 0, whatever the others have read.
        state = checkpoint.loader_state(self._holter_entry, LOADERS[0])
        return _common_seed(self.is_ddp, None if state is None else int(state["seed"]))

    def _holter_feeds(self) -> dict[str, Feed]:
        loaders = {name: getattr(self, name, None) for name in LOADERS}
        return {name: feed for name, feed in loaders.items() if isinstance(feed, Feed)}

    def _holter_close_feeds(self) -> None:
        for feed in self._holter_feeds().values():
            feed.close()


def with_holter_loader(trainer_class: type[Any]) -> type[Any]:
    """Return a class of the same name and behaviour with batches from Holter's loader.

    If the trainer's step is stock's own, it is replaced by one that does not wait for the GPU.
    """
    if issubclass(trainer_class, HolterLoading):
        return trainer_class
    bases = (HolterLoading, HolterStep if _has_stock_step(trainer_class) else HolterOomRetry)
    about = {"__module__": __name__, "__qualname__": trainer_class.__qualname__, "__doc__": trainer_class.__doc__}
    return types.new_class(trainer_class.__name__, (*bases, trainer_class), exec_body=lambda space: space.update(about))


def _has_stock_step(trainer_class: type[Any]) -> bool:
    # Whether only nnU-Net's own code uses the return value of a step.
    is_stock = defined_by(trainer_class, "train_step").__module__ == TRAINER_MODULE
    return is_stock and defined_by(trainer_class, "run_training").__module__.startswith("nnunetv2.")


def _common_seed(is_ddp: bool, known: int | None) -> int:
    # The same on all GPUs, so one checkpoint is enough; repeatable if numpy was seeded.
    seed = [int(np.random.randint(np.iinfo(np.int64).max, dtype=np.int64)) if known is None else known]
    if is_ddp:
        distributed.broadcast_object_list(seed, src=0)
    return seed[0]
