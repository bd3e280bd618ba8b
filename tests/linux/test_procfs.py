"""Small kernel files."""

from __future__ import annotations

import os
import signal

import pytest

from holter.linux.procfs import catches, read_text

STATUS = "Name:\tpython\nSigIgn:\t0000000001001000\nSigCgt:\t0000000100000a02\nCapInh:\t0000000000000000\n"


@pytest.mark.parametrize(
    ("number", "is_caught"), [(2, True), (10, True), (12, True), (33, True), (1, False), (9, False)]
)
def test_a_handler_is_a_bit_of_the_mask_of_caught_signals(number: int, is_caught: bool) -> None:
    assert catches(STATUS, number) is is_caught


@pytest.mark.parametrize("status", [None, "", "Name:\tpython\n", "SigCgt:\tbroken\n"])
def test_a_status_that_does_not_say_it_has_no_handler(status: str | None) -> None:
    assert not catches(status, signal.SIGUSR2)


def test_our_own_handlers_are_seen() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        assert catches(read_text(f"/proc/{os.getpid()}/status"), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
