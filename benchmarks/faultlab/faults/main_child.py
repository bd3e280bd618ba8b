"""The main process waits for a program that does not end."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainChild(Stands):
    """A step of the user's own waits for a program for ever."""

    name = "main-child"
    summary = "a step of the user's own waits for a program for ever"
    stands_in = "child"


SCENARIO = MainChild
