"""Debian's node exporter reads the text files of several runs."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from metrics_replay import FAULTS, QUIET, Replay
from prometheus import PATIENCE_S, free_port

from holter.views.metrics import names
from holter.views.metrics.exposition import exposed
from holter.views.metrics.run_numbers import only
from holter.views.metrics.textfile import TextFile
from needs import needs

pytestmark = needs("node-exporter")


@contextlib.contextmanager
def node_exporter(folder: Path) -> Iterator[str]:
    """The address of a node exporter that reads this folder and nothing else."""
    address = f"127.0.0.1:{free_port()}"
    words = ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--no-collector.zfs"]
    words += [f"--collector.textfile.directory={folder}", f"--web.listen-address={address}"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def scrape(address: str) -> str:
    until_s = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError):
            return str(urllib.request.urlopen(f"http://{address}/metrics", timeout=5).read().decode())
        assert time.monotonic() < until_s
        time.sleep(0.1)


def test_files_of_several_runs_and_of_dead_ones_are_read_together(tmp_path: Path) -> None:
    runs = set()
    for number, tape in enumerate((*QUIET[:3], *FAULTS[:3])):
        replay = Replay(tape)
        values = list(replay.until(replay.end_s).values(replay.end_s))
        run = f"Dataset801-3d_fullres-fold{number}-{number:06x}"
        runs.add(run)
        text = exposed(run, only(values, names.AFTER_THE_END) if number % 2 else values)
        assert TextFile(tmp_path, run).write(text)
    with node_exporter(tmp_path) as address:
        text = scrape(address)
    assert "node_textfile_scrape_error 0" in text
    assert set(re.findall(r'^holter_run_info{.*\brun="([^"]+)"', text, re.MULTILINE)) == runs
    for metric in names.METRICS:
        if metric.name in text:
            assert f"# HELP {metric.name} {metric.help}\n" in text, "one help for all files"


@pytest.mark.parametrize("half", [b"", b"holter_run_info{", b"\x00\xff"])
def test_what_is_only_half_written_is_not_read(tmp_path: Path, half: bytes) -> None:
    (tmp_path / "holter-D-2d-fold0-000000.prom.tmp").write_bytes(half)
    with node_exporter(tmp_path) as address:
        text = scrape(address)
    assert "node_textfile_scrape_error 0" in text
    assert "holter_" not in text
