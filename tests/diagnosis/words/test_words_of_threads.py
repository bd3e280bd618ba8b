"""What people post: advice below every error, cut tracebacks, parts of logs, links, questions. Retyped, and short."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.evidence.text_facts import facts_of, own_words

BELOW_EVERY_CUDA_ERROR = (
    "CUDA kernel errors might be asynchronously reported at some other API call\n"
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
CUT = (
    'Traceback (most recent call last):\n  File "/env/bin/nnUNetv2_train", line 8, in <module>\n'
    '    sys.exit(run_training_entry())\n  File "/env/lib/python3.11/site-pack'
)
ONE_LOST_EPOCH = (
    "My training gives this from the first epoch on, what is wrong with my data?\n\n"
    "2026-03-01 14:55:25.642011: Epoch 0 \n2026-03-01 14:55:25.642085: Current learning rate: 0.01 \n"
    "2026-03-01 15:17:51.409852: train_loss nan \n2026-03-01 15:17:51.440985: val_loss nan \n"
    "2026-03-01 15:17:51.441061: Pseudo dice [0.0] \n2026-03-01 15:17:51.452639: Epoch time: 1345.72 s \n"
    "2026-03-01 15:18:00.922225: Epoch 1 \n2026-03-01 15:18:00.922357: Current learning rate: 0.00999 \n"
)


def causes(text: str) -> list[str]:
    """Return the causes that a diagnosis of the text names, best first."""
    verdicts = read_pasted(io.BytesIO(text.encode()), "text").diagnoses[-1].verdicts
    return [verdict.cause for verdict in verdicts if verdict.verdict != "excluded" and verdict.score > 0]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("RuntimeError: CUDA error: no kernel image is available for execution on the device", "cuda-mismatch"),
        ("RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable", "cuda-refused"),
        ("RuntimeError: CUDA error: device-side assert triggered", "cuda-assert"),
        ("RuntimeError: NVIDIA driver too old", "cuda-mismatch"),
    ],
)
def test_the_advice_below_every_cuda_error_is_no_assertion(message: str, kind: str) -> None:
    found = facts_of(f"I get this error:\n{message}\n{BELOW_EVERY_CUDA_ERROR}")
    assert found["exception.kind"].value == kind


def test_what_is_told_comes_before_an_error_whose_name_was_cut_off() -> None:
    report = "My job ends with an out-of-memory (OOM) kill event while it predicts the validation cases.\n\n"
    assert causes(report + CUT)[0] != "main-exception"
    assert "main-exception" in causes(report + CUT)


def test_a_cut_traceback_alone_is_no_sure_error_of_the_training() -> None:
    text = f"Training of a cascade\n\nMy training of fold 0 raised this after two days:\n\n{CUT}"
    verdicts = read_pasted(io.BytesIO(text.encode()), "text").diagnoses[-1].verdicts
    assert all(verdict.verdict == "possible" for verdict in verdicts if verdict.cause == "main-exception")


def test_a_part_of_a_log_with_one_lost_epoch_tells_of_the_loss() -> None:
    assert causes(ONE_LOST_EPOCH)[0] == "loss-not-finite"


def test_an_error_that_python_named_comes_before_words_that_fit_a_little() -> None:
    text = (
        "PermissionError: [Errno 13] Permission denied: '/home/me/nnUNet_raw_data_base/nnUNet_cropped_data'\n\n"
        "I followed the instructions, set the folders in .bashrc and sourced it. It appears with every command.\n"
        "I run it on Ubuntu in WSL. Thanks for any help!\n"
    )
    assert causes(text)[0] == "main-exception"


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("cv2 starts 64 threads in every worker of the pool, and the training is four times slower", False),
        ("cv2 starts 64 threads in every worker of the pool, and the training hangs there for ever", True),
    ],
)
def test_a_lock_after_fork_needs_something_that_stands_still(text: str, is_said: bool) -> None:
    found = facts_of(f"{text}, does anyone know why?")
    assert ("lock-after-fork" in str(found.get("symptoms"))) is is_said


def test_pictures_and_links_are_no_words() -> None:
    text = "it hangs ![image](https://example.com/1/2.png) see https://example.com/wandb/issues/3 <img src='x.png'>"
    assert own_words(text).split() == ["it", "hangs", "see"]


def test_a_question_about_a_standstill_gets_an_answer() -> None:
    text = (
        "训练卡在第一轮不动\n\n作者你好，请问我用自己的数据集，按默认方式预处理之后开始训练，"
        "卡在第一轮很长时间没有变化，之前的版本没有遇到这样的问题，请问是什么情况？"
    )
    assert causes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Why is the time of each epoch the same for different amounts of training data, 300 s with 10% and with 100%?",
        "为什么数据量减少到十分之一，每个 epoch 的时间还是一样？",
    ],
)
def test_the_same_time_for_any_amount_of_data_is_a_symptom(text: str) -> None:
    assert "same-time-any-data" in facts_of(text)["symptoms"].value  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "When I submit it as a job it freezes after the start and outputs nothing more.",
        "The console prints nothing for half an hour.",
    ],
)
def test_a_console_that_says_nothing_is_a_symptom(text: str) -> None:
    assert "output-hidden" in facts_of(text)["symptoms"].value  # type: ignore[operator]
