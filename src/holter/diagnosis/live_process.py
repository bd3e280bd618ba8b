"""Diagnose a running or stalled training: record it for some seconds, then judge its current state."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holter.detectors.snapshot import episode_of_snapshot, without_standstill
from holter.diagnosis.result import OBSERVE_S, DiagnosisResult
from holter.evidence.scope import shows_nnunet, was_training_seen
from holter.records import Tick
from holter.remedies.diagnose import diagnose_recording
from holter.sentences import define
from holter.supervisor.attach import attach
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.scratch import new_scratch
from holter.tape import read

# A stalled run is marked at this point, so that all stacks are captured before the observation ends.
MARK_S = 7.5

LOOKED_AT = define("target.pid", "Looked at process {pid} for {seconds:.0f} s.")
FINE = define(
    "target.pid-fine", "The training works: as far as can be seen, nothing is stalled and nothing became slower."
)


def observe(pid: int, tell: Callable[[float], None], for_s: float = OBSERVE_S) -> DiagnosisResult:
    """Record the training that a PID belongs to for about ``for_s`` seconds, and diagnose it.

    Read-only: Ctrl-C ends the observation, not the training. ``tell``: gets the seconds that are recorded.
    Raises:  NoSuchProcess, NotOurProcess, NotATraining, AlreadyRecorded, FolderNotWritable.
    """
    scratch = new_scratch("holter-look-")
    marked = False

    def each_tick(recorder: Recorder, tick: Tick) -> None:
        nonlocal marked
        tell(tick.t_s)
        if not marked and tick.t_s >= MARK_S and not recorder.episodes:
            episode = episode_of_snapshot(recorder.recording())
            if episode is not None:
                marked = True
                recorder.mark(episode)

    try:
        tape = scratch.folder / "look.holter"
        attach(pid, tape, for_s=max(for_s, MARK_S + 2.0), each_tick=each_tick, is_listed=False)
        recording = read(tape)
    finally:
        scratch.close()
    if not shows_nnunet(recording):
        recording = msgspec.structs.replace(recording, all_episodes=without_standstill(recording.all_episodes))
    episodes = recording.episodes()
    notes = [LOOKED_AT(pid=pid, seconds=recording.duration_s)]
    if not episodes and was_training_seen(recording):
        notes.append(FINE())
    diagnoses = diagnose_recording(recording, episodes, is_over=False)
    return DiagnosisResult("pid", f"PID {pid}", recording, diagnoses, tuple(notes))
