"""nnUNet_n_proc_DA=0 where it does no harm."""

from __future__ import annotations

from benchmarks.faultlab.fault import Healthy


class NoWorkersOnPurpose(Healthy):
    """The augmentation is cheap and the network slow: workers would not help."""

    name = "no-workers-on-purpose"
    summary = "nnUNet_n_proc_DA=0 with a cheap augmentation"
    variables = {"nnUNet_n_proc_DA": "0"}
    epochs = 3


SCENARIO = NoWorkersOnPurpose
