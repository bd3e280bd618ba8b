"""Take from a recording what is compared: times, shares, incidents, data, machine and settings. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from statistics import fmean, median

from holter.history.goodput import account
from holter.history.phases import restarts
from holter.history.ranks import main_beat
from holter.records import Diagnosis, EpochEnded, Message, Tick
from holter.records.text import Record
from holter.reports.outcome import Outcome, outcome_of
from holter.sizes import format_bytes
from holter.tape import Recording

# Folders and what Holter sets itself: they differ on every machine and change no speed.
NO_SETTINGS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "nnUNet_extTrainer", "TMPDIR", "PYTHONPATH")
OURS = "HOLTER_"
# The heartbeat is read once a second: of shorter epochs the last step may be missed.
SEEN_FROM_S = 20.0

Facts = tuple[tuple[str, str], ...]


class Measures(Record, frozen=True, kw_only=True):
    """One run. Times in seconds, shares from 0 to 1; None: not on the tape."""

    name: str
    headline: Message
    state: str
    is_damaged: bool = False  # the numbers are of what can be read of the tape
    epochs: int = 0  # complete ones that count for the times
    epoch_s: float | None = None  # median
    epoch_p95_s: float | None = None
    has_warm_up: bool = False  # no other epoch was complete than the first one of a process
    steps: int = 0
    step_s: float | None = None  # mean of a training step, the wait for its batch included
    steps_per_epoch: int | None = None
    data_wait_ratio: float | None = None  # of the time of the steps
    gpu_ratio: float | None = None  # mean utilization of the busiest GPU while it trains
    gpu_power_w: float | None = None  # of the same GPU
    cpu_ratio: float | None = None  # of the whole machine while it trains
    iowait_ratio: float | None = None
    goodput_ratio: float | None = None
    lost_s: float = 0.0
    stopped: int = 0
    healed: int = 0
    incidents: tuple[tuple[str, int], ...] = ()  # by kind of episode
    training: Facts = ()  # what must be equal, so that times can be compared
    machine: Facts = ()
    versions: Facts = ()
    settings: Facts = ()


def measure(name: str, recording: Recording, diagnoses: tuple[Diagnosis, ...] | None, *, is_over: bool) -> Measures:
    """Return the measures of a recording, under the name ``name``.

    ``diagnoses``: those of its episodes; None: use the causes that the recorder named. ``is_over``: no process writes
    the tape any more.
    """
    ran = outcome_of(recording, diagnoses, is_over=is_over)
    epochs, has_warm_up = _epochs(recording)
    training = [tick for tick in recording.all_ticks if _trains(tick)]
    steps, step_s, wait_s = _steps(recording.all_ticks)
    busiest = _busiest(training)
    gpus = [gpu for tick in training for gpu in tick.gpus if gpu.index == busiest]
    spent = account(recording, diagnoses)
    kinds = Counter(episode.kind for episode in recording.episodes())
    return Measures(
        name=name,
        headline=ran.headline,
        state=ran.state,
        is_damaged=bool(recording.damage),
        epochs=len(epochs),
        epoch_s=median(epochs) if epochs else None,
        epoch_p95_s=_p95(epochs),
        has_warm_up=has_warm_up,
        steps=steps,
        step_s=step_s / steps if steps else None,
        steps_per_epoch=_steps_per_epoch(training) if epochs and median(epochs) >= SEEN_FROM_S else None,
        data_wait_ratio=wait_s / step_s if step_s > 0 else None,
        gpu_ratio=_mean(gpu.utilization_ratio for gpu in gpus),
        gpu_power_w=_mean(gpu.power_w for gpu in gpus),
        cpu_ratio=_mean(tick.host.cpu_busy_ratio for tick in training if tick.host is not None),
        iowait_ratio=_mean(tick.host.cpu_iowait_ratio for tick in training if tick.host is not None),
        goodput_ratio=spent.goodput_ratio,
        lost_s=ran.lost_s,
        stopped=ran.stopped,
        healed=ran.healed,
        incidents=tuple(sorted(kinds.items())),
        training=_training(recording, ran),
        machine=_machine(recording),
        versions=recording.environment.versions if recording.environment is not None else (),
        settings=_settings(recording),
    )


def _epochs(recording: Recording) -> tuple[list[float], bool]:
    # Without the first one of each process (warm-up, compilation, cold files), unless there is no other.
    ended = [event for event in recording.events(EpochEnded) if event.duration_s is not None]
    attached = recording.environment is not None and recording.environment.attached
    starts = [*([] if attached else [0.0]), *(restart.begun_s for restart in restarts(recording))]
    first = {id(next((event for event in ended if event.t_s > start_s), None)) for start_s in starts}
    warm = [event.duration_s for event in ended if id(event) not in first and event.duration_s is not None]
    if warm:
        return warm, False
    return [event.duration_s for event in ended if event.duration_s is not None], bool(ended)


def _trains(tick: Tick) -> bool:
    beat = main_beat(tick)
    return beat is not None and beat.phase == "train"


def _steps(ticks: Iterable[Tick]) -> tuple[int, float, float]:
    # Training steps, their time, and their time spent in waiting for batches; from the heartbeat's totals.
    steps, spent_s, wait_s = 0, 0.0, 0.0
    beats = [beat for tick in ticks if (beat := main_beat(tick)) is not None]
    for before, after in pairwise(beats):
        if before.pid != after.pid or not (before.phase == after.phase == "train"):
            continue
        done = after.steps_total - before.steps_total
        waited_s = after.data_wait_s_total - before.data_wait_s_total
        computed_s = after.compute_s_total - before.compute_s_total
        if done > 0 and waited_s >= 0 and computed_s >= 0:
            steps, spent_s, wait_s = steps + done, spent_s + waited_s + computed_s, wait_s + waited_s
    return steps, spent_s, wait_s


def _steps_per_epoch(training: Iterable[Tick]) -> int | None:
    iterations = [
        beat.iteration for tick in training if (beat := main_beat(tick)) is not None and beat.iteration is not None
    ]
    return max(iterations) + 1 if iterations else None


def _busiest(training: Iterable[Tick]) -> int | None:
    busy: dict[int, list[float]] = {}
    for tick in training:
        for gpu in tick.gpus:
            if gpu.utilization_ratio is not None:
                busy.setdefault(gpu.index, []).append(gpu.utilization_ratio)
    return max(busy, key=lambda index: fmean(busy[index])) if busy else None


def _training(recording: Recording, ran: Outcome) -> Facts:
    environment = recording.environment
    plans = dict(environment.plans) if environment is not None else {}
    settled = recording.contract()
    loader = settled.ability("loader").what if settled is not None else None
    wanted = ("dataset", "configuration", "fold", "trainer", "plans", "patch_size", "batch_size", "spacing")
    device = environment.device if environment is not None else None
    facts = [*((name, plans.get(name)) for name in wanted), ("device", device), ("loader", loader)]
    if not plans and ran.identity.command:
        facts.append(("command", ran.identity.command))
    return tuple((name, value) for name, value in facts if value)


def _machine(recording: Recording) -> Facts:
    environment = recording.environment
    host = next((tick.host for tick in recording.all_ticks if tick.host is not None), None)
    gpu = next((gpu for tick in recording.all_ticks for gpu in tick.gpus if gpu.source != "none"), None)
    facts: list[tuple[str, object]] = []
    if environment is not None:
        facts += [
            ("hostname", environment.hostname),
            ("os", environment.os),
            ("kernel", environment.kernel),
            ("container", environment.container if environment.container != "none" else None),
            ("virtual-machine", environment.virtual_machine if environment.virtual_machine != "none" else None),
            ("cpu", environment.cpu_model),
        ]
    if host is not None:
        memory = host.memory_total_bytes
        facts += [("cpus", host.cpu_count), ("memory", format_bytes(memory) if memory is not None else None)]
    if gpu is not None:
        facts += [
            ("gpu", gpu.name),
            ("driver", gpu.driver),
            ("gpu-memory", format_bytes(gpu.memory_total_bytes) if gpu.memory_total_bytes is not None else None),
            ("gpu-kind", gpu.virtualization if gpu.virtualization != "none" else None),
        ]
    return tuple((name, str(value)) for name, value in facts if value is not None)


def _settings(recording: Recording) -> Facts:
    variables = recording.environment.variables if recording.environment is not None else ()
    return tuple((name, value) for name, value in variables if name not in NO_SETTINGS and not name.startswith(OURS))


def _p95(values: list[float]) -> float | None:
    # Nearest rank: a value that was measured.
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)] if values else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
