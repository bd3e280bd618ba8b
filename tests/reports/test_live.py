from __future__ import annotations

from reports_scene import diagnosis_slow, diagnosis_stall, episode_stall

from holter.records import Diagnosis
from holter.reports import live


def test_the_alarm_says_what_and_where() -> None:
    line = live.alarm(episode_stall(), "en", epoch=2)
    assert line.startswith("holter: Stalled in epoch 2: no progress for 6 s")


def test_the_cause_comes_with_its_reason_and_the_command() -> None:
    lines = live.cause(diagnosis_stall(), "en").splitlines()
    assert lines[0] == "holter: worker 2 (PID 4713) is stopped. Confirmed (score 0.97)"
    assert lines[-1] == "holter:     kill -CONT 4713"


def test_every_line_of_every_message_carries_the_prefix() -> None:
    for lang in ("en", "zh"):
        for told in (live.cause(diagnosis_slow(), lang), live.over(episode_stall(), lang, 2)):
            assert all(line.startswith("holter: ") for line in told.splitlines())


def test_chinese_messages_are_chinese() -> None:
    assert live.over(episode_stall(), "zh", 2) == "holter: 训练停滞（第 2 轮），41 秒后恢复"


def test_an_episode_without_a_cause_points_to_the_evidence() -> None:
    assert "holter diagnose" in live.cause(Diagnosis(episode=episode_stall()), "en")
