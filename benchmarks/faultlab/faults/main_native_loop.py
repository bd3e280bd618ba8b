"""The main process computes forever inside one call of C code, which holds the interpreter lock."""

from __future__ import annotations

from benchmarks.faultlab.standing import Stands


class MainNativeLoop(Stands):
    """The user's own training step never returns from a call of C code."""

    name = "main-native-loop"
    summary = "a step of the user's own never leaves a call of C code"
    stands_in = "native-loop"
    acts = False
    watch_s = 90.0


SCENARIO = MainNativeLoop
