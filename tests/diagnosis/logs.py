"""Logs as nnU-Net v1 and v2 write them, with epoch times of one's choosing."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

START = datetime.datetime(2026, 3, 1, 9, 3, 25, 745975)
HEADER = """
#######################################################################
Please cite the following paper when using nnU-Net:
Isensee, F., et al. (2021). nnU-Net: a self-configuring method.
#######################################################################
 """


def v2(
    times: Sequence[float],
    *,
    start: datetime.datetime = START,
    first: int = 0,
    header: bool = True,
    startup_s: float = 12.0,
    finished: bool = False,
    cut: bool = False,
) -> str:
    """A log of nnU-Net v2. ``cut``: the last epoch has begun and its lines are not there."""
    now = start
    lines = HEADER.splitlines() if header else []
    lines.append(f"{now}: do_dummy_2d_data_aug: False ")
    now += datetime.timedelta(seconds=startup_s)
    for number, seconds in enumerate(times, start=first):
        lines += [f"{now}:  ", f"{now}: Epoch {number} ", f"{now}: Current learning rate: 0.01 "]
        if cut and number == first + len(times) - 1:
            return "\n".join(lines) + "\n"
        now += datetime.timedelta(seconds=seconds)
        lines += [
            f"{now}: train_loss -0.1781 ",
            f"{now}: val_loss -0.2 ",
            f"{now}: Pseudo dice [np.float32(0.81), np.float32(0.7)] ",
            f"{now}: Epoch time: {seconds:.2f} s ",
        ]
    if finished:
        lines += [f"{now}: Training done. ", f"{now}: predicting case_001 ", f"{now}: Validation complete "]
        lines.append(f"{now}: Mean Validation Dice:  0.8912 ")
    return "\n".join(lines) + "\n"


def v1(times: Sequence[float], *, start: datetime.datetime = START, first: int = 0) -> str:
    """A log of nnU-Net v1."""
    now = start
    lines = ["Starting... ", f"{now}: Using splits from existing split file: /d/splits_final.pkl "]
    lines.append(f"{now}: unpacking dataset ")
    now += datetime.timedelta(seconds=20)
    lines.append(f"{now}: done ")
    for number, seconds in enumerate(times, start=first):
        lines += [f"{now}: ", f"epoch:  {number} "]
        now += datetime.timedelta(seconds=seconds)
        lines += [
            f"{now}: train loss : -0.7922 ",
            f"{now}: validation loss: -0.8242 ",
            f"{now}: Average global foreground Dice: [0.8544] ",
            f"{now}: (interpret this as an estimate for the Dice of the different classes. This is not exact.) ",
            f"{now}: lr: 0.007876 ",
            f"{now}: This epoch took {seconds:f} s",
            "",
        ]
    return "\n".join(lines) + "\n"
