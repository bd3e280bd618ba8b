"""``holter export --to tensorboard``, read back by TensorBoard's own reader."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.errors import FolderNotWritable, MissingExtra, TapeExists
from holter.records import EpochEnded, Tick
from holter.reports.tables.to_tensorboard import export_tensorboard, scalars
from holter.tape import Recording, read
from needs import needs

TAPE = Path(__file__).parents[2] / "tapes" / "vgpu_unlicensed" / "gpu_licence.holter"


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        tag: [(point.step, point.value) for point in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }  # fmt: skip


@needs("tensorboard")
def test_tensorboard_shows_epochs_and_machine(tmp_path: Path) -> None:
    recording = read(TAPE)
    (file,) = export_tensorboard(recording, tmp_path / "out")
    assert file.name.startswith("events.out.tfevents.")
    shown = curves(file.parent)
    epochs = recording.events(EpochEnded)
    losses = [(epoch.epoch, pytest.approx(epoch.train_loss, rel=1e-6)) for epoch in epochs]
    assert shown["epoch/train_loss"] == losses
    gpus = [tick.gpus[0].utilization_ratio for tick in recording.all_ticks if tick.gpus]
    assert [value for _, value in shown["machine/gpu_0/utilization_ratio"]] == pytest.approx(gpus)
    assert "machine/gpu_0/power_w" not in shown, "it was not measured"


@needs("tensorboard")
def test_a_second_export_needs_force_and_other_files_stay(tmp_path: Path) -> None:
    recording = read(TAPE)
    foreign = tmp_path / "events.out.tfevents.1.host.7.0"
    foreign.write_bytes(b"of a training")
    export_tensorboard(recording, tmp_path)
    with pytest.raises(TapeExists):
        export_tensorboard(recording, tmp_path)
    assert len(export_tensorboard(recording, tmp_path, force=True)) == 1
    assert foreign.read_bytes() == b"of a training"
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderNotWritable):
        export_tensorboard(recording, tmp_path / "file")


def test_a_loss_that_is_not_finite_is_shown_as_such_and_an_unknown_one_is_not() -> None:
    event = EpochEnded(t_s=5.0, epoch=3, val_loss=0.5, not_finite=("train_loss",), pseudo_dice=(0.25, 0.5))
    points = {point.tag: point for point in scalars(Recording(all_ticks=(Tick(t_s=6.0, events=(event,)),)))}
    assert math.isnan(points["epoch/train_loss"].value)
    assert points["epoch/pseudo_dice/class_2"].value == 0.5
    assert "epoch/duration_s" not in points
    assert all(point.step == 3 for point in points.values())


def test_without_the_package_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingExtra, match="tensorboard") as caught:
        export_tensorboard(read(TAPE), tmp_path / "out")
    assert str(caught.value.next_step).endswith(" -m pip install tensorboard")
    assert not (tmp_path / "out").exists()


@needs("tensorboard")
def test_the_command_names_the_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "holter", "export", str(TAPE), "--to", "tensorboard", "-o", str(tmp_path / "tb")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    assert Path(done.stdout.strip()).is_file()
    assert "tensorflow" not in done.stderr.lower()
