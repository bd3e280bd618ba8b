"""What a description resembles: an order of what is possible, with the words that speak for it."""

from __future__ import annotations

import io

import pytest

from holter.causes import PAGES
from holter.diagnosis.logs import read_pasted
from holter.errors import NotALog
from holter.evidence.text_facts import facts_of, is_addressed, own_words
from holter.evidence.text_facts.resemblance import SHOWN_CHARACTERS, Fit, fits, gist, is_quiet, resembles, terms
from holter.records import Diagnosis


def told(text: str) -> Diagnosis:
    return read_pasted(io.BytesIO(text.encode()), "text.txt").diagnoses[-1]


def first(text: str) -> str | None:
    return next(
        (verdict.cause for verdict in told(text).verdicts if verdict.verdict != "excluded" and verdict.score > 0), None
    )


def test_a_fit_is_written_and_read() -> None:
    fit = Fit("slow-storage", 0.83, "hard disk, nfs")
    assert fits([str(fit), str(Fit("few-cores-allocated", 0.1)), "no number here", "lone"]) == (
        fit, Fit("few-cores-allocated", 0.1),
    )  # fmt: skip


def test_a_frame_is_its_file_and_function() -> None:
    frames = 'Traceback\n  File "/home/me/env/lib/run_x.py", line 3, in train\n    loss = step(batch)\nKeyError: 1\n'
    assert gist(frames) == "Traceback\nrun_x train\nKeyError: 1\n"


# Symptoms without an error: each must be answered, and the words alone confirm nothing.
SAID = {
    "slow-storage": "The images lie on a network share. Workers are in D state, the GPU waits, an epoch takes hours.",
    "gpu-thermal-or-power": "First it is fast; after half an hour the card is at 90 degrees and steps take longer.",
    "no-exit-after-finish": "All epochs are done and the model is saved, but python never returns to the prompt.",
    "frozen-worker": "八个 worker 里有一个的状态是 T (stopped)，训练就停在那不动了，别的都在等。",
    "ram-oom-train-worker": "訓練跑了幾輪之後記憶體一直漲，最後整個程式被 killed，dmesg 有 oom。",
    "thread-oversubscription": "Each of 32 loader processes opens 64 threads, load average is 900, everything crawls.",
}


@pytest.mark.parametrize(("cause", "text"), SAID.items(), ids=SAID)
def test_a_complaint_without_an_error_is_answered(cause: str, text: str) -> None:
    diagnosis = told(text)
    named = [verdict for verdict in diagnosis.verdicts if verdict.verdict != "excluded" and verdict.score > 0]
    assert named[0].cause == cause
    assert named[0].verdict in ("possible", "likely")


QUIET = (
    "Feature request: could the trainer write a checkpoint every ten minutes? I would open a PR for it.",
    "Thanks, with the new release all five folds are trained, 75 s per epoch. I close this issue.",
    "请问 3d_lowres 和 3d_fullres 一定要都训练吗？目前结果挺好的，只是想了解一下。",
    "Docs: explain `CUDA out of memory` and `Bus error` in the table of messages. No code is changed, all tests pass.",
)


@pytest.mark.parametrize("text", QUIET)
def test_a_text_without_trouble_accuses_nobody(text: str) -> None:
    with pytest.raises(NotALog):
        read_pasted(io.BytesIO(text.encode()), "text.txt")


def test_words_around_a_piece_of_a_log_are_read_too() -> None:
    text = (
        "Why does nothing happen? It has been like this for six hours, the GPU is at 0 %.\n\n"
        "2024-09-02 11:40:12.551: unpacking dataset...\n\nNew *.npy files keep appearing, each 1.9 GB."
    )
    assert is_addressed(text)
    assert first(text) == "unpack-slow-or-oom"
    assert not is_addressed("2024-09-02 11:40:12.551: unpacking dataset...\nusing pin_memory on device 0\n")


def test_the_words_name_only_causes_that_exist_and_never_confirm() -> None:
    for text in SAID.values():
        found = facts_of(text)
        assert {fit.cause for fit in fits(found["resembles"].value)} <= PAGES.keys()  # type: ignore[arg-type]
        assert all(verdict.verdict != "confirmed" for verdict in told(text).verdicts)


def test_a_progress_line_names_no_two_lengths_of_an_epoch() -> None:
    assert "epochs.shape" not in facts_of(
        "[epoch 12] step 400 data 0.002s step 0.412s\n[epoch 12] step 450 data 0.002s"
    )


def test_a_setting_at_the_start_of_a_sentence_is_no_output() -> None:
    assert first("num_workers=0 时内存不涨，num_workers=8 每个 epoch 涨 6G 直到被杀，dataset 里是一个大 list") == (
        "copy-on-read-growth"
    )


def test_few_words_resemble_nothing() -> None:
    assert resembles("it is slow", {}) == ()


def test_what_resembles_nothing_but_a_text_without_trouble_is_quiet() -> None:
    assert is_quiet([Fit("nothing", 0.6)], has_facts=True, complains=True)
    assert not is_quiet([Fit("nothing", 0.3), Fit("slow-storage", 0.2)], has_facts=True, complains=True)


def test_forms_and_lists_of_versions_are_not_a_persons_words() -> None:
    told = "My training hangs after an hour and nothing is printed any more."
    form = (
        "### Search before asking\n- [X] I have searched\n"
        "PyTorch version: 2.1.0\nNvidia driver version: 535.54\nGPU models and configuration: GPU 0: X\n"
        "[pip3] numpy==1.26.0\n### Environment\n"
    )
    assert terms(own_words(f"{told}\n{form}")) == terms(own_words(told))


def test_words_are_shown_as_they_were_written() -> None:
    text = "训练到第3轮的时候就被杀掉了，日志里什么也没有，内存占用一直在涨。The worker processes were killed."
    words = [word for fit in resembles(text, {}) for word in fit.words.split(", ")]
    assert words and "轮的时候就被杀掉了" in words
    assert all(word.strip("…") in text.lower() or word.startswith("#") for word in words)


def test_of_a_long_sentence_only_what_stands_around_is_shown() -> None:
    text = "昨天晚上我在服务器上提交的训练任务跑到一半的时候突然就被系统杀掉了而且没有任何报错信息留下来"
    words = [word for fit in resembles(text, {}) for word in fit.words.split(", ")]
    assert words and all(len(word.strip("…")) == SHOWN_CHARACTERS for word in words)
