"""Words that name a trouble get an answer of the kind that fits, also where they do not say what happened."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.diagnosis.result import DiagnosisResult
from holter.errors import NotALog


def told(text: str) -> DiagnosisResult:
    return read_pasted(io.BytesIO(text.encode()), "paste")


def named(text: str) -> list[str]:
    return [
        verdict.cause
        for verdict in told(text).diagnoses[-1].verdicts
        if verdict.verdict != "excluded" and verdict.score > 0
    ]


@pytest.mark.parametrize(
    ("text", "kind", "cause"),
    [
        ("mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 5: bea0", None, "faulty-host-hardware"),
        ("EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0", None, "faulty-host-hardware"),
        ("请问大家训练的时候 loss 会出现 nan 吗，和学习率有没有关系", "diverged", "loss-not-finite"),
        ("OpenBLAS blas_thread_init: pthread_create: Resource temporarily unavailable", "death", "process-limit"),
        ("=>> PBS: job killed: ncpus 12.1 exceeded limit 8 (sum)", "death", "external-kill"),
        ("The GPU becomes unavailable in my docker container after a while, why?", None, "container-lost-gpu"),
        ("docker 容器里显卡过一段时间就不可用了，求助", None, "container-lost-gpu"),
        ("我的程序训练完最后一轮以后不会退出，进程一直在，怎么办", "stall", "no-exit-after-finish"),
        ("Failed to initialize NVML: Driver/library version mismatch", "death", "gpu-driver-mismatch"),
        (
            "OpenBLAS blas_thread_init: pthread_create failed for thread 9 of 64: Resource temporarily unavailable\n"
            "OpenBLAS blas_thread_init: ensure that your address space and process count limits are big enough\n"
            "OpenBLAS blas_thread_init: or set a smaller OPENBLAS_NUM_THREADS to fit into what you have available\n",
            "death",
            "process-limit",
        ),
        ("训练停掉以后显存无法自动释放，怎么办", None, "gpu-shared-or-zombie"),
        (
            "When training ends, memory of GPU 0 is released, but that of the others is not released. Why?",
            None,
            "gpu-shared-or-zombie",
        ),
        (
            "I've been getting `OpenBLAS blas_thread_init: RLIMIT_NPROC 512 current` from a library. Just FYI.",
            "death",
            "process-limit",
        ),
        ("ValueError: Caught ValueError in DataLoader worker process 3.", "death", "worker-exception"),
    ],
)
def test_a_named_trouble_is_answered(text: str, kind: str | None, cause: str) -> None:
    result = told(text)
    assert kind in (None, result.diagnoses[-1].episode.kind)
    assert named(text)[0] == cause


def test_a_kind_that_was_misread_does_not_hide_what_the_words_are_about() -> None:
    text = (
        "Windows 11, RTX 4070. Before the driver update I got an out of memory error with this batch size, now it does "
        "not fail: task manager shows dedicated GPU memory full and 6 GB of shared GPU memory in use, and a step takes "
        "20 times as long. Sysmem fallback?"
    )
    assert named(text)[0] == "vram-spill-to-host"


def test_a_line_without_a_traceback_makes_a_short_file_likely_and_not_certain() -> None:
    verdict = told("ValueError: mmap length is greater than file size\n").diagnoses[-1].verdicts[0]
    assert (verdict.cause, verdict.verdict) == ("truncated-preprocessed-file", "likely")


@pytest.mark.parametrize(
    "text", ["Kernel version 6.8, 64 CPUs, 256 GB of memory.\n", "All good, thank you!\n", "你好，谢谢\n"]
)
def test_a_text_that_names_no_trouble_is_no_episode(text: str) -> None:
    with pytest.raises(NotALog):
        told(text)
