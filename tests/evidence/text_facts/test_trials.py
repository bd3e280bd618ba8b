"""What a person tried: the outcome counts, not the words around it."""

from __future__ import annotations

import pytest

from holter.diagnosis.words import said
from holter.evidence.text_facts.trials import outcomes


@pytest.mark.parametrize(
    ("text", "symptom"),
    [
        ("With NCCL_P2P_DISABLE=1 it works.", "fine-without-p2p"),
        ("It no longer hangs when P2P is disabled", "fine-without-p2p"),
        ("With P2P off it does not hang any more.", "fine-without-p2p"),
        ("关闭 P2P 之后训练正常", "fine-without-p2p"),
        ("It does not work with P2P off either.", "same-without-p2p"),
        ("NCCL_P2P_DISABLE=1: no change, it still hangs", "same-without-p2p"),
        ("设置 NCCL_P2P_DISABLE=1 也没用", "same-without-p2p"),
        ("nnUNet_compile=f fixed it", "fine-without-compile"),
        ("Without torch.compile it runs", "fine-without-compile"),
        ("关闭编译后可以训练", "fine-without-compile"),
        ("I disabled compile, same error", "same-without-compile"),
        ("with num_workers=0 it works", "fine-without-workers"),
        ("nnUNet_n_proc_DA=0 时不再卡", "fine-without-workers"),
        ("with num_workers=0 it does not work", "same-without-workers"),
        ("num_workers 设为 0 还是卡住", "same-without-workers"),
        ("pin_memory=False solved it", "fine-without-pinning"),
        ("把 pin_memory 改成 False 就好了", "fine-without-pinning"),
        ("turned off pin_memory but it still crashes", "same-without-pinning"),
        ("It is fast again once the GPU has cooled down", "fast-when-cool"),
        ("显卡温度降下来以后速度恢复正常", "fast-when-cool"),
        ("I see the same error on another machine.", "same-elsewhere"),
        ("It also happens on a different server", "same-elsewhere"),
        ("换了一台服务器也一样", "same-elsewhere"),
    ],
)
def test_an_outcome_is_read_in_both_languages(text: str, symptom: str) -> None:
    assert symptom in outcomes(text)
    opposite = symptom.replace("fine-", "same-") if symptom.startswith("fine-") else symptom.replace("same-w", "fine-w")
    assert opposite == symptom or opposite not in outcomes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Does it work with P2P off?",
        "Should I set NCCL_P2P_DISABLE=1 so that it works",
        "I have not tried num_workers=0 yet, maybe it works",
        "If you see a hang, set NCCL_P2P_DISABLE=1, it helps.",
        "要不要试试 num_workers=0，会不会正常",
        "The same script works fine on another machine",
        "It is not the same on the other server",
        "在另一台机器上没有这个问题",
        "The first epoch with a cold cache is slow, then it is fast",
        "The GPU is cool and the training is slow",
        "Training runs fine, compile takes two minutes",
        "I use num_workers=8 and it works",
        "pin_memory=True works",
    ],
)
def test_a_question_a_plan_and_another_outcome_are_none(text: str) -> None:
    assert outcomes(text) == {}


@pytest.mark.parametrize(
    ("story", "cause", "without"),
    [
        ("Training with 2 GPUs hangs at the start, nothing happens for an hour. {}", "nccl-p2p-broken", "NCCL P2P"),
        ("训练用两张显卡，一开始就卡住，一个小时没反应。{}", "nccl-p2p-broken", ""),
    ],
)
def test_an_outcome_weighs_for_and_against_its_cause(story: str, cause: str, without: str) -> None:
    fine, same = "With P2P off it works.", "It does not work with P2P off either."
    scores = [score(story.format(words), cause) for words in (fine, "", same)]
    assert scores[0] > scores[1] >= scores[2], scores


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("The cluster says: GPU idle for 120 minutes, job terminated.", True),
        ("My job was killed by the idle-GPU reaper after two hours.", True),
        ("任务因为 GPU 空闲超过两小时被系统回收了", True),
        ("The GPU is idle and no process was killed, it only waits.", False),
        ("GPU 空闲，但是没有被系统杀掉", False),
    ],
)
def test_a_job_that_a_policy_ended_has_ended(text: str, is_one: bool) -> None:
    found = said(text, is_prose=True)
    kind = found["episode.kind"].value if "episode.kind" in found else None
    assert (kind == "death") == is_one, found


def score(text: str, cause: str) -> float:
    from holter.diagnosis.words import diagnosed, stated

    verdicts = diagnosed(stated(said(text, is_prose=True))).verdicts
    return next(verdict.score for verdict in verdicts if verdict.cause == cause)
