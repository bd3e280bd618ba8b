"""One unit for sizes: the same memory reads the same in every report, check and log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holter
from holter.reports.catalogue.filling import Filler
from holter.sizes import GIB, KIB, MIB, format_bytes, format_number

# Text for people; messages that PyTorch, numpy and Slurm wrote are quoted with their own units elsewhere.
SOURCE = Path(holter.__file__).parent


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (2_560, "2.5 KiB"), (512 * MIB, "512 MiB"), (64 * MIB, "64 MiB"),
        (1000 * MIB, "1000 MiB"), (GIB, "1 GiB"), (1.52 * GIB, "1.52 GiB"), (24 * GIB, "24 GiB"),
        (23.69 * GIB, "23.7 GiB"), (100 * GIB, "100 GiB"), (128.4 * GIB, "128 GiB"), (GIB - 1, "1 GiB"),
        (9.999 * GIB, "10 GiB"), (99.96 * GIB, "100 GiB"), (4 << 40, "4 TiB"), (5000 << 50, "5000 PiB"),
        (-3 * MIB, "-3 MiB"), (0.4, "0 B"),
    ],
)  # fmt: skip
def test_a_size_has_three_digits_and_a_binary_unit(count: float, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(4003.0, "4003"), (10008.4, "10008"), (2.257, "2.26"), (0.0004, "0.0004"), (1e-7, "0.0000001"), (-12.34, "-12.3"),
     (0.0, "0"), (7, "7"), (123456, "123456"), (float("nan"), "nan"), (float("inf"), "inf")],
)  # fmt: skip
def test_a_number_has_no_exponent_and_no_false_digits(value: float, words: str) -> None:
    assert format_number(value) == words


@given(st.integers(0, 1 << 55))
def test_a_size_is_within_half_a_percent_of_what_it_says(count: int) -> None:
    number, unit = format_bytes(count).split(" ")
    scale = KIB ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].index(unit)
    assert abs(float(number) * scale - count) <= 0.005 * count
    assert float(number) < 1024 and len(number) <= 4


def test_sentences_write_sizes_in_the_same_way() -> None:
    assert Filler(lambda *_, **__: "").fill("{free:bytes} left", {"free": 25.8e9}) == f"{format_bytes(25.8e9)} left"
    assert format_bytes(25.8e9) == "24 GiB"


def test_nothing_else_turns_bytes_into_text() -> None:
    own = re.compile(r"/ ?(?:1e[69]|10 ?\*\* ?9|2 ?\*\* ?[23]0)[^\n]*(?:MB|GB|GiB|MiB)")
    found = [
        f"{file.relative_to(SOURCE)}: {line.strip()}"
        for file in sorted(SOURCE.rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if own.search(line) and "#" not in line
    ]
    assert found == []
