"""Write a tape as an event file for TensorBoard, with TensorBoard's own package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from holter.errors import FolderNotWritable, MissingExtra, TapeExists
from holter.history.ranks import main_beat
from holter.install import pip_line
from holter.records import EpochEnded, Tick
from holter.reports.private_files import OTHER_PLACE, OWNER_ONLY
from holter.reports.tables.export import CANNOT_MAKE_FOLDER, OTHER_FOLDER, TAPE_UNTOUCHED
from holter.sentences import NOTHING_OVERWRITTEN, define
from holter.tape import Recording
from holter.tape.opening import EXISTS

NO_TENSORBOARD = define("error.no-tensorboard", "Event files need tensorboard, which is not installed.")

# TensorBoard's own prefix, by which it finds the files; the suffix tells ours from those of a training.
PREFIX = "events.out.tfevents."
SUFFIX = ".holter"


class Scalar(NamedTuple):
    t_s: float
    tag: str
    step: int  # the epoch, or the second of the recording
    value: float


def export_tensorboard(recording: Recording, folder: Path, force: bool = False) -> tuple[Path, ...]:
    """Write one event file into the folder; return it.

    Curves ``epoch/…`` have the epoch as their step, ``run/…`` and ``machine/…`` the second of the recording.

    Raises:  MissingExtra, TapeExists, FolderNotWritable.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise MissingExtra(
            NO_TENSORBOARD(), safe=TAPE_UNTOUCHED(), next_step=pip_line(sys.executable, "tensorboard")
        ) from error
    try:
        _make_room(folder, force=force)
        writer = EventFileWriter(str(folder), filename_suffix=SUFFIX)
    except OSError as error:
        what = CANNOT_MAKE_FOLDER(folder=str(folder), error=error.strerror or str(error))
        raise FolderNotWritable(what, next_step=OTHER_PLACE()) from error
    began = (recording.environment.began_s if recording.environment else None) or 0.0
    for point in scalars(recording):
        value = Summary.Value(tag=point.tag, simple_value=point.value)
        writer.add_event(Event(wall_time=began + point.t_s, step=point.step, summary=Summary(value=[value])))
    writer.close()
    files = tuple(sorted(folder.glob(f"{PREFIX}*{SUFFIX}")))
    for file in files:
        file.chmod(OWNER_ONLY)
    return files


def scalars(recording: Recording) -> Iterator[Scalar]:
    """Yield the points of all curves in order of time; a value that was not measured has no point."""
    for tick in recording.ticks():
        for event in tick.events:
            if isinstance(event, EpochEnded):
                yield from _of_epoch(event)
        yield from _of_tick(tick)


def _of_epoch(event: EpochEnded) -> Iterator[Scalar]:
    named: dict[str, float | None] = {
        "epoch/train_loss": event.train_loss,
        "epoch/validation_loss": event.val_loss,
        "epoch/duration_s": event.duration_s,
        "epoch/learning_rate": event.learning_rate,
    }
    named |= {f"epoch/pseudo_dice/class_{number}": dice for number, dice in enumerate(event.pseudo_dice or (), 1)}
    for name in event.not_finite:
        named["epoch/train_loss" if name == "train_loss" else "epoch/validation_loss"] = float("nan")
    for tag, value in named.items():
        if value is not None:
            yield Scalar(event.t_s, tag, event.epoch, value)


def _of_tick(tick: Tick) -> Iterator[Scalar]:
    beat, host, cgroup = main_beat(tick), tick.host, tick.cgroup
    named: dict[str, float | None] = {}
    if beat is not None:
        named |= {
            "run/step_data_wait_s": beat.data_wait_s,
            "run/step_compute_s": beat.compute_s,
            "run/batches_ready": beat.ready_queue,
        }
    if host is not None:
        named |= {
            "machine/cpu_busy_ratio": host.cpu_busy_ratio,
            "machine/cpu_iowait_ratio": host.cpu_iowait_ratio,
            "machine/memory_available_bytes": host.memory_available_bytes,
            "machine/shm_used_bytes": host.shm_used_bytes,
        }
    if cgroup is not None:
        named["machine/group_memory_used_bytes"] = cgroup.memory_used_bytes
    for gpu in tick.gpus:
        place = f"machine/gpu_{gpu.index}"
        named |= {
            f"{place}/utilization_ratio": gpu.utilization_ratio,
            f"{place}/memory_used_bytes": gpu.memory_used_bytes,
            f"{place}/power_w": gpu.power_w,
        }
    for tag, value in named.items():
        if value is not None:
            yield Scalar(tick.t_s, tag, round(tick.t_s), float(value))


def _make_room(folder: Path, *, force: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ours = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    if ours and not force:
        raise TapeExists(EXISTS(path=str(ours[0])), safe=NOTHING_OVERWRITTEN(), next_step=OTHER_FOLDER())
    for file in ours:  # two files in a folder would be one curve
        file.unlink()
