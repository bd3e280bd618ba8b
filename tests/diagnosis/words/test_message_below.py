"""An exception's message may stand on the lines below its name: then it is read from there."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted

FRAMES = 'Traceback (most recent call last):\n  File "/x/a.py", line 3, in train_step\n    main()\n'


def facts(text: str) -> dict[str, object]:
    return {fact.name: fact.value for fact in read_pasted(io.BytesIO(text.encode()), "x").diagnoses[-1].facts}


@pytest.mark.parametrize("frames", ["", FRAMES], ids=["alone", "frames"])
@pytest.mark.parametrize(
    ("text", "first", "kind"),
    [
        ("RuntimeError:\nCUDA error: out of memory\n", "RuntimeError: CUDA error: out of memory", "cuda-oom"),
        ("RuntimeError:\n    CUDA error: out of memory\n", "RuntimeError: CUDA error: out of memory", "cuda-oom"),
        ("RuntimeError: \n\nCUDA error: out of memory\n", "RuntimeError: CUDA error: out of memory", "cuda-oom"),
        ("OSError\n[Errno 28] No space left on device\n", "OSError: [Errno 28] No space left on device", "no-space"),
        (
            "torch.cuda.OutOfMemoryError:\nCUDA out of memory. Tried to allocate 2 GiB\n",
            "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            "cuda-oom",
        ),
    ],
)
def test_the_message_below_the_name_is_read(frames: str, text: str, first: str, kind: str) -> None:
    found = facts(frames + text)
    assert (found["exception.first"], found["exception.kind"]) == (first, kind)


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError:\n2026-01-01 00:00:00: Epoch 5\n",
        f"{FRAMES}AssertionError\n\nWhat can I do about CUDA out of memory in general?\n",
    ],
)
def test_what_is_no_message_is_none(text: str) -> None:
    assert str(facts(text)["exception.first"]).partition(":")[2].strip() == ""


def test_a_message_that_the_terminal_broke_is_of_its_kind() -> None:
    assert facts(f"{FRAMES}RuntimeError: CUDA error: out of\nmemory\n")["exception.kind"] == "cuda-oom"
