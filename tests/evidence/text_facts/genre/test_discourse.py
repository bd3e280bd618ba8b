"""Documentation explains what may happen; a report says what did."""

from __future__ import annotations

import io

import pytest
from benchmarks.truth.cases import KEPT_BACK
from benchmarks.truth.quiet import texts

from holter.diagnosis.logs import read_pasted
from holter.errors import HolterError
from holter.evidence.text_facts import read_facts
from holter.evidence.text_facts.genre.events import complains, tells_event

QUIET = dict(texts(without=KEPT_BACK))


def accused(text: str) -> list[str]:
    try:
        result = read_pasted(io.BytesIO(text.encode()), "x.txt")
    except HolterError:
        return []
    return [diagnosis.verdicts[0].cause for diagnosis in result.diagnoses]


@pytest.mark.parametrize("name", QUIET)
def test_a_text_without_a_fault_accuses_nobody(name: str) -> None:
    assert accused(QUIET[name]) == []


REPORTS = (
    "My training dies with `RuntimeError: One or more background workers are no longer alive`, see the table below.",
    "If I use more than two workers, for example four, training stops with Bus error. What does that mean?",
    "训练到第 3 个 epoch 就报 CUDA out of memory，请问怎么办？例如 batch size 要改吗？",
    'Traceback (most recent call last):\n  File "x.py", line 2, in f\n    g()\nOSError: [Errno 28] No space on device',
    "Since Monday every run is killed by the OOM killer; see the log, such as it is.",
)


@pytest.mark.parametrize("text", REPORTS)
def test_a_report_that_uses_the_words_of_documentation_stays_a_report(text: str) -> None:
    assert tells_event(text)
    assert accused(text)


ALIKE = (
    # A batch size resembles the cause that an epoch is counted in steps; nobody complains.
    "Batch size of the prediction\n\nHello, does the prediction use the batch size of the training? Thanks!",
    "The number of iterations per epoch is a constant of the trainer. It would be more correct to compute it from the "
    "batch size and the number of GPUs.",
    "Checkpoints need a lot of disk space here. Keep fewer of them.",
    "校准的目的是让不同显卡数量下的训练行为一致，不考虑是否会 OOM。"
    "全局 batch size 相同时，8 卡梯度累积 2 次和 16 卡累积 1 次应当等价。",
)


@pytest.mark.parametrize("text", ALIKE)
def test_likeness_alone_accuses_nobody(text: str) -> None:
    assert not complains(text)
    assert accused(text) == []


def test_the_time_of_all_epochs_is_no_slow_epoch() -> None:
    one = "您好，1 个 epoch 大概 818 s，"
    assert "epochs.times_usual" not in read_facts(f"{one}1000 个 epoch 大概需要 227 小时。")
    assert "epochs.times_usual" in read_facts(f"{one}后来的 epoch 需要 5 小时。")


CHANGES = (
    "fix(loader): fix oom in the workers\n\nWe observed that after training for a while OOM was raised in the workers. "
    "We force spawn to fix the memory leak.",
    "Mitigate a memory leak in training runs\n\nThe workers have a leak, maybe of the library h5py. We already create "
    "them again each epoch, so removing this fixes it.",
    "There is an option of the loader, persistent_workers=True. I believe this will reduce the overhead of spawning "
    "workers. Thoughts?",
    "你是不是一跑就炸显存？别急，这篇文章手把手教你解决，显存溢出严重时还会导致系统卡死。常见错误：\n"
    "RuntimeError: CUDA out of memory. Tried to allocate ...\n序号 | 原因\n① | Batch Size 太大",
)


@pytest.mark.parametrize("text", CHANGES)
def test_a_change_a_wish_and_a_guide_accuse_nobody(text: str) -> None:
    assert accused(text) == []


def test_who_is_only_curious_complains_of_nothing() -> None:
    trouble = "Larger batches are slow."
    assert complains(trouble)
    assert not complains(f"{trouble} I'm just curious. Which number of epochs is recommended?")
    assert not complains(f"{trouble} This is not a bug report.")
    # Who has the trouble is answered, however politely it is put.
    assert complains("My training is slow, an epoch takes two hours. I'm just curious, is that normal?")


COMPLAINTS = (
    "The same script returns at once on Linux. On Windows python.exe just stays, forever as it seems, and I left it "
    "over a weekend.",
    "After the case verse610 the training does nothing for six hours. I cannot read dmesg.",
    "自己写的 trainer，第一个 train_step 就：\nTypeError: forward() missing 1 required positional argument\n"
    "单独 forward 我测过。",
    "新手求教，训练两秒之后就报错\n\n-  RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; "
    "2.00 GiB total capacity) If reserved memory is >> allocated memory try setting max_split_size_mb. See "
    "documentation for it\n\n求助",
    "请问训练需要多大的内存？我把 batch size 设为10还是会OOM",
    "我用 24GB 的显卡训练自己的数据，batch size 最多 16，设为 32 就会显示显存不足了，请问怎么降低显存？",
)


@pytest.mark.parametrize("text", COMPLAINTS)
def test_a_complaint_without_a_known_message_is_answered(text: str) -> None:
    assert complains(text)
    assert accused(text)
