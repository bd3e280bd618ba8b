"""One step in which the main thread computes for twenty seconds."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class BusyPause(Healthy):
    """As torch.compile does for a new shape."""

    name = "busy-pause"
    summary = "the main thread works for 20 s within one step, as when it compiles"
    trainer = "nnUNetTrainerBusyPause"
    epochs = 2


SCENARIO = BusyPause
