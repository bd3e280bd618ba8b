"""What people type from a screen or copy out of an image, and what they paste cut off or twice."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.errors import NotALog
from holter.evidence.text_facts.resemblance import resembles
from holter.evidence.text_facts.spelling import respelled
from holter.reports.catalogue import phrase


def pasted(text: str) -> DiagnosisResult:
    return read_pasted(io.BytesIO(text.encode()), "paste.txt")


def first(result: DiagnosisResult, episode: int = -1) -> tuple[str, str]:
    verdict = result.diagnoses[episode].verdicts[0]
    return verdict.cause, verdict.verdict


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "照着屏幕打的：\nRuntime Error : CUDA eror: out of memery. Tried to alocate 3.20 GiB (GPU O)\n",
            "gpu-out-of-memory",
        ),
        (
            "RuntimeError : unabIe to open shared memory object </t> in read-write mode : No space Ieft on device\n",
            "shm-too-small",
        ),
    ],
)
def test_misspelt_messages_are_understood_and_the_words_named(text: str, cause: str) -> None:
    result = pasted(text)
    assert first(result) == (cause, "likely")
    assert any(note.key == "target.respelt" for note in result.notes)


@pytest.mark.parametrize(
    "text",
    [
        "The nodule is near the brain stem; please contact the station. Is the score usable?\n",
        "Hi, it does not work. Any idea?\n",
        "pancreas, lung and brain labels, seven of them, citation below\n",
    ],
)
def test_other_words_are_no_mistakes(text: str) -> None:
    assert respelled(text) == (text, ())
    with pytest.raises(NotALog):
        pasted(text)


ECHO = """2025-04-02 21:14:33.871023: Epoch 37
Exception in thread Thread-2 (results_loop):
Traceback (most recent call last):
  File "/e/lib/python3.10/threading.py", line 953, in run
    self._target(*self._args, **self._kwargs)
  File "/e/batchgenerators/dataloading/nondet_multi_threaded_augmenter.py", line 103, in results_loop
    raise RuntimeError("One or more background workers are no longer alive. Exiting. Please check the pr"""


def test_a_sentence_that_only_repeats_is_known_where_its_traceback_is_cut_off() -> None:
    assert first(pasted(ECHO))[0] == "secondary-worker-message"


STEP = "2025-05-0{day} 10:0{minute}:{second:02}.000001: {text}\n"


def run(day: int, epochs: tuple[int, ...], loss: str) -> str:
    lines = []
    for minute, epoch in enumerate(epochs):
        said = (f"Epoch {epoch}", f"train_loss {loss}", f"val_loss {loss}", "Epoch time: 59.0 s")
        lines += [
            STEP.format(day=day, minute=minute, second=59 if number else 0, text=text)
            for number, text in enumerate(said)
        ]
    return "".join(lines)


FULL = "Exception in background worker 3:\n [Errno 28] No space left on device: '/data/x.npy'\n"


def test_losses_that_are_no_numbers_are_named_from_a_log() -> None:
    result = pasted(run(1, (0, 1), "-0.3") + run(2, (2, 3), "nan"))
    assert first(result) == ("loss-not-finite", "confirmed")
    assert [diagnosis.episode.kind for diagnosis in result.diagnoses] == ["diverged"]


def test_a_run_that_begins_again_without_a_header_is_judged_by_itself() -> None:
    result = pasted(run(1, (0, 1), "-0.3") + FULL + run(2, (1, 2, 3), "nan"))
    assert "starts: 2" in phrase(result.notes[0], "en")
    assert first(result) == ("loss-not-finite", "confirmed")
    assert len(result.diagnoses) == 1
    assert "Start 1 of 2" in phrase(result.notes[1], "en") and "No space left" in phrase(result.notes[1], "en")


def test_a_log_and_a_console_of_one_run_are_one_start() -> None:
    lines = run(1, (0, 1), "-0.3").splitlines(keepends=True)
    result = pasted("".join(line + line for line in lines) + FULL)
    assert "starts: 1" in phrase(result.notes[0], "en")


def test_two_witnesses_of_one_kill_are_one_kill() -> None:
    result = pasted(
        "Epoch 12:  43%| 431/1000\nslurmstepd: error: Detected 1 oom_kill event in StepId=9.0. Some of the step tasks "
        "have been OOM Killed.\nsrun: error: gpu07: task 0: Out Of Memory\n"
    )
    assert {fact.name: fact.value for fact in result.diagnoses[-1].facts}["oom.kills"] == 1


@pytest.mark.parametrize("words", ["Access is denied.", "拒绝访问。"])
def test_what_blosc2_prints_on_windows_needs_no_traceback(words: str) -> None:
    text = f"2025-03-02 23:38:50.808189: Desired fold for training: 0\nMessage for the error 5:\n{words}\n\n"
    assert first(pasted(text))[0] == "blosc2-io"
    assert first(pasted(f"nnUNetv2_train 120 2d 0 shows\nMessage for the error 5:\n{words}\n")) == (
        "blosc2-io",
        "likely",
    )


def test_a_circumstance_does_not_come_before_an_error() -> None:
    text = (
        "PermissionError: [Errno 13] Permission denied: '/home/me/nnUNet_raw_data_base/nnUNet_cropped_data'\n\n"
        "It came when I set up the paths. By the way, I run the model on WSL Ubuntu.\n"
    )
    named = [verdict.cause for verdict in pasted(text).diagnoses[-1].verdicts]
    assert named.index("main-exception") < named.index("wsl2-limits")


def test_prose_below_a_blank_line_is_no_part_of_the_message() -> None:
    result = pasted('ValueError: bad shape (3,)\n\nDear all, I ran into this with "ValueError: bad shape (3,)".\n')
    values = {fact.name: fact.value for fact in result.diagnoses[-1].facts}
    assert values["exception.first"] == "ValueError: bad shape (3,)"


def test_a_missing_compiler_is_named_without_a_wrapper() -> None:
    line = "RuntimeError: Failed to find C compiler. Please specify via CC environment variable."
    assert first(pasted(f"{line}\n\nI run the training on an instance with an RTX 3090.\n"))[0] == (
        "compile-toolchain-broken"
    )


def test_the_heading_of_a_traceback_speaks_for_no_cause() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\nValueError: bad shape (3,)\n'
    fits = resembles(text, {"exception.role": "main"})
    assert fits and not any("recent" in fit.words or "traceback" in fit.words for fit in fits)
