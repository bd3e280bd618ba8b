"""The training pauses for eight seconds every twenty seconds."""

from __future__ import annotations

from benchmarks.faultlab.fault import Armed


class ShortPauses(Armed):
    """Each pause is too short to be a stall; the epochs take at least twice as long."""

    name = "short-pauses"
    summary = "each pause is too short to be a stall; the epochs take twice as long and more"
    cause = "main-stands-still"
    trainer = "nnUNetTrainerPauses"
    acts = False
    gradual = True
    watch_s = 200.0
    limit_s = 360.0


SCENARIO = ShortPauses
