"""One checkpoint of more than 4 GiB, the limit of 32-bit sizes and offsets in the file.

A tensor of a little over 4 GiB, followed by small ones, is saved through the hook. The file is verified and loaded by
plain ``torch.load`` in a process without Holter, which checks values before and behind the limit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks.checkpoints.stand_in import stand_in
from benchmarks.reporting import Goal, Row

ELEMENTS = (1 << 30) + (1 << 22)  # of four bytes
NEEDED_MEMORY_BYTES = 10 << 30  # the tensor, the snapshot, and memory for other programs
NEEDED_DISK_BYTES = 6 << 30
TIMEOUT_S = 1200

# Marks at the beginning, on both sides of the limit and at the end.
MARKS = "{0: 1.0, (1 << 30) - 1: 2.0, 1 << 30: 3.0, -1: 4.0}"
SAVE = """
import json, os, sys, time
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from _holter_hook.checkpoints.snapshots import STATE

def memory_bytes(name):
    line = next(line for line in open("/proc/self/status") if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024

folder, elements, marks = sys.argv[1], int(sys.argv[2]), MARKS
large = torch.full((elements,), 0.5)
for place, value in marks.items():
    large[place] = value
network = torch.nn.ParameterList([torch.nn.Parameter(large), torch.nn.Parameter(torch.arange(1000.0))])
optimizer = torch.optim.SGD(network.parameters(), 0.0, momentum=0.9)
network[1].grad = torch.ones(1000)
optimizer.step()  # momentum of the small one, behind the large one in the file
trainer = nnUNetTrainer(network, optimizer)
open("/proc/self/clear_refs", "w").write("5")  # the peak is counted from here
before = memory_bytes("VmRSS")
began, cpu = time.perf_counter(), time.thread_time()
trainer.save_checkpoint(os.path.join(folder, "checkpoint_latest.pth"))
held_up_s, cpu_s = time.perf_counter() - began, time.thread_time() - cpu
STATE.background.drain()
job = STATE.latest
if job.error is not None:
    raise job.error
print(json.dumps({
    "held_up_s": held_up_s, "cpu_s": cpu_s, "written_s": job.written_s, "more_bytes": memory_bytes("VmHWM") - before,
    "bytes": os.path.getsize(job.path),
}))
""".replace("MARKS", MARKS)
LOAD = """
import sys, torch
loaded = torch.load(sys.argv[1])
weights = loaded["network_weights"]
assert all(weights["0"][place] == value for place, value in MARKS.items()), "a value of the large tensor is wrong"
assert weights["0"][1] == 0.5 and weights["1"][-1] == 999.0, "a value is wrong"
assert loaded["optimizer_state"]["state"][1]["momentum_buffer"].sum() == 1000.0, "the momentum is wrong"
assert "holter" in loaded and "_holter_hook" not in sys.modules
""".replace("MARKS", MARKS)
NAME = "files over 4 GiB that torch.load could not read"


def look(parent: Path | None) -> tuple[list[Row], list[Goal]]:
    """Save, verify, load; return rows and goals."""
    place = Path(tempfile.gettempdir()) if parent is None else parent
    memory, disk = psutil.virtual_memory().available, shutil.disk_usage(place).free
    if memory < NEEDED_MEMORY_BYTES or disk < NEEDED_DISK_BYTES:
        why = f"{memory >> 30} GiB of memory and {disk >> 30} GiB of disk are free"
        return [{"name": "checkpoint over 4 GiB", "note": f"not measured: {why}"}], [Goal(NAME, 0, None, None)]
    with tempfile.TemporaryDirectory(prefix="holter-large-", dir=place) as folder:
        return _look(Path(folder))


def _look(folder: Path) -> tuple[list[Row], list[Goal]]:
    saved = subprocess.run(
        [sys.executable, "-c", SAVE, str(folder), str(ELEMENTS)],
        env=stand_in(folder), check=True, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    measured = json.loads(saved.stdout)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    file = folder / "checkpoint_latest.pth"
    load = [sys.executable, "-c", LOAD, str(file)]
    loaded = subprocess.run(load, env=variables, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False)
    rows = [
        _row("size of the checkpoint", measured["bytes"] / 1e9, "GB", "one tensor over 4 GiB, others behind it"),
        _row("held up by the safe save", measured["held_up_s"], "s", "until the snapshot is in memory"),
        _row("CPU time of that", measured["cpu_s"], "s", "what it would take on a machine that does nothing else"),
        _row("memory taken meanwhile", measured["more_bytes"] / 1e9, "GB", "beside the tensors themselves"),
        _row("written in the background", measured["written_s"], "s", "fsync, read back and verified, renamed"),
    ]
    failed = int(loaded.returncode != 0)
    if failed:
        rows.append({"name": "torch.load", "note": loaded.stderr.strip().splitlines()[-1]})
    return rows, [Goal(NAME, 0, failed, not failed)]


def _row(name: str, value: float, unit: str, note: str) -> Row:
    return {"name": name, "value": value, "unit": unit, "note": note}
