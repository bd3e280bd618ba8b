"""What a person looked at and found in order is a fact with the person's own sentence."""

from __future__ import annotations

import pytest

from holter.evidence.text_facts import read_facts


@pytest.mark.parametrize(
    ("text", "fact", "value"),
    [
        ("It is slow. iowait (wa) is 0.", "cpu.iowait_ratio", 0.0),
        ("It is slow. iowait is 85 %.", "cpu.iowait_ratio", 0.85),
        ("训练很慢。wa（等待I/O的CPU时间百分比）为0。", "cpu.iowait_ratio", 0.0),
        ("It is slow, and nothing else runs.", "host.others_cpu_ratio", 0.0),
        ("训练很慢，没有其他高负载进程运行。", "host.others_cpu_ratio", 0.0),
        ("It is slow. Swap is not used.", "swap.in_bytes_per_s", 0.0),
        ("训练很慢，交换分区未使用。", "swap.in_bytes_per_s", 0.0),
        ("GPU and CPU are both at 100 %. Then both drop to almost 0 %.", "cpu.run_busy_ratio", 0.02),
        ("GPU和CPU利用率保持在100%，随后突然降至接近0%。", "cpu.run_busy_ratio", 0.02),
        ("It is slow; 12 of 48 GB RAM are in use.", "memory.used_ratio", 0.25),
        ("训练很慢，系统内存使用约12GB/48GB。", "memory.used_ratio", 0.25),
        ("It is slow; 7 of 8 GB GPU memory are in use.", "gpu.memory_ratio", 0.875),
        ("训练很慢，GPU显存使用约7GB/8GB。", "gpu.memory_ratio", 0.875),
    ],
)
def test_a_quantity_is_read(text: str, fact: str, value: float) -> None:
    assert read_facts(text)[fact].value == value


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("The GPU drops to 0 %, the CPU does not.", "cpu.run_busy_ratio"),
        ("Loss and score both drop to almost 0.", "cpu.run_busy_ratio"),
        ("No other process uses the GPU, and it is slow.", "host.others_cpu_ratio"),
        ("It is slow. wandb is 0.15.", "cpu.iowait_ratio"),
        ("It crashes: no swap space left.", "swap.in_bytes_per_s"),
    ],
)
def test_what_only_looks_like_one_is_not(text: str, fact: str) -> None:
    assert fact not in read_facts(text)


def test_a_quotation_is_the_sentence_and_ends_with_a_word() -> None:
    text = (
        "The server is new. "
        + "It has many things to do, " * 8
        + "iowait is 0, "
        + "and more of them, " * 8
        + "so. Yes."
    )
    quote = read_facts(f"Training is slow. {text}")["cpu.iowait_ratio"].quote
    assert "iowait is 0" in quote
    assert quote.startswith("…")
    assert all(word in text for word in quote.strip("…").split(" "))
    assert read_facts("It is slow. Then iowait is 0. Nothing helps.")["cpu.iowait_ratio"].quote == "Then iowait is 0."


def test_times_are_quoted_as_they_were_written() -> None:
    text = "An epoch takes 160 seconds. Then it is slow, the next epoch took 25000 seconds, without an error."
    assert read_facts(text)["epochs.usual_s"].quote == "An epoch takes 160 seconds … the next epoch took 25000 seconds"
