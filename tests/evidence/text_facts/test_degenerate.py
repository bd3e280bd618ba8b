"""Texts that nobody would write, but that a program may: they are read in no time, and accuse nobody."""

from __future__ import annotations

import random
import time

import pytest

from holter.diagnosis.words import accuses, said

pytestmark = pytest.mark.slow  # together half a minute
NUMBERS = random.Random(1)
TEXTS = {
    "empty lines": "\n" * 100_000,
    "lines of blanks": " \t\n" * 50_000,
    "one line of blanks": " " * 2_000_000,
    "the same line": "Epoch 12 loss 0.5\n" * 100_000,
    "one line of 5 MB": "x" * 5_000_000,
    "digits": "".join(f"{NUMBERS.randrange(10**9)}\n" for _ in range(50_000)),
    "columns of digits": "1 2 3 4 5 6 7 8 9\n" * 50_000,
    "NUL": "\0" * 1_000_000,
    "lines of NUL": "\0\n" * 100_000,
    "prompts": "$ " * 60_000,
    "prompts without answer": "$ nproc\n\n" * 30_000,
    "percent": "100% " * 60_000,
    "a progress bar": "".join(f"\r{number}%|####" for number in range(50_000)),
    "marks of a quotation": "> \n" * 100_000,
    "frames of tables": "| x | y |\n" * 50_000,
    "heads of tables": "PID USER STAT COMMAND\n" * 30_000,
    "kernel": "[12345.678901] abc\n" * 50_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_degenerate_text_takes_no_time_and_accuses_nobody(name: str) -> None:
    began = time.process_time()
    found = said(TEXTS[name], "x.txt", is_prose=True)
    # Some tenths of a second on a free core; what grows with the square of the lines takes a minute.
    assert time.process_time() - began < 8.0
    assert not accuses(found), found


def test_an_output_that_only_names_a_network_share_accuses_nobody() -> None:
    assert not accuses(said("fs01:/data on /data type nfs4 (rw,relatime)\n", is_prose=True))
    assert not accuses(said("My data are on NFS, mounted from fs01.\n", is_prose=True))


def test_rows_of_a_table_leave_one_empty_line() -> None:
    from holter.evidence.text_facts.readouts.lines import without_rows

    row = "/dev/sda1 10G 1G 9G 10% /a\n"
    assert without_rows(f"before\n{row * 1000}after\n\n\n") == "before\n\nafter\n"
