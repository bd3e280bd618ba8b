"""The main process computes forever in a Python loop."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainPythonLoop(Stands):
    """The user's own training step is an endless loop."""

    name = "main-python-loop"
    summary = "a step of the user's own is a loop without end"
    stands_in = "python-loop"
    acts = False
    watch_s = 90.0


SCENARIO = MainPythonLoop
