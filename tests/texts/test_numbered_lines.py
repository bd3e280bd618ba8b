"""Line numbers of grep, cat, PowerShell and editors change nothing of what is read."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.targets import read_pipe
from holter.texts.prefixes import unnumbered

TRACEBACK = """\
Exception in background worker 4:
 shared memory
Traceback (most recent call last):
  File "/opt/conda/lib/python3.10/site-packages/batchgenerators/dataloading/x.py", line 53, in producer
    item = next(data_loader)
RuntimeError: Error while opening the file: '/data/pre/Dataset004/case_012.b2nd'
"""
LINES = TRACEBACK.splitlines()
FORMS = {
    "grep -n -A40": [f"{n}{':' if n == 1200 else '-'}{line}" for n, line in enumerate(LINES, 1200)],
    "grep -n of two files": [f"a-7.out{':' if n == 98 else '-'}{n}{':' if n == 98 else '-'}{line}"
                             for n, line in enumerate(LINES, 98)],
    "cat -n": [f"{n:6d}\t{line}" for n, line in enumerate(LINES, 1)],
    "Select-String": [f"{'> ' if n == 7 else '  '}console.txt:{n}:{line}" for n, line in enumerate(LINES, 7)],
    "editor": [f"{n:>4} | {line}" for n, line in enumerate(LINES, 9)],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_line_numbers_are_removed(form: str) -> None:
    assert unnumbered(["some words", *FORMS[form], "other words"]) == ["some words", *LINES, "other words"]


@pytest.mark.parametrize("form", FORMS)
def test_a_numbered_traceback_has_the_same_cause(form: str) -> None:
    def verdicts(text: str) -> list[tuple[str, str]]:
        (diagnosis,) = read_pipe(io.BytesIO(text.encode())).diagnoses
        return [(verdict.cause, verdict.verdict) for verdict in diagnosis.verdicts[:2]]

    assert verdicts("\n".join(FORMS[form])) == verdicts(TRACEBACK)


@pytest.mark.parametrize(
    "lines",
    [
        ["20:00:01        all     21.11", "21:00:01        all     22.11", "22:00:01        all     22.11"],  # sar
        ["11-01-2024 10:00 a", "12-01-2024 10:00 b", "13-01-2024 10:00 c"],
        ["12:55 Epoch 1", "13:02 Epoch 2"],
        ["1:59:59 Epoch 1", "2:00:08 Epoch 2"],
        ["2024-12-31 Epoch 1", "2025-01-01 Epoch 2"],
        ["01:00.0 VGA compatible controller: NVIDIA", "02:00.0 3D controller: NVIDIA"],  # lspci
        ["2024-01-12 20:40:29: Epoch 1", "2024-01-12 20:43:29: Epoch 2"],
        ["   4790 S+ python", "   4791 S+ python", "   4792 D+ python"],  # ps
        [" 24:          0        412   IR-PCI-MSI", " 25:          0        401   IR-PCI-MSI"],  # /proc/interrupts
        ["1: lo: <LOOPBACK>", "    link/loopback", "2: eth0: <BROADCAST>"],
    ],
)
def test_other_numbers_stay(lines: list[str]) -> None:
    assert unnumbered(lines) == lines
