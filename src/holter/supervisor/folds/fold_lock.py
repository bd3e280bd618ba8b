"""The lock of a fold: one Holter per fold. Every process of the training holds the lock too.

If only Holter was killed, no second training can start while the first one still runs.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from holter.errors import AlreadyTraining, FolderNotWritable
from holter.probes.process.lock_holders import end_orphaned_holders, orphaned_holders, programs_that_hold, spelled
from holter.probes.process.spawned_ranks import ranks_of
from holter.sentences import NOTHING_STARTED, define
from holter.supervisor.folds.lock import STALE_S, IsHeld, Lock
from holter.supervisor.folds.lock_state import LockState, host_of, is_gone, read_state
from holter.supervisor.folds.unchanged import Unchanged

__all__ = ["FILE", "STALE_S", "FoldLock", "read_lock"]

FILE = "holter.lock"

CANNOT_WRITE_IN = define("error.cannot-write-in", "Cannot write in {folder}: {error}.")
CHECK_RESULTS = define("next.check-results", "Check nnUNet_results, its free space and its permissions.")
GOES_ON = define("safe.goes-on", "It goes on; nothing was started or changed.")
GOES_ON_ALONE = define(
    "error.training-goes-on-alone", "A training in {folder} still runs without its Holter (PID {pid} has ended)."
)
ATTACH_OR_WAIT = define(
    "next.attach-or-wait", "holter attach {pid} records it; holter train continues when it has ended."
)
LEFT_WORKERS_ENDED = define(
    "train.left-workers-ended",
    "{count} data workers that a dead training of this fold had left were ended.",
    one="{count} data worker that a dead training of this fold had left was ended.",
)
TAKEN = define(
    "train.lock-taken",
    "this Holter was stopped for so long that another one (PID {pid} on {host}) has begun to train in {folder}: both "
    "write there now, so end one of them",
)
ANOTHER = define("error.another-holter-trains", "Another Holter trains in {folder} (PID {pid} on {host}).")
REMOVE_LOCK = define("next.remove-lock", "If that Holter has ended for certain: rm {path}")
RANKS_GO_ON = define(
    "error.ranks-go-on", "Processes of a training in {folder} still run without their Holter: PID {pids}."
)
END_RANKS = define("next.end-ranks", "They may end by themselves; {command} ends them. Then holter train continues.")


class FoldLock(Lock):
    """The lock of a fold's folder, held until ``close``. The training inherits ``fd``, and holds the lock with it.

    ``ended``: PIDs of workers that a dead training had left. They held the lock, and were killed. ``wait``: called
    while the holder cannot be seen from here; waits a moment and returns True to try again, False to be refused.

    Raises:  AlreadyTraining if another Holter, its training or ranks of it run; FolderNotWritable.
    """

    def __init__(self, folder: Path, wait: Callable[[IsHeld], bool] = lambda _: False) -> None:
        self.ended: tuple[int, ...] = ()
        self._made = [place for place in (folder, *folder.parents) if not place.exists()]
        silence = Unchanged()
        try:
            while True:
                try:
                    if read_state(folder / FILE).state == "left-over":
                        _refuse_ranks(folder)
                    self._make(folder, silence)
                    break
                except IsHeld as held:
                    left = end_orphaned_holders(spelled(folder / FILE)) if held.gone and not self.ended else ()
                    self.ended += left
                    if not left and not (held.gone is None and wait(held)):
                        raise
        except IsHeld as held:
            raise _refusal(folder / FILE, held) from held
        except OSError as error:
            raise FolderNotWritable(
                CANNOT_WRITE_IN(folder=str(folder), error=error.strerror or str(error)),
                safe=NOTHING_STARTED(),
                next_step=CHECK_RESULTS(),
            ) from error
        try:
            _refuse_ranks(folder)  # again, with the lock held: if there was no lock, and no other Holter can start now
        except AlreadyTraining:
            self.close()
            raise

    def close(self) -> None:
        """Release the lock. Remove folders that were created for it, if they are empty because nothing was trained."""
        super().close()
        with contextlib.suppress(OSError):
            for place in self._made:
                place.rmdir()

    def _make(self, folder: Path, silence: Unchanged) -> None:
        for is_last in (False, False, True):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                super().__init__(folder / FILE, silence=silence)
                return
            except FileNotFoundError:  # another fold that did not train has just removed the folder
                if is_last:
                    raise


def _refuse_ranks(folder: Path) -> None:
    if ranks := ranks_of(spelled(folder / FILE)):
        raise AlreadyTraining(
            RANKS_GO_ON(folder=str(folder), pids=tuple(map(str, ranks))),
            safe=GOES_ON(),
            next_step=END_RANKS(command=shlex.join(("kill", *map(str, ranks)))),
        )


def _refusal(path: Path, held: IsHeld) -> AlreadyTraining:
    pid, host = str(held.about.get("pid")), str(host_of(held.about))
    if held.gone:
        return AlreadyTraining(
            GOES_ON_ALONE(folder=str(path.parent), pid=pid),
            safe=GOES_ON(),
            next_step=ATTACH_OR_WAIT(pid=_first_program(path)),
        )
    return AlreadyTraining(
        ANOTHER(folder=str(path.parent), pid=pid, host=host),
        safe=GOES_ON(),
        next_step=REMOVE_LOCK(path=shlex.quote(str(path))),
    )


def _first_program(lock: Path) -> str:
    programs = programs_that_hold(spelled(lock))
    return str(programs[0]) if programs else "PID"  # of another user: what it has open cannot be read


def read_fold(folder: Path) -> LockState:
    """Return the lock's state, without taking it.

    One that only workers of a dead training hold is left over; one whose ranks go on is held, by the first of them.
    """
    seen = read_state(folder / FILE)
    if seen.state == "held" and is_gone(seen.about) and orphaned_holders(spelled(folder / FILE)):
        seen = seen._replace(state="left-over")
    if seen.state == "left-over" and (ranks := ranks_of(spelled(folder / FILE))):
        return LockState("held", {**seen.about, "pid": ranks[0]})
    return seen


def read_lock(folder: Path) -> tuple[Literal["none", "held", "left-over", "elsewhere"], str | None]:
    """Return the state of a fold's lock, and its holder as "PID 4711 on HOST"; the lock is not taken.

    ``none``: there is no lock, and the holder is None. ``held``: the holder or its training runs. ``left-over``: both
    have ended. ``elsewhere``: the holder is on another host or in a container, so this process cannot see whether it
    lives.
    """
    state, about = read_fold(folder)
    if state == "none":
        return state, None
    return state, f"PID {about.get('pid')} on {host_of(about)}"
