from __future__ import annotations

import re

import pytest

from holter.linux.syscalls import ON_A_DESCRIPTOR, names_of, parse_syscall, syscall_name
from needs import require
from tools import KERNEL_HEADERS

# The generic header names some calls by macros: the names that 64-bit kernels give them.
GENERIC = {"newfstatat": "3264_fstatat", "lseek": "3264_lseek", "mmap": "3264_mmap", "fcntl": "3264_fcntl",
           "statfs": "3264_statfs", "fstatfs": "3264_fstatfs", "truncate": "3264_truncate", "fstat": "3264_fstat",
           "ftruncate": "3264_ftruncate", "sendfile": "3264_sendfile", "fadvise64": "3264_fadvise64"}  # fmt: skip


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    header = KERNEL_HEADERS[machine]
    if not header.exists():  # that of another machine's kernel need not be there
        require("kernel-headers")
        pytest.skip(f"no {header}")
    found = re.findall(r"#define __NR(?:_|(?=3264_))(\w+)\s+(\d+)", header.read_text())
    witness = {name: int(number) for name, number in found}
    names = names_of(machine)
    assert names is not None
    compared = 0
    for number, name in names.items():
        known = witness.get(name, witness.get(GENERIC.get(name, "")))
        if known is not None:  # an older header lacks the newest calls
            assert (name, known) == (name, number)
            compared += 1
    assert compared >= len(names) - 3


def test_a_read_tells_its_descriptor() -> None:
    line = "17 0x5 0x7f01 0x1000 0x0 0x0 0x0 0x7ffc 0x7f02"
    assert parse_syscall(line, "D", "x86_64") == ("pread64", 5)
    assert parse_syscall("67" + line[2:], "D", "aarch64") == ("pread64", 5)


def test_a_call_that_is_not_about_a_file_tells_none() -> None:
    assert parse_syscall("202 0x7f01 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f02", "S", "x86_64") == ("futex", None)


def test_a_process_on_a_cpu_and_one_in_a_page_fault_are_told_apart() -> None:
    assert parse_syscall("running", "R", "x86_64") == ("running", None)
    assert parse_syscall("-1 0x7ffc 0x7f02", "D", "x86_64") == ("page-fault", None)
    assert parse_syscall("-1 0x7ffc 0x7f02", "T", "x86_64") == (None, None)


def test_what_is_not_in_the_table_keeps_its_number_and_what_cannot_be_read_is_unknown() -> None:
    assert parse_syscall("998 0x1", "S", "x86_64") == ("syscall 998", None)
    assert parse_syscall("17 0x5", "S", "riscv64") == ("syscall 17", None)
    assert parse_syscall(None, "S") == (None, None)


def test_every_call_on_a_descriptor_is_in_some_table() -> None:
    tables = [names_of(machine) or {} for machine in KERNEL_HEADERS]
    assert {name for table in tables for name in table.values()} >= ON_A_DESCRIPTOR


def test_the_call_of_a_thread_has_the_same_names() -> None:
    assert syscall_name("202 0x5571 0x189 0x0", "x86_64") == "futex"
    assert syscall_name("98 0x5571 0x189 0x0", "aarch64") == "futex"
    assert syscall_name("running", "x86_64") == "running"
    assert syscall_name("-1 0x7f 0x7f", "x86_64") is None
    assert syscall_name("4711 0x0", "x86_64") == "syscall 4711"
    assert syscall_name("", "x86_64") is None
