"""Safe checkpoints for a stock trainer: a snapshot in memory, written and verified in the background.

Active only if ``checkpoints`` is granted. The trainer's own ``save_checkpoint`` decides what is saved; Holter only
changes where its bytes go.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from .. import control
from ..runtime import RUNTIME
from . import epochs, mid_epoch, rng_state, snapshots
from . import select as files
from .snapshots import STATE, After, call_safely
from .verify import OWN_KEY

Watch = Callable[..., "After | None"]


def take_over(watches: dict[str, Watch]) -> None:
    """Add safe saving to ``watches``, the wrappers of the trainer's methods by name; only the first call does anything.

    It also accepts the supervisor's requests for a checkpoint or a stop from then on.
    """
    if "load_checkpoint" in watches:
        return
    additions: dict[str, Watch] = {
        "save_checkpoint": snapshots.watch_save,
        "load_checkpoint": _load,
        "on_train_start": epochs.watch_start,
        "on_epoch_end": epochs.watch_end,
        "on_train_end": _train_end,
        "perform_actual_validation": _wait_for_files,
    }
    for name, watch in additions.items():
        watches[name] = both(watches[name], watch) if name in watches else watch
    control.on("checkpoint", lambda number, _: epochs.ask("checkpoint", number))
    control.on("checkpoint-here", lambda number, _: mid_epoch.ask(number))
    control.on("stop", lambda number, _: epochs.ask("stop", number))


def both(outer: Watch, inner: Watch) -> Watch:
    """Return one wrapper that does the work of two: ``outer`` starts first and ends last.

    An exception of one does not affect the other.
    """

    def watch(trainer: Any, *args: Any, **kwargs: Any) -> After:
        afters = [call_safely(part, trainer, *args, **kwargs) for part in (outer, inner)]

        def after(trainer: Any, ok: bool) -> None:
            try:
                if afters[1] is not None:
                    call_safely(afters[1], trainer, ok)
            finally:  # also if the training is stopped here
                if afters[0] is not None:
                    afters[0](trainer, ok)

        return after

    return watch


def _train_end(*_: Any, **__: Any) -> After:
    STATE.background.drain()

    def after(trainer: Any, ok: bool) -> None:
        folder = getattr(trainer, "output_folder", None)
        if not ok or getattr(trainer, "local_rank", 0) != 0 or folder is None:
            return
        latest, previous = (os.path.join(folder, name) for name in (files.LATEST, files.PREVIOUS))  # noqa: PTH118
        final = os.path.join(folder, files.FINAL)  # noqa: PTH118
        if not os.path.exists(latest) and os.path.exists(final) and os.path.exists(previous):  # noqa: PTH110
            os.unlink(previous)  # noqa: PTH108

    return after


def _wait_for_files(*_: Any, **__: Any) -> None:
    STATE.background.drain()


def _load(_: Any, *__: Any, **___: Any) -> After | None:
    STATE.background.drain()
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    entries: list[dict[str, Any]] = []

    def make(original: Any) -> Any:
        def load(*args: Any, **kwargs: Any) -> Any:
            loaded = original(*args, **kwargs)
            if isinstance(loaded, dict) and isinstance(loaded.get(OWN_KEY), dict):
                entries.append(loaded[OWN_KEY])
            return loaded

        return load

    give_back = snapshots.patch_on_thread(torch, "load", make)

    def after(trainer: Any, ok: bool) -> None:
        give_back()
        # The states are those of rank 0: with them all ranks would draw the same numbers.
        if ok and entries and getattr(trainer, "local_rank", 0) == 0:
            STATE.resumed = entries[0]
            if (problem := rng_state.restore(entries[0])) is not None:
                RUNTIME.emit("note", what="checkpoint-loaded", say=[problem])

    return after
