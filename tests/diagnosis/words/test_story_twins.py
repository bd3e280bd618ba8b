"""Stories that differ from the first one in a single point, and in this point rule the licence out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from holter.diagnosis.logs import read_pasted
from holter.reports.terminal import print_diagnosis

VGPU = "vgpu-unlicensed"
ENGLISH = (
    "I train nnU-Net v2 in a virtual machine (Ubuntu, 12 vCPUs, 48 GB RAM) with a GRID T4-8Q, 8 GB. PyTorch 2.2.1. "
    "For the first 5 or 6 epochs GPU and CPU are both near 100 % and an epoch takes about 160 seconds. Then both drop "
    "to almost 0 % and stay there; the next epoch took 25000 seconds. There is no error message. iowait (wa) is 0, "
    "swap is not used, nothing else runs. I tried nnUNet_n_proc_DA=32, then 6, then 2, and a new conda environment."
)
CHINESE = (
    "问题现象\n在最初的5-6个epoch中，GPU和CPU利用率均保持在100%左右，但随后突然降至接近0%，epoch耗时从正常的160秒左右激增至25000秒。\n"
    "环境配置\n- 虚拟机，GPU：Grid T4-8Q（8GB显存）\n- CPU：12核，内存：48GB，PyTorch 2.2.1，nnUNetv2\n"
    "排查过程\nwa（等待I/O的CPU时间百分比）为0，没有其他高负载进程运行，交换分区未使用。尝试了nnUNet_n_proc_DA=32、6、2。\n"
)
CARD, CARD_ZH = "a GRID T4-8Q, 8 GB", "Grid T4-8Q（8GB显存）"
FIRST = "For the first 5 or 6 epochs"


def english(*changes: tuple[str, str], more: str = "") -> str:
    return _changed(ENGLISH, changes) + more


def chinese(*changes: tuple[str, str], more: str = "") -> str:
    return _changed(CHINESE, changes) + more


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


TWINS = {
    "plain": english((CARD, "a Tesla T4, 16 GB")),
    "pass-through": english((CARD, "a T4 in GPU passthrough, 16 GB")),
    "passed-through": english((CARD, "a T4 that is passed through to it")),
    "not-a-vgpu": english((CARD, "a Tesla T4"), more=" This is not a vGPU."),
    "no-vgpu": english((CARD, "a T4"), more=" We don't use vGPU."),
    "no-vm": english(("in a virtual machine", "on a server, no virtual machine"), (CARD, "a T4")),
    "status": english(more="\nnvidia-smi -q says License Status: Licensed (Expiry: 2027-1-1 0:0:0 GMT)."),
    "licensed": english(more=" The vGPU is licensed, I checked that."),
    "licence-valid": english(more=" The licence is valid."),
    "licence-ruled-out": english(more=" A missing vGPU licence was ruled out."),
    "not-the-licence": english(more=" The vGPU licence is not the problem."),
    "three-hours": english((FIRST, "For the first 3 hours")),
    "hours-in-words": english((FIRST, "For the first three hours")),
    "seventy-epochs": english((FIRST, "For the first 70 epochs")),
    "iowait": english(("iowait (wa) is 0", "iowait (wa) is 85 % and workers are in state D")),
    "bare-metal": english(more=" On bare metal exactly the same happens."),
    "workstation": english(more=" The same happens on a physical workstation."),
    "out-of-memory": english(("There is no error message.", "Then: RuntimeError: CUDA out of memory.")),
    "stopped": english(more=" ps shows one of the workers in state T (stopped)."),
    "zh-plain": chinese((CARD_ZH, "Tesla T4（16GB显存）")),
    "zh-pass-through": chinese((CARD_ZH, "Tesla T4（直通）")),
    "zh-not-a-vm": chinese(("虚拟机，", "不是虚拟机，没有使用vGPU，"), (CARD_ZH, "Tesla T4")),
    "zh-licensed": chinese(more="vGPU已授权。"),
    "zh-status": chinese(more="nvidia-smi -q 显示 License Status : Licensed"),
    "zh-licence-valid": chinese(more="vGPU许可证有效，没有过期。"),
    "zh-ruled-out": chinese(more="已排除vGPU许可问题。"),
    "zh-three-hours": chinese(("在最初的5-6个epoch中", "在最初的3个多小时里")),
    "zh-seventy-epochs": chinese(("5-6个epoch", "70个epoch")),
    "zh-iowait": chinese(("为0，没有", "高达85%，数据进程处于D状态，没有")),
    "zh-bare-metal": chinese(more="在没有虚拟化的物理工作站上也出现同样的问题。"),
}


def first(text: str) -> str:
    (diagnosis,) = read_pasted(io.BytesIO(text.encode()), "story.txt").diagnoses
    return next(verdict.cause for verdict in diagnosis.verdicts if verdict.verdict != "excluded")


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_the_story_itself(text: str) -> None:
    assert first(text) == VGPU


@pytest.mark.parametrize("text", TWINS.values(), ids=TWINS)
def test_a_twin_does_not_name_the_licence_first(text: str) -> None:
    assert first(text) != VGPU


def test_advice_and_adverts_below_an_article_state_nothing() -> None:
    more = "虚拟内存参数、自动清理策略。" * 40
    text = f"{CHINESE}我们也检查了日志，没有任何报错，换了新的环境以后也没有变化。" * 4 + f"\n解决方案\n{more}"
    (diagnosis,) = read_pasted(io.BytesIO(text.encode()), "story.txt").diagnoses
    symptoms = next(fact.value for fact in diagnosis.facts if fact.name == "symptoms")
    assert "windows-memory" not in symptoms


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_the_look_alikes_are_ruled_out_by_name_and_with_the_words(text: str) -> None:
    result = read_pasted(io.BytesIO(text.encode()), "story.txt")
    verdicts = {verdict.cause: verdict for verdict in result.diagnoses[0].verdicts}
    for cause in (
        "slow-storage", "cpu-starved-augmentation", "concurrent-jobs-contention", "swap-thrash", "gpu-thermal-or-power",
    ):  # fmt: skip
        assert verdicts[cause].verdict == "excluded", cause
    console = Console(width=100, file=io.StringIO())
    print_diagnosis(console, result.recording, result.diagnoses, "en", is_run=False)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for title in ("Slow storage", "Augmentation starves the GPU", "Others use the CPUs", "Swapping", "heat or power"):
        assert f"{title}: excluded." in shown
