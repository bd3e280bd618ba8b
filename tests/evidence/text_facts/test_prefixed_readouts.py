"""An output says the same in a quotation, in a list, behind the stamps of a cluster, and with Windows' line ends."""

from __future__ import annotations

import pytest

from evidence.text_facts.test_quiet_readouts import TWINS
from holter.diagnosis.words import accuses
from holter.evidence.text_facts import facts_of

PREFIXES = {
    "mail": "> ", "list": "    ", "tab": "\t", "kubectl": "2024-01-12T10:00:00.123456789Z stdout F ",
    "compose": "train-1  | ", "pod": "[pod/train-0/main] ", "srun": "0: ", "torchrun": "[rank0]: ",
    "journald": "Jan 12 10:00:00 node7 train[4711]: ",
}  # fmt: skip


# Words of the prefix itself.
OF_PREFIXES = ("resembles", "system.container", "system.os")


def facts(text: str) -> dict[str, object]:
    return {name: hit.value for name, hit in facts_of(text).items() if name not in OF_PREFIXES}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", TWINS)
def test_a_prefix_changes_no_fact(name: str, prefix: str) -> None:
    healthy, faulty, _ = TWINS[name]
    for text in (healthy, faulty):
        assert facts("".join(f"{PREFIXES[prefix]}{line}\n" for line in text.splitlines())) == facts(text)


@pytest.mark.parametrize("name", TWINS)
def test_line_ends_of_windows_change_no_fact(name: str) -> None:
    healthy, faulty, _ = TWINS[name]
    for text in (healthy, faulty):
        assert facts(text.replace("\n", "\r\n")) == facts(text)


def test_a_quoted_output_of_a_healthy_machine_is_no_story() -> None:
    for healthy, _, _ in TWINS.values():
        assert not accuses(facts_of("".join(f"> {line}\n" for line in healthy.splitlines())))


def test_blanks_below_a_head_keep_their_meaning() -> None:
    stack = (
        'Thread 4711 (idle): "MainThread"\n'
        "    __get_next_item (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:188)\n"
    )
    assert facts(stack)["main.waits_on"] == "batch-queue"
    assert facts("".join(f"    {line}\n" for line in stack.splitlines()))["main.waits_on"] == "batch-queue"


def test_the_file_system_that_the_kernel_closes_is_read_only() -> None:
    line = "[Fri Jan 12 20:47:29 2024] EXT4-fs (sda1): {}\n"
    assert facts(line.format("Remounting filesystem read-only"))["disk.read_only"] is True
    healthy = line.format("mounted filesystem with ordered data mode. Opts: errors=remount-ro")
    assert facts(healthy) == {}
