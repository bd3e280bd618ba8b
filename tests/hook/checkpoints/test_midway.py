"""A real training whose batches do not come: it saves what it has, and goes on with data workers of another kind."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from holter.hook.checkpoints.select import verify
from holter.probes.process.process import ProcessProbe
from holter.probes.training.heartbeat import HeartbeatProbe
from holter.records import Beat
from needs import imported

pytestmark = pytest.mark.training

torch = imported("torch")
OPTIONS = ("--epochs", "2", "--iterations", "60", "--val-iterations", "1", "--no-validation")
HEAL = {"HOLTER_HEAL": "workers,checkpoints", "HOLTER_CHECKPOINT_EVERY_S": "600"}
OTHER_WORKERS = {
    "HOLTER_START_METHOD": "forkserver", "HOLTER_CACHED_BATCHES": "2", "HOLTER_SHARING": "file_system",
}  # fmt: skip
LATEST, FINAL = "checkpoint_latest.pth", "checkpoint_final.pth"


def main_beat(hooked) -> Beat | None:
    beats = HeartbeatProbe(hooked.scratch, 0.0).read(0.0).samples
    return next((beat for beat in beats if beat.role == "main"), None)


def is_in_epoch_one(hooked) -> bool:
    beat = main_beat(hooked)
    return beat is not None and beat.phase == "train" and beat.epoch == 1 and (beat.iteration or 0) >= 3


def of_role(pid: int, role: str) -> list[int]:
    """Told from /proc alone, as for a training that has no hook."""
    return [sample.pid for sample in ProcessProbe(pid).read(0.0).samples if sample.role == role and sample.state != "Z"]


def ask(hooked, what: str) -> None:
    request = {"number": 1, "generation": 3, "what": what, "text": "frozen-worker"}
    (hooked.scratch / "control.new").write_text(json.dumps([request]))
    (hooked.scratch / "control.new").replace(hooked.scratch / "control.json")


def answers(hooked) -> list[tuple[str, str]]:
    return [(line["state"], line["text"]) for line in hooked.lines("action") if line["number"] == 1]


def epochs(folder: Path) -> list[int]:
    logs = sorted(folder.glob("training_log_*.txt"))
    return [int(number) for log in logs for number in re.findall(r"Epoch (\d+) *$", log.read_text(), re.MULTILINE)]


@pytest.mark.long
def test_it_saves_at_the_wait_and_goes_on_with_workers_that_are_not_forked(
    brain, shortened_command, hooked_in, tmp_path, wait_until
):
    command = shortened_command(*OPTIONS)[1:]
    for name in ("stands", "goes-on", "results"):
        (tmp_path / name).mkdir()
    settings = brain.environment() | HEAL | {"nnUNet_results": str(tmp_path / "results"), "nnUNet_n_proc_DA": "2"}
    hooked = hooked_in(tmp_path / "stands")
    process = hooked.start(*command, **settings)
    wait_until(lambda: is_in_epoch_one(hooked), 90)
    (folder,) = (tmp_path / "results").glob("Dataset*/*/fold_0")
    assert not (folder / LATEST).exists()
    for pid in of_role(process.pid, "train-worker"):
        os.kill(pid, signal.SIGSTOP)
    ask(hooked, "checkpoint-here")
    wait_until(lambda: len(answers(hooked)) == 2, 60)
    assert answers(hooked)[0] == ("begun", "in the middle of the epoch, at a wait for a batch")
    assert answers(hooked)[1][1].startswith(f"epoch 0 in {LATEST}: ")
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert verify(folder / LATEST)[:2] == (True, "ok") and verify(folder / LATEST).current_epoch == 1
    logged = torch.load(folder / LATEST, weights_only=False)["logging"]
    assert {len(values) for values in logged.values() if isinstance(values, list)} <= {0, 1}
    assert len(logged["train_losses"]) == len(logged["lrs"]) == 1

    hooked = hooked_in(tmp_path / "goes-on")
    process = hooked.start(*command, "--c", **settings, **OTHER_WORKERS)
    wait_until(lambda: is_in_epoch_one(hooked), 90)
    time.sleep(1.2)  # a pulse, which reads the queues
    beat = main_beat(hooked)
    workers = of_role(process.pid, "train-worker")
    servers = {" ".join(psutil.Process(pid).parent().cmdline()) for pid in workers}
    assert len(workers) == 2 and len(of_role(process.pid, "val-worker")) == 1
    assert all("multiprocessing.forkserver" in server for server in servers)
    hints = HeartbeatProbe(hooked.scratch, 0.0)
    hints.read(0.0)
    assert {hints.hints()[pid] for pid in workers} == {("train-worker", 0), ("train-worker", 1)}
    assert beat is not None and (beat.worker_queue_size, beat.ready_queue_size) == (2, 2)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert epochs(folder) == [0, 1, 1]
    assert verify(folder / FINAL).current_epoch == 2
    assert hooked.lines("note") == []
