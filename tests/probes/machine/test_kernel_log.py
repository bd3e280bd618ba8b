from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from holter.probes.machine.kernel_log import KernelLogProbe, classify, parse_record
from holter.records import KernelMessage, Noted

KMSG = Path("/dev/kmsg")


@pytest.mark.parametrize(
    ("line", "kind", "pid"),
    [
        ("Out of memory: Killed process 4711 (python) total-vm:9kB, anon-rss:8kB", "oom-kill", 4711),
        ("Memory cgroup out of memory: Killed process 12 (pt_main_thread) total-vm:9kB", "oom-kill", 12),
        ("Out of memory: Kill process 99 (python) score 900 or sacrifice child", "oom-kill", 99),
        ("NVRM: Xid (PCI:0000:01:00): 31, pid=1234, name=python, Ch 00000008", "xid", 1234),
        ("NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', GPU has fallen off the bus.", "xid", None),
        ("mce: [Hardware Error]: Machine check events logged", "mce", None),
        ("pcieport 0000:00:01.0: AER: Multiple Uncorrectable (Fatal) error received: 0000:01:00.0", "other", None),
        ("EDAC MC0: 1 CE memory read error on CPU_SrcID#0", "mce", None),
        ("I/O error, dev nvme0n1, sector 2048 op 0x0:(READ) flags 0x80700", "io-error", None),
        ("Buffer I/O error on dev sda1, logical block 7, async page read", "io-error", None),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", "io-error", None),
        ("nfs: server storage01 not responding, still trying", "nfs", None),
        ("nfs: server storage01 OK", "nfs", None),
        ("CIFS: VFS: \\\\srv has not responded in 180 seconds. Reconnecting...", "nfs", None),
        ("python[4242]: segfault at 0 ip 00007f sp 00007f error 4 in libtorch_cpu.so", "segfault", 4242),
        ("traps: python[77] general protection fault ip:7f sp:7f error:0 in libc.so", "segfault", 77),
        ("INFO: task python:31337 blocked for more than 122 seconds.", "other", 31337),
    ],
)
def test_lines_that_bear_on_a_training_are_told_apart(line: str, kind: str, pid: int | None) -> None:
    assert classify(line) == (kind, pid)


@pytest.mark.parametrize(
    "line",
    [
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=python,pid=4711,uid=0",  # the kill has its own line
        "oom_reaper: reaped process 4711 (python), now anon-rss:0kB",
        "EXT4-fs (vda): mounted filesystem r/w without journal",
        "nvme nvme0: 8/0/0 default/read/poll queues",
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.14",
        "NFS: Registering the id_resolver key type",
        "EDAC MC: Ver: 3.0.0",
        "mcelog is not needed here",
        "usb 1-1: new high-speed USB device number 2",
    ],
)
def test_everyday_lines_accuse_nobody(line: str) -> None:
    assert classify(line) is None


def test_a_record_is_its_time_and_first_line() -> None:
    record = parse_record(b"3,1234,5140900,-;nfs: server a not responding\n SUBSYSTEM=net\n")
    assert record == (5.1409, "nfs: server a not responding")
    assert parse_record(b"garbage") is None


def test_an_unreadable_log_is_said_once(tmp_path: Path) -> None:
    probe = KernelLogProbe(tmp_path / "kmsg")
    (note,) = probe.read(1.0).events
    assert isinstance(note, Noted)
    assert note.what == "kernel-log-unreadable"
    assert "No such file" in note.text
    assert probe.read(2.0).events == ()
    probe.close()


@pytest.mark.root
def test_a_line_in_the_real_kernel_log_becomes_one_event_and_older_ones_none() -> None:
    if os.geteuid() != 0 or not os.access(KMSG, os.W_OK):
        pytest.skip("needs to write to the kernel log")
    mark = f"holter-test-{os.getpid()}"
    KMSG.write_text(f"nfs: server {mark}-old not responding, still trying\n")  # a line without an end is not shown yet
    probe = KernelLogProbe()
    KMSG.write_text(f"{mark} nothing to see\n")
    KMSG.write_text(f"nfs: server {mark}-new not responding, still trying\n")
    time.sleep(0.2)
    events = [event for event in probe.read(100.0).events if isinstance(event, KernelMessage) and mark in event.text]
    again = probe.read(105.0).events
    probe.close()
    assert [(event.what, event.text.split()[2]) for event in events] == [("nfs", f"{mark}-new")]
    assert events[0].t_s == pytest.approx(100.0, abs=31.0)
    assert not [event for event in again if mark in str(event)]
