from __future__ import annotations

import math
import random

import pytest
from made_run import Run

from holter.history.recovery import Recovery, check


def learning(epoch: int, chance: random.Random, noise: float = 0.012) -> tuple[float, float]:
    """Loss and pseudo Dice as nnU-Net's curves go: fast at first, then flat."""
    loss = -0.85 + 0.8 * math.exp(-epoch / 25) + chance.gauss(0, noise)
    return loss, 0.88 - 0.6 * math.exp(-epoch / 20) + chance.gauss(0, noise)


def healed(
    first: int, before: int, after: int, *, seed: int = 1, loss_jump: float = 0.0, dice_jump: float = 0.0
) -> tuple[Recovery, ...]:
    """Epochs, workers replaced within one, and more epochs that are off by some amount."""
    chance = random.Random(seed)
    run = Run().startup(3)
    for epoch in range(first, first + before):
        run.epoch(epoch, 2, *learning(epoch, chance))
    run.train(first + before, 2).act("replace-workers", "begun").stand(3).act("replace-workers", "done")
    for epoch in range(first + before, first + before + after):
        loss, dice = learning(epoch, chance)
        run.epoch(epoch, 2, loss + loss_jump, dice + dice_jump)
    return check(run.recording())


@pytest.mark.parametrize("first", [0, 5, 40, 300])
@pytest.mark.parametrize("before", [3, 5, 10])
def test_healthy_curves_are_on_trend(first: int, before: int) -> None:
    verdicts = [healed(first, before, 3, seed=seed)[0].verdict for seed in range(40)]
    assert verdicts.count("jump") == 0


@pytest.mark.parametrize("before", [4, 6, 10])
def test_a_loss_that_starts_from_scratch_is_a_jump(before: int) -> None:
    (found,) = healed(60, before, 2, loss_jump=0.6)
    assert found.verdict == "jump"
    loss = found.measures[0]
    assert loss.name == "train-loss" and loss.seen - loss.expected > 0.4


def test_dice_that_falls_is_a_jump_although_the_loss_goes_on() -> None:
    (found,) = healed(60, 10, 3, dice_jump=-0.3)
    assert found.verdict == "jump"
    assert [measure.name for measure in found.measures if measure.jump] == ["pseudo-dice"]


@pytest.mark.parametrize(("before", "after"), [(2, 3), (0, 1), (5, 0)])
def test_too_few_epochs_are_too_early_to_say(before: int, after: int) -> None:
    (found,) = healed(10, before, after)
    assert (found.verdict, found.measures) == ("too-early", ())
    assert (found.epochs_before, found.epochs_after) == (before, after)


def test_one_odd_epoch_among_three_is_noise() -> None:
    chance = random.Random(3)
    run = Run().startup(3)
    for epoch in range(50, 60):
        run.epoch(epoch, 2, *learning(epoch, chance))
    run.act("replace-workers", "begun").act("replace-workers", "done")
    for epoch in range(60, 63):
        loss, dice = learning(epoch, chance)
        run.epoch(epoch, 2, loss + (0.5 if epoch == 61 else 0.0), dice)
    assert check(run.recording())[0].verdict == "on-trend"


def test_a_restart_is_compared_by_epoch_although_epochs_are_repeated() -> None:
    chance = random.Random(5)
    run = Run().startup(3)
    for epoch in range(8):
        run.epoch(epoch, 2, *learning(epoch, chance))
    run.die().down(1).restart().startup(3)
    run.train(6, 2).act("restart", "done").finish_epoch(6, *learning(6, chance))
    run.epoch(7, 2, *learning(7, chance))
    (found,) = check(run.recording())
    assert (found.action, found.verdict, found.epochs_before) == ("restart", "on-trend", 8)


def test_each_heal_has_its_own_answer_up_to_the_next_one() -> None:
    chance = random.Random(6)
    run = Run().startup(3)
    for epoch in range(12):
        if epoch in (5, 6):
            run.act("replace-workers", "begun").stand(1).act("replace-workers", "done").stand(40)
        run.epoch(epoch, 2, *learning(epoch, chance))
    assert [recovery.epochs_after for recovery in check(run.recording())] == [1, 3]


def test_a_failed_heal_is_not_judged() -> None:
    run = Run().startup(3).epoch(0, 2).act("replace-workers", "begun").act("replace-workers", "failed")
    assert check(run.recording()) == ()
