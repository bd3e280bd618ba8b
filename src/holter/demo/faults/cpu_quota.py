"""The training's CPU time is cut in mid-run by a control group, as in containers and Slurm."""

from __future__ import annotations

# ruff: noqa: ARG002 -- every fault is given the context
import os
import subprocess
from collections.abc import Sequence

import psutil

from holter.demo.faults.cpu_group import CpuGroup, make_group
from holter.demo.faults.fault import Context, DemoFault
from holter.errors import CannotDoHere
from holter.records import Message
from holter.sentences import NOTHING_CHANGED, define

NO_GROUP = define(
    "demo.needs.cpu-group",
    "no control group with a CPU limit can be made (needs root, or a delegated cgroup v2 slice)",
)
CANNOT_MOVE = define("demo.needs.move-processes", "processes cannot be moved to a new control group: {error}")
NO_GROUP_NOW = define("error.demo.no-cpu-group", "No control group with a CPU limit can be made.")

QUOTA_CPUS = 0.25  # main process and workers share a quarter of a core: an epoch takes about five times longer

_ENTER = 'echo $$ > "$0" && exec "$@"'  # joins the group, then becomes the training under the same PID


class CpuQuota(DemoFault):
    """CPU quota on the group that the training was started in."""

    name = "cpu-quota"
    true_cause: str | None = "cgroup-cpu-quota"

    def __init__(self) -> None:
        self._group: CpuGroup | None = None

    def needs(self) -> Message | None:
        """Return why no control group with the CPU controller can be created; None if one can."""
        trial = make_group(f"holter-trial-{os.getpid()}")
        if trial is None:
            return NO_GROUP()
        # A group may exist into which nothing may be moved: between two delegated slices, for example.
        try:
            entered = subprocess.run(_enter(trial, ["true"]), check=False, capture_output=True)
        finally:
            trial.remove()
        if entered.returncode:
            return CANNOT_MOVE(error=entered.stderr.decode(errors="replace").strip())
        return None

    def prepare(self, context: Context) -> dict[str, str]:
        """Create the group, without a limit."""
        if self._group is None:
            self._group = make_group(f"holter-demo-{os.getpid()}")
        if self._group is None:
            raise CannotDoHere(
                NO_GROUP_NOW(),
                safe=NOTHING_CHANGED(),
                next_step="holter demo --fault freeze-worker",
            )
        return {}

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Return a command that starts inside the group, so that the training's control group does not change later."""
        if self._group is None:
            return list(command)
        return _enter(self._group, command)

    def inject(self, context: Context) -> None:
        """Cut the quota, and move in all processes that were not started by ``wrap``."""
        if self._group is None:
            self.prepare(context)
        assert self._group is not None
        for pid in _tree(context):
            self._group.add(pid)
        self._group.limit(QUOTA_CPUS)

    def relieve(self, context: Context) -> None:
        if self._group is not None:
            self._group.limit(None)

    def undo(self, context: Context) -> None:
        """Remove the quota, move the processes back and remove the group."""
        self.relieve(context)
        if self._group is not None:
            self._group.remove()
            self._group = None


def _enter(group: CpuGroup, command: Sequence[str]) -> list[str]:
    return ["/bin/sh", "-c", _ENTER, str(group.members), *command]


def _tree(context: Context) -> set[int]:
    pids = set(context.pids())
    if context.main_pid is not None:
        try:
            pids |= {child.pid for child in psutil.Process(context.main_pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            return pids
    return pids
