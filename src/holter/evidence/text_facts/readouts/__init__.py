"""The output of commands that Holter asks for, recognised anywhere in a pasted text.

Each reader finds its own output by lines that only this command writes, and returns facts as the recorder would measure
them. ``without`` removes such outputs from a text: a table of processes is not a description of a problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from holter.evidence.text_facts.known import QUOTE_CHARS, Found
from holter.evidence.text_facts.readouts import disks, gpu, jobs, memory, processes, processors, software
from holter.texts.prefixes import bare

READERS = (
    disks.df, memory.free, processors.counts, memory.ulimit, gpu.table, gpu.query, gpu.csv, processes.ps,
    processors.top, processors.load,
    memory.vmstat, processors.sysstat, disks.iostat, disks.lsblk, disks.mounts, processors.groups, memory.pressure,
    jobs.slurm, jobs.log_and_date, jobs.docker, jobs.containers, software.packages, software.printed,
    software.variables, software.machine, processes.py_spy,
)  # fmt: skip


def read(text: str) -> Iterator[Found]:
    """Yield the facts of all outputs in a text, also behind marks of quotations and prefixes of tools."""
    text = bare(text)
    for reader in READERS:
        for name, value, quote in reader(text):
            yield Found(name, value, " ".join(quote.split())[:QUOTE_CHARS], 0)
