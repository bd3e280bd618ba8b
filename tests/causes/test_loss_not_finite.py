"""loss-not-finite: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.laws import ConfirmedLaws, LikelyLaws, LookAlike


class TestLossNotFinite(ConfirmedLaws, LikelyLaws):
    cause = "loss-not-finite"
    confirmed_by = {"episode.kind": "diverged", "loss.not_finite": ("train_loss",), "loss.since": "epoch 3"}
    look_alikes = (
        # A pseudo Dice of NaN: a class does not occur.
        LookAlike({"loss.not_finite": (), "loss.since": None}),
        # The loss is of no use, and something else ended the training.
        LookAlike({"episode.kind": "death", "main.exit_signal": 9}, "external-kill", is_confirmed=False),
    )  # fmt: skip
    likely_by = ({"loss.not_finite": ("train_loss",)},)
