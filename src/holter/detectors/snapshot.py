"""Detect an episode in a few seconds of a training that was not recorded before, if it is stuck or slower.

The other detectors compare with earlier ticks of the same run. For a training that already hangs there are none. So
here it is enough that the process tree is quiet, a process is stopped, or an epoch lasts many times as long as usual.
"""

from __future__ import annotations

from statistics import median

from holter.detectors.log_episodes import slow_epochs
from holter.detectors.view import PhaseKeeper
from holter.evidence.facts.training.epochs import runs, shape_of
from holter.evidence.window import mean_cpu, ready_to_run
from holter.evidence.words import process_of, works_together
from holter.records import WORKERS, Episode, EpochEnded, LogLine, Message, PhaseChanged, ProcessSample, Subject, Text
from holter.sentences import define
from holter.tape import Recording

# Steps come every second or two, and data workers compute between them: a tree that is idle for this long is waiting.
QUIET_S = 6.0
# An epoch of this many times the usual length will not end normally.
LONG_TIMES = 3.0
# Without a heartbeat a step that works looks like one that hangs: every process that may work counts as working.
READY_PART = 0.3
# Fewer epochs give no usual length.
EPOCHS = 3
DETECTOR = "look"

IS_STOPPED = define("episode.is-stopped", "{process} is stopped (state T)")
NOBODY_WORKS = define(
    "episode.processes-idle",
    "{count} processes use {cores:.2f} cores together: nobody works",
    one="{count} process uses {cores:.2f} cores: it does not work",
)
LONG_EPOCH = define("episode.long-epoch", "this epoch has lasted {lasts:.0f} s, the others took {usual:.1f} s")


def episode_of_snapshot(recording: Recording) -> Episode | None:
    """Return what is wrong now; None if the training works or too little was observed."""
    ticks = [tick for tick in recording.all_ticks if tick.processes]
    if not ticks or ticks[-1].t_s - ticks[0].t_s < QUIET_S:
        return None
    return _stopped(recording, ticks[-1].processes) or standstill(recording) or _long(recording) or _slower(recording)


def without_standstill(episodes: tuple[Episode, ...]) -> tuple[Episode, ...]:
    """Leave out that nobody works: of a program that is not known to train, this is no fault."""
    return tuple(
        episode
        for episode in episodes
        if not (
            episode.detector == DETECTOR
            and isinstance(episode.reason, Message)
            and episode.reason.key == NOBODY_WORKS.key
        )
    )


def _stopped(recording: Recording, processes: tuple[ProcessSample, ...]) -> Episode | None:
    stopped = [process for process in processes if process.state in ("T", "t") and process.role in ("main", *WORKERS)]
    if not stopped:
        return None
    first = next((process for process in stopped if process.role == "main"), stopped[0])
    process = process_of(first)
    return _episode(recording, IS_STOPPED(process=process), subject=process, pid=first.pid)


def standstill(recording: Recording) -> Episode | None:
    """Return that no process works or is ready to run; None if one does. The stacks then show who waits for what."""
    ticks = recording.all_ticks
    if _moved(recording) or ready_to_run(ticks, READY_PART):
        return None
    pids = {process.pid for tick in ticks for process in tick.processes}
    ratios = [ratio for pid in pids if (ratio := mean_cpu(ticks, pid)) is not None]
    cpus = next((tick.cgroup.effective_cpus for tick in reversed(ticks) if tick.cgroup), None)
    if not ratios or works_together(ratios, cpus if cpus is not None else float("inf")):
        return None
    return _episode(recording, NOBODY_WORKS(count=len(pids), cores=sum(ratios)))


# The log grew during the observation.
def _moved(recording: Recording) -> bool:
    first_s = next(tick.t_s for tick in recording.all_ticks if tick.processes)
    return bool(recording.events(EpochEnded, PhaseChanged, LogLine, start_s=first_s + 1e-3))


# The current epoch lasts many times as long as those before.
def _long(recording: Recording) -> Episode | None:
    epochs = [event for event in recording.events(EpochEnded) if event.duration_s is not None]
    began = [event.t_s for event in recording.events(PhaseChanged) if event.phase == "train"]
    if len(epochs) < EPOCHS or not began or _phase(recording)[0] != "train":
        return None
    shape = shape_of(runs(recording))
    usual = shape.series.usual_s if shape is not None else median(event.duration_s or 0.0 for event in epochs)
    lasts = recording.duration_s - max(began)
    if lasts < LONG_TIMES * usual:
        return None
    return _episode(recording, LONG_EPOCH(lasts=lasts, usual=usual), kind="slow-down")


def _slower(recording: Recording) -> Episode | None:
    slow = slow_epochs(recording)
    if slow is None:
        return None
    return _episode(recording, slow.reason, kind=slow.kind)


def _phase(recording: Recording) -> tuple[str, int | None]:
    keeper = PhaseKeeper()
    for tick in recording.all_ticks:
        keeper.see(tick)
    return keeper.phase, keeper.epoch


# Starts with the observation: an earlier start is only known if the log shows it.
def _episode(
    recording: Recording,
    reason: Text,
    *,
    kind: str = "stall",
    subject: Subject | str = "training",
    pid: int | None = None,
) -> Episode:
    first_s = next((tick.t_s for tick in recording.all_ticks if tick.processes), 0.0)
    phase, _ = _phase(recording)
    return Episode(
        kind=kind,  # type: ignore[arg-type]
        phase=phase,  # type: ignore[arg-type]
        start_s=first_s,
        alarm_s=recording.duration_s,
        detector=DETECTOR,
        subject=subject,
        pid=pid,
        reason=reason,
    )
