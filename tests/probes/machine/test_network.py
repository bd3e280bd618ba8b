from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from holter.probes.machine.host import REPEATS, Traffic, parse_traffic

HEAD = """Inter-|   Receive                            |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
"""


def test_devices_are_added_and_bytes_that_pass_twice_count_once() -> None:
    text = HEAD + (
        "    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n"
        "  eth0: 1000 9 0 0 0 0 0 0 200 2 0 0 0 0 0 0\n"
        "  ib0:50 9 0 0 0 0 0 0 7 2 0 0 0 0 0 0\n"
        "docker0: 400 9 0 0 0 0 0 0 80 2 0 0 0 0 0 0\n"
        "vethf00: 400 9 0 0 0 0 0 0 80 2 0 0 0 0 0 0\n"
    )
    assert parse_traffic(text) == Traffic(1050, 207)


@pytest.mark.parametrize("text", [None, "", HEAD, HEAD + "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n", "eth0: 1 2"])
def test_without_a_device_nothing_is_known(text: str | None) -> None:
    assert parse_traffic(text) == Traffic()


def test_psutil_reads_the_same() -> None:
    before = psutil.net_io_counters(pernic=True)
    traffic = parse_traffic(Path("/proc/net/dev").read_text())
    after = psutil.net_io_counters(pernic=True)
    names = [name for name in before if name in after and not name.startswith(REPEATS)]
    assert sum(before[name].bytes_recv for name in names) <= (traffic.received or 0)
    assert (traffic.received or 0) <= sum(after[name].bytes_recv for name in names)
    assert sum(before[name].bytes_sent for name in names) <= (traffic.sent or 0)
