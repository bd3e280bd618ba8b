"""How long a checkpoint blocks a training: nnU-Net's own way, in place, and the safe way in the background.

A trainer with a network and an optimizer of nnU-Net's usual size saves in both ways in turns, within one process.
Stock returns when its bytes are in the page cache. The safe way returns with a snapshot in memory; the next save
begins when that snapshot is on the disk and verified. The goal is a share of an epoch of nnU-Net's usual length.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.checkpoints.large import look
from benchmarks.checkpoints.stand_in import stand_in
from benchmarks.reporting import Goal, Row, conclude, options_of

EPOCH_S = 160.0
GOAL_PERCENT = 1.0
REPEATS, QUICK_REPEATS = 15, 5
# Channels of a 3d_fullres network: with two convolutions a stage, and the decoder, about 30 million parameters.
STAGES = (32, 64, 128, 256, 320, 320)
TIMEOUT_S = 1800

SAVES = """
import json, os, sys, time
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from _holter_hook.checkpoints.snapshots import STATE

folder, stages, repeats = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
device = "cuda" if torch.cuda.is_available() else "cpu"
pairs = list(zip(stages, stages[1:]))
layers = [torch.nn.Conv3d(1, stages[0], 3)]
for few, many in pairs:  # a stage of the encoder; its counterpart in the decoder sees the skip connection too
    layers += [torch.nn.Conv3d(few, many, 3), torch.nn.Conv3d(many, many, 3)]
    layers += [torch.nn.Conv3d(2 * few, few, 3), torch.nn.Conv3d(few, few, 3), torch.nn.ConvTranspose3d(many, few, 2)]
network = torch.nn.ModuleList(layers).to(device)
optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99, nesterov=True)
for parameter in network.parameters():
    parameter.grad = torch.zeros_like(parameter)
optimizer.step()
trainer = nnUNetTrainer(network, optimizer)
ours = nnUNetTrainer.save_checkpoint
ways = {"stock": ours.__wrapped__, "safe": ours}
found = {"stock": [], "safe": [], "written": []}
for repeat in range(repeats + 1):
    for name, save in ways.items():
        os.sync()  # what the last one left in the page cache is not this one's to wait for
        trainer.current_epoch += 1
        began = time.perf_counter()
        save(trainer, os.path.join(folder, name, "checkpoint_latest.pth"))
        if device == "cuda":
            torch.cuda.synchronize()
        took = time.perf_counter() - began
        STATE.background.drain()
        if repeat:  # the first ones fill caches
            found[name].append(took)
            if name == "safe":
                assert STATE.latest.done and STATE.latest.error is None, STATE.latest.error
                found["written"].append(STATE.latest.written_s)
size = os.path.getsize(os.path.join(folder, "safe", "checkpoint_latest.pth"))
parameters = sum(parameter.numel() for parameter in network.parameters())
print(json.dumps({**found, "bytes": size, "parameters": parameters, "device": device}))
"""


class Saves(NamedTuple):
    """Seconds of each save."""

    stock: list[float]
    safe: list[float]
    written: list[float]
    bytes: int
    parameters: int
    device: str


def main() -> int:
    """Measure, print tables, write JSON if asked; return 1 if a goal was missed."""
    parser = options_of("checkpoints", __doc__, quick="fewer repeats")
    parser.add_argument("--folder", type=Path, help="where to write; default: the system's folder for temporary files")
    parser.add_argument("--large", action="store_true", help="instead: one file of more than 4 GiB (10 GiB of RAM)")
    options = parser.parse_args()
    if options.large:
        return conclude(*look(options.folder), options.json)
    with tempfile.TemporaryDirectory(prefix="holter-checkpoints-", dir=options.folder) as folder:
        saves = measure(Path(folder), QUICK_REPEATS if options.quick else REPEATS)
    return conclude(rows(saves), [goal(saves)], options.json)


def measure(folder: Path, repeats: int) -> Saves:
    """Save in both ways, in turns."""
    variables = stand_in(folder)
    for name in ("stock", "safe"):
        (folder / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SAVES, str(folder), json.dumps(STAGES), str(repeats)],
        env=variables, check=True, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    return Saves(**json.loads(done.stdout))


def rows(saves: Saves) -> list[Row]:
    """Return the measurements as rows of the table."""
    what = f"{saves.parameters / 1e6:.0f} M parameters with momentum on {saves.device}"
    return [
        {"name": "size of the checkpoint", "value": saves.bytes / 1e6, "unit": "MB", "note": what},
        row("held up by stock's save, in place", saves.stock, "until it is in the page cache"),
        row("held up by the safe save", saves.safe, "until the snapshot is in memory"),
        row("written in the background", saves.written, "fsync, read back and verified, renamed"),
    ]


def row(name: str, seconds: Sequence[float], note: str) -> Row:
    """Return one row of the table: the median, and the slowest in the note."""
    return {
        "name": name,
        "value": statistics.median(seconds),
        "unit": "s",
        "note": f"{note}; worst of {len(seconds)}: {max(seconds):.2f}",
    }


def goal(saves: Saves) -> Goal:
    """Return the goal for the blocked time."""
    percent = 100 * statistics.median(saves.safe) / EPOCH_S
    name = f"training held up by a save (% of an epoch of {EPOCH_S:.0f} s)"
    return Goal(name, GOAL_PERCENT, round(percent, 3), percent <= GOAL_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
