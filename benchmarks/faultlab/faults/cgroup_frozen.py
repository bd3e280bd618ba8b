"""The control group of the training is frozen, as by ``docker pause`` or ``scontrol suspend``."""

from __future__ import annotations

from benchmarks.faultlab.fault import Fault
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.freezer_group import FreezerGroup, find_freezer


class CgroupFrozen(Fault):
    """All processes of the training are in the freezer; Holter is not."""

    name = "cgroup-frozen"
    summary = "the control group that the training is in is frozen"
    cause = "frozen-cgroup"

    def needs(self) -> str | None:
        """Require a usable freezer."""
        return None if find_freezer() is not None else "needs root and a freezer of control groups"

    def inject(self, outside: Outside) -> None:
        """Move the training into the group and freeze it."""
        assert outside.main is not None
        parent = find_freezer()
        assert parent is not None
        self._group = FreezerGroup(parent)
        self._group.add([outside.main.pid, *(child.pid for child in outside.main.children(recursive=True))])
        self.strike()
        self._group.freeze()

    def relieve(self) -> None:
        """Thaw the group."""
        if self.struck:
            self._group.thaw()

    def undo(self) -> None:
        """Remove the group."""
        if self.struck:
            self._group.remove()


SCENARIO = CgroupFrozen
