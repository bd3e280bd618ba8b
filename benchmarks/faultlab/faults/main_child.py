"""The main process waits for a program that does not end."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainChild(Stands):
    """The user's own training step waits forever for a program."""

    name = "main-child"
    summary = "a step of the user's own waits for a program forever"
    stands_in = "child"


SCENARIO = MainChild
