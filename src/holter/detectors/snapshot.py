"""A few seconds of a training that nobody recorded before -> an episode, if it does not move or has become slower.

The other detectors compare with what they saw of the same run. Whoever looks at a training that hangs already has
nothing to compare: here a quiet process tree, a stopped process, or an epoch that takes many times as long must do.
"""

from __future__ import annotations

from statistics import median

from holter.detectors.log_story import slow_epochs
from holter.detectors.view import PhaseKeeper
from holter.evidence.facts.training.epochs import runs, story
from holter.evidence.window import mean_cpu, ready_to_run
from holter.evidence.words import process_of, works_together
from holter.records import WORKERS, Episode, EpochEnded, LogLine, PhaseChanged, ProcessSample, Subject, Text
from holter.sentences import define
from holter.tape import Recording

# Steps come every second or two and data workers work between them: a tree that does nothing for so long waits.
QUIET_S = 6.0
# An epoch that lasts this many times the usual one will not become a usual one.
LONG_TIMES = 3.0
# Without a heartbeat nothing tells steps that come from steps that do not: whoever may be at work counts as such.
READY_PART = 0.3
# With fewer epochs before it nothing is usual.
EPOCHS = 3
DETECTOR = "look"

IS_STOPPED = define("episode.is-stopped", "{process} is stopped (state T)")
NOBODY_WORKS = define(
    "episode.processes-idle",
    "{count} processes use {cores:.2f} cores together: nobody works",
    one="{count} process uses {cores:.2f} cores: it does not work",
)
LONG_EPOCH = define("episode.long-epoch", "this epoch has lasted {lasts:.0f} s, the others took {usual:.1f} s")


def episode_at_a_look(recording: Recording) -> Episode | None:
    """What is wrong now; None if the training works or too little was seen."""
    ticks = [tick for tick in recording.all_ticks if tick.processes]
    if not ticks or ticks[-1].t_s - ticks[0].t_s < QUIET_S:
        return None
    return _stopped(recording, ticks[-1].processes) or _idle(recording) or _long(recording) or _slower(recording)


def _stopped(recording: Recording, processes: tuple[ProcessSample, ...]) -> Episode | None:
    stopped = [one for one in processes if one.state in ("T", "t") and one.role in ("main", *WORKERS)]
    if not stopped:
        return None
    first = next((one for one in stopped if one.role == "main"), stopped[0])
    process = process_of(first)
    return _episode(recording, IS_STOPPED(process=process), subject=process, pid=first.pid)


def _idle(recording: Recording) -> Episode | None:
    """Nobody works, nor wants to. Who waits for what is then for the stacks to tell."""
    ticks = recording.all_ticks
    if _moved(recording) or ready_to_run(ticks, READY_PART):
        return None
    pids = {process.pid for tick in ticks for process in tick.processes}
    ratios = [ratio for pid in pids if (ratio := mean_cpu(ticks, pid)) is not None]
    cpus = next((tick.cgroup.effective_cpus for tick in reversed(ticks) if tick.cgroup), None)
    if not ratios or works_together(ratios, cpus if cpus is not None else float("inf")):
        return None
    return _episode(recording, NOBODY_WORKS(count=len(pids), cores=sum(ratios)))


def _moved(recording: Recording) -> bool:
    """The log went on while we looked."""
    first_s = next(tick.t_s for tick in recording.all_ticks if tick.processes)
    return bool(recording.events(EpochEnded, PhaseChanged, LogLine, start_s=first_s + 1e-3))


def _long(recording: Recording) -> Episode | None:
    """The epoch under way lasts many times as long as those before."""
    epochs = [event for event in recording.events(EpochEnded) if event.duration_s is not None]
    began = [event.t_s for event in recording.events(PhaseChanged) if event.phase == "train"]
    if len(epochs) < EPOCHS or not began or _phase(recording)[0] != "train":
        return None
    told = story(runs(recording))
    usual = told.series.usual_s if told is not None else median(event.duration_s or 0.0 for event in epochs)
    lasts = recording.duration_s - max(began)
    if lasts < LONG_TIMES * usual:
        return None
    return _episode(recording, LONG_EPOCH(lasts=lasts, usual=usual), kind="slow-down")


def _slower(recording: Recording) -> Episode | None:
    found = slow_epochs(recording)
    if found is None:
        return None
    return _episode(recording, found.reason, kind=found.kind)


def _phase(recording: Recording) -> tuple[str, int | None]:
    keeper = PhaseKeeper()
    for tick in recording.all_ticks:
        keeper.see(tick)
    return keeper.phase, keeper.epoch


def _episode(
    recording: Recording,
    reason: Text,
    *,
    kind: str = "stall",
    subject: Subject | str = "training",
    pid: int | None = None,
) -> Episode:
    """From the beginning of the look: since when it has been so is told by the log, if at all."""
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
