"""A word of negation denies what stands beside it, and nothing else: half of these cases are near misses."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.evidence.text_facts import read_facts


def values(text: str) -> dict[str, object]:
    return {name: hit.value for name, hit in read_facts(text).items()}


DENIED = {
    "no CUDA out of memory, the training just stands still.": "exception.kind",
    "There was never a CUDA out of memory error, it is only slow.": "exception.kind",
    "The training is slow. It is not OOM.": "exception.kind",
    "We don't use docker. The training hangs.": "system.container",
    "It hangs without any sign of an Xid 79 in dmesg.": "gpu.xid_kind",
    "I have not seen 'No space left on device' anywhere, but it stops.": "disk.error",
    "I ruled out a full disk: no 'No space left on device'.": "disk.error",
    "This is not a Windows 11 machine, and it hangs.": "system.os",
    "It hangs. We use neither docker nor kubernetes.": "system.container",
    "It hangs. No docker, kubernetes or singularity here.": "system.container",
    "CUDA out of memory was ruled out; the epochs are slow.": "exception.kind",
    "A segfault does not occur, it is just slow.": "main.exit_signal",
    "The process was never killed by the OOM killer.": "oom.kills",
    "It doesn't look like an NCCL timeout, it is slow.": "exception.kind",
    "not because of too many open files; it is slow": "exception.kind",
    "Docker: no. Training hangs after epoch 3.": "system.container",
    "没有出现CUDA out of memory，就是很慢。": "exception.kind",
    "没有报过显存不足，训练很慢。": "exception.kind",
    "训练卡住了，不是在docker里跑的。": "system.container",
    "没有使用容器，训练卡住。": "system.container",
    "训练很慢，已排除显存不足。": "exception.kind",
    "磁盘空间不足的问题已经排除，训练还是很慢。": "disk.error",
    "并没有发生段错误，只是很慢。": "main.exit_signal",
    "没有docker、kubernetes或singularity，训练卡住。": "system.container",
    "训练变慢，不是WSL2。": "never: see below",
    "The training did not crash, it is only slow.": "never: a death",
    "没有崩溃，只是训练很慢。": "never: a death",
    "I have never seen a CUDA out of memory on this machine, it hangs.": "exception.kind",
    "I have not seen CUDA out of memory or anything like that, it hangs.": "exception.kind",
    "I never had a CUDA out of memory like this user; it hangs.": "exception.kind",
    "I have never seen CUDA out of memory in the other runs either; it hangs.": "exception.kind",
    "There was no such CUDA out of memory; it just hangs.": "exception.kind",
    "No CUDA out of memory this time, it hangs.": "exception.kind",
    "I have not seen any CUDA out of memory, and the epochs were never this long.": "exception.kind",
    "It hangs. CUDA out of memory never happened on this machine.": "exception.kind",
    "从来没有出现过这种显存不足，训练卡住。": "exception.kind",
    "没有遇到过这样的显存不足，训练卡住。": "exception.kind",
}
NEAR_MISSES = {
    "not only OOM: CUDA out of memory in every fold": "exception.kind",
    "no error at first, then CUDA out of memory": "exception.kind",
    "It cannot write the checkpoint because: No space left on device": "disk.error",
    "I have no idea why: CUDA out of memory.": "exception.kind",
    "I am not sure whether it is CUDA out of memory": "exception.kind",
    "nnU-Net does not work in docker, it hangs.": "system.container",
    "It won't start on Windows 11.": "system.os",
    "CUDA out of memory cannot be ruled out.": "exception.kind",
    "We have not ruled out CUDA out of memory.": "exception.kind",
    "It never trains an epoch without CUDA out of memory.": "exception.kind",
    "There was no CUDA out of memory until the update.": "exception.kind",
    "No epoch is finished. CUDA out of memory": "exception.kind",
    "RuntimeError: not enough values. Killed by the OOM killer": "oom.kills",
    "Nothing but CUDA out of memory.": "exception.kind",
    "It is no longer a surprise: Segmentation fault (core dumped)": "main.exit_signal",
    "Without warning: Bus error (core dumped)": "main.exit_signal",
    "The loss does not go down, and then Killed process 77 (python)": "oom.kills",
    "No space left on device": "disk.error",
    "Isn't this CUDA out of memory?": "exception.kind",
    "不仅显存不足，还很慢": "exception.kind",
    "无法训练：CUDA out of memory": "exception.kind",
    "没过多久就报显存不足": "exception.kind",
    "没有报错，显存不足": "exception.kind",
    "是不是显存不足？": "exception.kind",
    "不能排除显存不足。": "exception.kind",
    "更新之前没有显存不足，直到昨天。显存不足": "exception.kind",
    "没法在docker里训练，一直卡住": "system.container",
    "不停地报显存不足": "exception.kind",
    # Complaints.
    "I have never seen a CUDA out of memory like this.": "exception.kind",
    "I've never had a CUDA out of memory error like that in my life": "exception.kind",
    "We have not seen CUDA out of memory this early.": "exception.kind",
    "I have never seen such a CUDA out of memory.": "exception.kind",
    "I have never seen a CUDA out of memory on any other machine.": "exception.kind",
    "I haven't seen a Bus error like this one": "main.exit_signal",
    "I had never got 'No space left on device' so often": "disk.error",
    "I had never experienced such an Xid 79 error": "gpu.xid_kind",
    "CUDA out of memory has never happened like this.": "exception.kind",
    "I have never seen it crashing like this": "episode.kind",
    "从来没见过这样的显存不足": "exception.kind",
    "没遇到过这么奇怪的 CUDA out of memory": "exception.kind",
}


@pytest.mark.parametrize(("text", "fact"), DENIED.items(), ids=DENIED)
def test_what_is_denied_is_no_fact(text: str, fact: str) -> None:
    found = values(text)
    assert found.get(fact) in (None, "none")
    assert found.get("episode.kind") != "death"


@pytest.mark.parametrize(("text", "fact"), NEAR_MISSES.items(), ids=NEAR_MISSES)
def test_what_a_word_of_negation_does_not_reach_is_a_fact(text: str, fact: str) -> None:
    assert fact in values(text)
    assert values(text)[fact] != "none"


@pytest.mark.parametrize(
    ("text", "fact", "value"),
    [
        ("It hangs. This is not a vGPU.", "gpu.virtualization", "none"),
        ("It hangs, and it is not a virtual machine.", "system.virtual_machine", "none"),
        ("训练卡住，不是虚拟机。", "gpu.virtualization", "none"),
        ("训练卡住，没有使用vGPU。", "gpu.virtualization", "none"),
        ("It is slow. The vGPU is licensed.", "gpu.licence_text", "Licensed"),
        ("It is slow. A missing vGPU licence was ruled out.", "gpu.licence_text", "Licensed"),
        ("训练很慢，vGPU已授权。", "gpu.licence_text", "Licensed"),
        ("训练很慢，vGPU许可证有效。", "gpu.licence_text", "Licensed"),
        ("训练很慢，许可证没有过期。", "gpu.licence_text", "Licensed"),
        ("It is slow. There is no vGPU licence.", "gpu.licence_text", "Unlicensed"),
        ("It is slow. The vGPU is not licensed.", "gpu.licence_text", "Unlicensed"),
        ("训练很慢，vGPU未授权。", "gpu.licence_text", "Unlicensed"),
        ("It hangs. We don't use docker.", "system.container", "none"),
        ("It is slow, but not on WSL2.", "system.virtual_machine", "none"),
    ],
)
def test_what_is_denied_has_an_opposite(text: str, fact: str, value: str) -> None:
    assert values(text)[fact] == value


def test_no_licence_leaves_the_gpu_virtual() -> None:
    assert values("It is slow. There is no licence for our vGPU GRID T4-8Q.")["gpu.virtualization"] == "vgpu"


def test_a_quotation_is_whole_also_beside_what_is_denied() -> None:
    found = read_facts("No docker here, no CUDA out of memory, and the training hangs.")
    assert found["episode.kind"].quote == "No docker here, no CUDA out of memory, and the training hangs."


def test_a_denied_error_leads_to_no_cause_of_it() -> None:
    text = "nnU-Net training becomes slow after some hours. There is no CUDA out of memory and no other error."
    (diagnosis,) = read_pasted(io.BytesIO(text.encode()), "story.txt").diagnoses
    first = next(verdict for verdict in diagnosis.verdicts if verdict.verdict != "excluded")
    assert first.cause != "gpu-out-of-memory"


def test_what_a_program_prints_denies_nothing() -> None:
    text = "RuntimeError: not CUDA out of memory\n2026-01-01 00:00:00: no CUDA out of memory"
    assert values(text)["exception.kind"] == "cuda-oom"
