"""Diagnose a running or stalled training: record it for some seconds, then judge its current state."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from holter.detectors.snapshot import QUIET_S, episode_of_snapshot, standstill, without_standstill
from holter.diagnosis.result import OBSERVE_S, DiagnosisResult
from holter.evidence.scope import shows_nnunet, was_training_seen
from holter.probes.process.stack_refusal import PERMISSION_DENIED
from holter.records import Message, Tick
from holter.remedies.diagnose import diagnose_recording
from holter.sentences import define, joined
from holter.supervisor.attach import attach
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.scratch import new_scratch
from holter.tape import Recording, read

# A stalled run is marked at this point, so that all stacks are captured before the observation ends.
MARK_S = 7.5

LOOKED_AT = define("target.pid", "Looked at process {pid} for {seconds:.0f} s.")
FINE = define(
    "target.pid-fine", "The training works: as far as can be seen, nothing is stalled and nothing became slower."
)
MAY_STAND = define(
    "target.pid-may-stand",
    "{count} processes used {cores:.2f} cores together in {seconds:.0f} s, as if nobody worked; whether they train "
    "with nnU-Net cannot be seen[[ (stacks: {why})]].",
    one="{count} process used {cores:.2f} cores in {seconds:.0f} s, as if it did not work; whether it trains with "
    "nnU-Net cannot be seen[[ (stacks: {why})]].",
)
AS_ROOT = define("target.pid-as-root", "Root may read the stacks: sudo holter diagnose {pid}")


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
        if not marked and tick.t_s >= MARK_S and not recorder.kept.episodes:
            episode = episode_of_snapshot(recorder.kept.recording())
            if episode is not None:
                marked = True
                recorder.kept.take(episode)  # no detector marked it: the training had stalled before

    try:
        tape = scratch.folder / "look.holter"
        attach(pid, tape, for_s=max(for_s, MARK_S + 2.0), each_tick=each_tick, is_listed=False)
        recording = read(tape)
    finally:
        scratch.close()
    notes = [LOOKED_AT(pid=pid, seconds=recording.duration_s)]
    kept = without_standstill(recording.all_episodes)
    if kept != recording.all_episodes and not shows_nnunet(recording):
        notes += _what_may_stand(recording, pid)
        recording = msgspec.structs.replace(recording, all_episodes=kept)
    episodes = recording.episodes()
    if not episodes and was_training_seen(recording):
        notes.append(FINE())
    diagnoses = diagnose_recording(recording, episodes, is_over=False)
    return DiagnosisResult("pid", f"PID {pid}", recording, diagnoses, tuple(notes))


# Not an episode: an idle program that is no training has no fault. But a training that hangs looks the same from
# outside, where its stacks cannot be read.
def _what_may_stand(recording: Recording, pid: int) -> tuple[Message, ...]:
    found, dumps = standstill(recording), recording.all_stacks
    if (
        found is None
        or not isinstance(found.reason, Message)
        or any(thread.frames for dump in dumps for thread in dump.threads)
    ):
        return ()
    span_s = found.alarm_s - found.start_s
    if span_s < QUIET_S:
        return ()
    refused = next((dump.refused for dump in dumps if dump.role == "main"), dumps[0].refused if dumps else ())
    seen = {name: found.reason.value(name) for name in ("count", "cores")}
    stands = MAY_STAND(**seen, seconds=span_s, why=joined(*refused) or None)
    is_denied = any(isinstance(why, Message) and why.value("why") == PERMISSION_DENIED() for why in refused)
    return (stands, AS_ROOT(pid=pid)) if is_denied and os.geteuid() != 0 else (stands,)
