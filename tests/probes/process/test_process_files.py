from __future__ import annotations

import subprocess
import sys

import pytest

from holter.probes.process.process_files import count_running_threads, parse_schedstat


def test_the_wait_for_a_cpu_is_told_in_seconds() -> None:
    assert parse_schedstat("47014000 1500000000 12\n") == pytest.approx(1.5)
    assert parse_schedstat("47014000 0 12\n") == 0.0


@pytest.mark.parametrize("text", [None, "", "0 0 0\n", "1 2\n", "a b c\n"])
def test_a_kernel_without_these_books_says_nothing(text: str | None) -> None:
    assert parse_schedstat(text) is None


def test_threads_of_a_process_that_is_gone_are_unknown() -> None:
    assert count_running_threads("/proc/0") is None
    program = "from holter.probes.process.process_files import count_running_threads as c; print(c('/proc/self'))"
    alone = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert alone.stdout == "1\n"
