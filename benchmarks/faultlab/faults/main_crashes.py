"""Native code in the main process frees memory twice; the C library reports it and aborts."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class MainCrashes(Armed):
    """As in MIC-DKFZ/nnUNet issues 2523 and 2557: no traceback, one line from the C library."""

    name = "main-crashes"
    summary = "native code in the main process damages the heap, and the C library aborts it"
    cause = "native-crash"
    acts = True
    trainer = "nnUNetTrainerFreesTwice"


SCENARIO = MainCrashes
