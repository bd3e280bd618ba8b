"""Two times of an epoch are a slow-down, unless the longer one is the time of all epochs."""

from __future__ import annotations

import pytest

from holter.evidence.text_facts import facts_of, read_facts


@pytest.mark.parametrize(
    ("text", "usual", "recent"),
    [
        ("The first 10 epochs took 160 s each, after that one epoch takes 1600 s", 160, 1600),
        ("Epoch 1 took 150 s. After 20 epochs it needs 3000 s", 150, 3000),
        ("Epoch 1 took 150 s. After about 200 epochs it needs 30000 s", 150, 30000),
        ("前10个epoch每个用时160秒，之后每个epoch用时1600秒", 160, 1600),
        ("训练变慢了，第一个epoch用时150秒，训练200个epoch后每个要30000秒", 150, 30000),
        ("I train for 1000 epochs. It started with 40 s per epoch, now each takes 11 hours.", 40, 39600),
        ("my epoch time: 160,2 s -> 25000,9 s", 160.2, 25000.9),
        ("my epoch time: 0,125 s -> 1,5 s", 0.125, 1.5),
        ("my epoch time: 160 s -> 25,000 s", 160, 25000),
        ("训练变慢了，第1个epoch,160秒变成25,000.5秒", 160, 25000.5),
    ],
)
def test_a_slow_down_with_its_times(text: str, usual: float, recent: float) -> None:
    found = facts_of(text)
    assert found["epochs.usual_s"].value == usual
    assert found["epochs.recent_s"].value == recent


@pytest.mark.parametrize(
    "text",
    [
        "One epoch takes 818 s, that makes 227 hours for 1000 epochs.",
        "1 个 epoch 大概 818 s，1000 个 epoch 大概需要 227 小时。",
        "An epoch takes 120 s, so 250 epochs take 8.3 hours.",
        "my epoch time went from 12,3 s to 14,9 s",
        "my epochs take 150,5 s or 160,25 s",
    ],
)
def test_no_slow_down(text: str) -> None:
    assert "epochs.times_usual" not in read_facts(text)
