"""A preface, a politeness or a check that was made takes nothing from a trouble that is stated below it."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.evidence.text_facts.genre.events import complains, tells_event

PREFIXED = (
    "CI: training crashes with Bus error in the container, 64 MB /dev/shm. Every fold dies at the first batch.",
    "Build: nnU-Net 2.5.1 with torch 2.4 on our A100 server.\nMy training hangs after epoch 5, GPU utilisation is 0 % "
    "and nothing is printed for hours.",
    "Docs: I followed the documentation and the training crashed with RuntimeError: One or more background workers are "
    "no longer alive.",
    "ci(nnunet): my training job was killed by the OOM killer, exit code 137",
    "build: torch 2.4\n训练到第5个epoch卡住，GPU利用率掉到0%，每个epoch从160秒变成25000秒",
    "CI: nightly training of fold 0 hangs in epoch 3, nothing is printed for two hours, GPU at 0 %.",
    "Perf: the GPU idles most of the time, nvidia-smi shows 12 % utilization, and all CPU cores are at 100 %.",
    "perf: my training slows down after a while. An epoch took 150 s in the morning, in the evening 1200 s.",
    "Fix: none so far. The training freezes at epoch 87 since the driver update, py-spy shows the main thread in "
    "queue.get.",
    "Note: training on our cluster slows down after a while. An epoch took 150 s in the morning, later 1200 s.",
    "Update: it happened again, the container's /dev/shm is full and the workers die with a bus error.",
    "CI：夜间训练在第3个epoch卡住，GPU利用率0%，两个小时没有任何输出。",
    "说明一下：服务器没有改过任何东西，昨天开始训练每到validation就死机，必须重启。",
)
POLITE = (
    'I know it is not a bug of Holter or nnU-Net. My training dies with "worker (pid 7) is killed by signal: Killed" '
    "on a box with 16 GB.",
    "It is not an error of the data: I checked all of them. The run crashed three times this week, always at night.",
    "There is not an error message, it simply died after six hours of training on our server.",
    "Just wondering if anybody has seen this. Our training gets slower and slower with every epoch on the cluster.",
    "不是错误，就是训练的时候程序老是崩，一点提示都没有，服务器重启了也一样。",
    "I know this may be a stupid question, but my workers get killed one after the other and then the training stops.",
    "Not sure if this is a bug: loss becomes nan in epoch 12 of the 3d_fullres configuration, with fp16.",
    'FYI, not a bug report. Our training died with "No space left on device" while it saved a checkpoint.',
    "Just asking before I buy a new card: training fails with CUDA out of memory on a 8 GB GPU at the first step.",
    "I'm only wondering why the RAM grows by 2 GB every epoch until the OOM killer ends the job after 9 hours.",
    "注意：不是代码的bug，是训练越来越慢，第一天每轮160秒，第三天每轮2000秒。",
    "不确定是不是bug，loss从第12个epoch开始变成nan，之前都正常。",
    "只是想问一下，训练到一半worker全部退出，提示RuntimeError: One or more background workers are no longer alive，"
    "是内存不够吗？",
    "单纯好奇，为什么我的训练GPU利用率只有10%，CPU全部跑满，一个epoch要40分钟？",
    "我知道可能不是nnU-Net的问题，但是多卡训练跑几个小时就卡死，NCCL超时。",
)
CHECKED = (
    "先检查了内存和磁盘，都没问题，训练还是每次到第5轮就卡死，GPU利用率0，重启也没用",
    "先确认了数据没问题，训练到第3轮显卡利用率掉到0%，一直卡着",
    "首先看到的是worker被杀了，然后主进程卡住，训练一整晚没有动静",
    "先看了日志没有报错，训练跑到第40轮进程就被杀了，机器只有32G内存。",
    "先确认过磁盘还有空间，可是保存checkpoint的时候还是报No space left on device。",
    "首先看到显存一直在涨，然后就报CUDA out of memory，batch size已经改成2了。",
    "docker里训练，先检查一下发现/dev/shm只有64M，然后一开多进程就Bus error。",
)


@pytest.mark.parametrize("text", [*PREFIXED, *POLITE, *CHECKED])
def test_a_trouble_below_a_preface_is_answered(text: str) -> None:
    assert tells_event(text)
    assert read_pasted(io.BytesIO(text.encode()), "x.txt").diagnoses


def test_a_preface_confirms_nothing() -> None:
    for text in PREFIXED[:4]:
        result = read_pasted(io.BytesIO(text.encode()), "x.txt")
        assert "confirmed" not in {verdict.verdict for each in result.diagnoses for verdict in each.verdicts}


@pytest.mark.parametrize(
    "text",
    [
        "build: bump the image\n\nWe observed that workers are killed in CI without this.",
        "ci(gpu): run the tests of the loader alone\n\nWe noticed that they hang beside others.",
        "docs: say what happens as /dev/shm fills\n\nWe found that the workers die.",
    ],
)
def test_the_message_of_a_commit_is_no_report(text: str) -> None:
    assert not tells_event(text)


def test_advice_to_check_is_no_complaint() -> None:
    assert not complains("训练卡住的话先看日志，再看GPU利用率。")
    assert not complains("训练崩溃，先检查内存。")
