"""Another user's control group is frozen; its processes have the same names as ours."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.faultlab.fault import Healthy
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.freezer_group import FreezerGroup, find_freezer


class OtherGroupFrozen(Healthy):
    """The frozen group is not of this training."""

    name = "other-group-frozen"
    summary = "another Python program on the machine is in a freezer"
    epochs = 3

    def needs(self) -> str | None:
        """Require a usable freezer."""
        return None if find_freezer() is not None else "needs root and a freezer of control groups"

    def inject(self, outside: Outside) -> None:
        """Start the other group and freeze it."""
        parent = find_freezer()
        assert parent is not None
        self._other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self._group = FreezerGroup(parent)
        self._group.add([self._other.pid])
        self.strike()
        self._group.freeze()

    def undo(self) -> None:
        """End the other group."""
        if self.struck:
            self._group.thaw()
            self._other.kill()
            self._other.wait()
            self._group.remove()


SCENARIO = OtherGroupFrozen
