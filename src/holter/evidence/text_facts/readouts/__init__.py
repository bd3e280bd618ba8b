"""The output of commands that Holter asks for, recognised anywhere in a pasted text.

Each reader finds its own output by lines that only this command writes, and returns facts as the recorder would measure
them. ``without`` removes such outputs from a text: a table of processes is not a description of a problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from holter.evidence.text_facts.known import QUOTE_CHARS, Found
from holter.evidence.text_facts.readouts import (
    disks,
    gpu,
    hardware,
    jobs,
    memory,
    processes,
    processors,
    software,
    windows,
)
from holter.texts.prefixes import bare

READERS = (
    disks.df, memory.free, processors.counts, memory.ulimit, gpu.table, gpu.query, gpu.csv, gpu.licence_log,
    processes.ps, processors.top, processors.load,
    memory.vmstat, processors.sysstat, disks.iostat, disks.lsblk, disks.mounts, processors.groups, memory.pressure,
    jobs.slurm, jobs.log_and_date, jobs.docker, jobs.containers, jobs.pod, software.printed, software.packages,
    software.variables, software.machine, processes.py_spy, hardware.memtester, windows.drives, windows.memory,
    windows.processors,
)  # fmt: skip


def read(text: str) -> Iterator[Found]:
    """Yield the facts of all outputs in a text, also behind marks of quotations and prefixes of tools."""
    text = bare(text)
    for reader in READERS:
        for name, value, quote in reader(text):
            yield Found(name, value, " ".join(quote.split())[:QUOTE_CHARS], 0)
