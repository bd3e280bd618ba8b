"""An import hook that waits for nnU-Net, batchgenerators and PyTorch's DataLoader. Other imports cost one look-up.

Every Python process of a run loads this file, so it imports nothing. The rest of the folder is loaded when the
first package named here is imported.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType, TracebackType

# The first import of one of these packages starts the recording of this process.
ACTIVATE_FOR = frozenset(("nnunetv2", "batchgenerators"))

# Module of the training -> our functions that wrap names in it after it has run.
PATCHES = {
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter": (
        "workers.beats.patch_producer",
        "settings.patch_start_method",
        "settings.patch_cached",
        "workers.augmenters.patch_nondet",
    ),
    "batchgenerators.dataloading.single_threaded_augmenter": ("workers.augmenters.patch_single",),
    "batchgenerators.dataloading.multi_threaded_augmenter": (
        "settings.patch_start_method",
        "workers.augmenters.patch_multi",
    ),
    "torch.multiprocessing": ("settings.patch_sharing",),
    "torch.utils.data._utils.worker": ("dataloader.lanes.patch_worker_loop",),
    "torchdata.stateful_dataloader.worker": ("dataloader.lanes.patch_worker_loop",),
    "torch.utils.data._utils.fetch": ("dataloader.lanes.patch_fetch",),
    "torch.utils.data.dataloader": ("dataloader.watch.patch_dataloader", "dataloader.healing.patch_dataloader"),
    "holter.trainer.feed": ("workers.augmenters.patch_feed",),
    "holter.trainer.loader_log": ("workers.augmenters.patch_loader_log",),
    "nnunetv2.training.dataloading.nnunet_dataset": ("workers.beats.patch_datasets",),
    "nnunetv2.training.dataloading.data_loader": ("cuts.patch_loader",),
    "nnunetv2.training.logging.nnunet_logger": ("plots.patch_logger",),
    "nnunetv2.training.dataloading.utils": ("trainers.patch_unpacking",),
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer": ("trainers.patch_trainer",),
    "nnunetv2.experiment_planning.plan_and_preprocess_api": ("pools.patch_commands",),
    "nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor": ("pools.patch_extractor",),
    "nnunetv2.preprocessing.preprocessors.default_preprocessor": ("pools.patch_preprocessor",),
    "nnunetv2.inference.export_prediction": ("exports.validation.patch_export",),
    "nnunetv2.inference.predict_from_raw_data": ("exports.validation.patch_predictor",),
    "nnunetv2.utilities.file_path_utilities": ("exports.validation.patch_slots",),
}


# Modules that end like this may define augmenters too (renamed copies of batchgenerators, and its classes to come), or
# the trainer of nnU-Net v1 and its copies. They are known by what they have.
BY_SHAPE = {
    "_augmenter": "workers.by_shape.patch_augmenters",
    "network_trainer": "trainers_v1.patch_trainers",
}
ENDINGS = tuple(BY_SHAPE)


class Finder:
    """A ``sys.meta_path`` entry that asks the other finders for the spec and wraps what they return."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the other finders' spec if the hook patches this module; else None at once."""
        if name in ACTIVATE_FOR:
            activate(name)
        elif name in PATCHES or name.endswith(ENDINGS):
            return self._wrapped(name, path, target)
        return None

    def _wrapped(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):  # a copy: a finder may remove itself during its search
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                patch_after_exec(name, spec)
                return spec
        return None


def patch_after_exec(name: str, spec: ModuleSpec) -> None:
    """Patch the module after it has run. Its loader object stays the original (for inspect, pickle, reload)."""
    try:
        loader = spec.loader
        exec_module: Callable[[ModuleType], None] = loader.exec_module  # type: ignore[union-attr]

        def exec_and_patch(module: ModuleType) -> None:
            del loader.exec_module  # type: ignore[union-attr]
            exec_module(module)
            patch(name, module)

        loader.exec_module = exec_and_patch  # type: ignore[union-attr, method-assign]
    except Exception as error:  # a loader without attributes: this module is not patched
        record_error(name, error)


def patch(name: str, module: ModuleType) -> None:
    """Apply the hook's patches to a module. A missing name means fewer heartbeats, never an exception."""
    for entry in PATCHES.get(name) or [entry for ending, entry in BY_SHAPE.items() if name.endswith(ending)]:
        try:
            from importlib import import_module

            sibling, _, function = entry.rpartition(".")
            getattr(import_module("." + sibling, __package__), function)(module)
        except Exception as error:
            record_error(name, error)


def activate(name: str) -> None:
    """Start the recording of this process: heartbeat page, stack signal, exception hooks. Works once."""
    try:
        from . import runtime

        runtime.RUNTIME.activate(name)
    except Exception as error:
        record_error("activate", error)


def record_error(where: str, error: BaseException) -> None:
    """Record that a part of the hook failed here."""
    try:
        from . import runtime

        runtime.RUNTIME.record_error(where, error)
    except Exception:
        pass


def record_uncaught(error: BaseException, trace: TracebackType | None) -> None:
    """Record the exception that ends a program which has imported none of the packages above."""
    try:
        from . import runtime

        runtime.RUNTIME.record_uncaught(error, trace)
    except BaseException:  # Ctrl-C too: the program ends anyway, and its own error must be printed
        pass


def install() -> None:
    """Start to watch the imports of this process, and the exception that ends it."""
    sys.meta_path.insert(0, Finder())
    previous = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        # After Ctrl-C not even an import is safe: code that a module evaluates resets the exit code of Python.
        if issubclass(kind, Exception):
            record_uncaught(error, trace)
        previous(kind, error, trace)

    sys.excepthook = excepthook
