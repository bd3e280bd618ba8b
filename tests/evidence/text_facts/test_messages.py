"""Known messages: found anywhere in a line, whatever stands around them, with all facts at once."""

from __future__ import annotations

import pytest

from holter.evidence.stated.read import read_stated
from holter.evidence.text_facts import facts_of
from holter.evidence.vocabulary import NAMES

BUS_ERROR = (
    "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus error. It is possible that dataloader's "
    "workers are out of shared memory. Please try to raise your shared memory limit."
)
KILLED = "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Killed."
OOM = "[12345.678] Out of memory: Killed process 4161 (python) total-vm:51234567kB"
NO_COMPILER = "RuntimeError: Failed to find C compiler. Please specify via CC environment variable."
NCCL = (
    "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=42, OpType=ALLREDUCE, Timeout(ms)=1800000) "
    "ran for 1800123 milliseconds before timing out."
)
MESSAGES = {
    "bus-error": (BUS_ERROR, {"worker.exit_signal": 7, "shm.trouble": "no-room", "worker.role": "train-worker"}),
    "killed": (KILLED, {"worker.exit_signal": 9, "worker.role": "train-worker"}),
    "oom": (OOM, {"oom.kills": 1, "episode.kind": "death"}),
    "compiler": (NO_COMPILER, {"exception.kind": "compile", "compile.missing": "compiler"}),
    "old-compiler": (
        "/tmp/tmpa1/main.c:354:3: error: 'for' loop initial declarations are only allowed in C99 mode",
        {"exception.kind": "compile", "compile.missing": "old-compiler"},
    ),
    "opencv-threads": (
        "[ERROR:0] global /io/opencv/parallel_impl.cpp (234) WorkerThread 21: Can't spawn new thread: res = 11",
        {"limit.reached": "processes", "episode.kind": "death"},
    ),
    "nccl": (NCCL, {"exception.kind": "nccl-timeout", "ddp.timed_out": "ALLREDUCE"}),
    "descriptors": ("OSError: [Errno 24] Too many open files", {"exception.kind": "descriptors"}),
    "xid": (
        "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.",
        {"gpu.xid_kind": "gone", "gpu.trouble": "lost"},
    ),
    "nvml": ("Failed to initialize NVML: Unknown Error", {"gpu.trouble": "forbidden"}),
    "time-limit": (
        "slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2026-03-01T10:00:00 DUE TO TIME LIMIT ***",
        {"main.time_limit": True, "main.exit_signal": 15},
    ),
    "exit-code": ("Process finished with exit code 137 (interrupted by signal 9: SIGKILL)", {"main.exit_signal": 9}),
    "windows": ("OSError: [WinError 1455] 页面文件太小，无法完成操作。", {"system.os": "windows"}),
    "licence": (
        "        License Status                : Unlicensed (Restricted)",
        {"gpu.licence_text": "Unlicensed (Restricted)"},
    ),
    "nan": ("2026-03-01 10:00:00.1: train_loss nan", {"episode.kind": "diverged"}),
}  # fmt: skip
AROUND = (
    "{}",
    "- {}",
    "> {}",
    "`{}`",
    "2026-03-01T10:00:00.000000000Z stderr F {}",
    "[rank1]: {}",
    "I get this: {} why?",
)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_means_the_same_wherever_it_stands(message: str, expected: dict[str, object], around: str) -> None:
    found = facts_of(around.format(message))
    assert {name: found[name].value for name in expected} == expected
    assert set(found) <= NAMES


@pytest.mark.parametrize("name", ["descriptors", "compiler", "nccl"])
def test_the_same_text_gives_the_same_facts_by_an_evidence_file(name: str) -> None:
    message, expected = MESSAGES[name]
    content = b'{"facts": {"exception.first": "%s"}}' % message.encode()
    evidence = read_stated(content, "evidence.json").evidence
    assert {fact: evidence.fact(fact).value for fact in expected if fact != "episode.kind"} == expected


def test_a_line_of_code_in_a_traceback_is_no_message() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/v/a.py", line 103, in results_loop\n'
        '    raise RuntimeError("One or more background workers are no longer alive. Exiting.")\nKeyboardInterrupt\n'
    )
    assert "echo.says" not in facts_of(text)


@pytest.mark.parametrize(
    ("text", "symptom"),
    [
        ("iowait is 0 and the disk is fast", "waits-for-disk"),
        ("交换分区未使用", "swap-full"),
        ("没有其他高负载进程", "others-use-cpu"),
        ("swap is not used", "swap-full"),
        ("the GPU is not hot, no thermal throttling", "hot"),
    ],
)
def test_what_is_ruled_out_is_no_symptom(text: str, symptom: str) -> None:
    found = facts_of(text).get("symptoms")
    assert found is None or symptom not in found.value


@pytest.mark.parametrize(
    ("text", "symptom"),
    [
        ("top shows 43.0 wa and the GPU waits", "waits-for-disk"),
        ("16 GB RAM are full and so is the swap", "swap-full"),
        ("所有进程都在同一个核上", "one-core"),
        ("with num_workers=0 it works", "fine-without-workers"),
        ("单卡正常，双卡卡住", "one-gpu-fine"),
        ("kill 之后显存没有释放", "gpu-memory-held"),
    ],
)
def test_symptoms_are_read_in_both_languages(text: str, symptom: str) -> None:
    assert symptom in facts_of(text)["symptoms"].value


@pytest.mark.parametrize(
    "text",
    [
        "an epoch takes 160 s, then suddenly 25000 s",
        "epoch 从 160 秒变成了 25000 秒",
        "epochs take 25000 seconds instead of 160 seconds",
        "每个 epoch 耗时从正常的 160 秒激增至 25000 秒",
    ],
)
def test_epoch_times_before_and_after(text: str) -> None:
    found = facts_of(text)
    assert (found["epochs.usual_s"].value, found["epochs.recent_s"].value) == (160.0, 25000.0)
    assert found["epochs.shape"].value == "step-up"


def test_headers_are_missing_although_the_error_below_is_cut_off() -> None:
    text = (
        "In file included from /usr/include/python3.10/Python.h:8,\n                 from /tmp/tmp8/main.c:5:\n/usr/inc"
    )
    assert facts_of(f"My training dies:\n{text}")["compile.missing"].value == "python-headers"
