"""The scene with healing on: the frozen worker is replaced, then the main process is killed and started again.

The second process begins at 609 s, trains epoch 2 once more (its end was not in a checkpoint) and goes on to epoch 3.
"""

from __future__ import annotations

from typing import Any

import msgspec
import reports_scene
from reports_scene import STALL

from holter.evidence.words import ENDED
from holter.hook.remarks import remark, worker
from holter.probes.training.remarks import worded
from holter.records import (
    ActionTaken,
    Diagnosis,
    Episode,
    EpochEnded,
    Event,
    PhaseChanged,
    Plan,
    ProcessEnded,
    Remedy,
    Subject,
    Text,
    Tick,
    Verdict,
)
from holter.remedies.ladder import WAITS, reason_of
from holter.sentences import as_fields
from holter.supervisor.healing.checkpoint_before_restart import CHECKPOINT
from holter.supervisor.healing.end_group import PROCESSES
from holter.supervisor.healing.healer import AT_WORK_AGAIN, GOES_ON
from holter.tape import Recording

KILLED_S, BEGUN_S, BACK_S, END_S = 603, 609, 631, 900
PIDS_LATER = 1000
STOPPED = remark("worker-stopped", worker=worker(2, 4713))
FILE = "checkpoint_latest.pth"
EPOCHS = ((2, 631, 790), (3, 790, 895))


def recording() -> Recording:
    scene = reports_scene.recording()
    between = [Tick(t_s=float(t), host=scene.all_ticks[t - 600].host) for t in range(601, BEGUN_S + 4)]
    second = [_later(scene.all_ticks[t - BEGUN_S + 2], t) for t in range(BEGUN_S + 4, END_S + 1)]
    waiting = list(_events())
    ticks = []
    for tick in (*scene.all_ticks, *between, *second):
        events = [event for event in tick.events if not (isinstance(event, EpochEnded) and event.epoch == 2)]
        events += [event for event in waiting if event.t_s <= tick.t_s]
        waiting = [event for event in waiting if event.t_s > tick.t_s]
        ticks.append(msgspec.structs.replace(tick, events=tuple(events)))
    return msgspec.structs.replace(scene, all_ticks=tuple(ticks), all_episodes=(*scene.all_episodes, episode_killed()))


def _later(tick: Tick, t: int) -> Tick:
    """A tick of the healthy first minutes, as the second process would have it."""
    at, shift = float(t), t - tick.t_s
    epoch = next((number for number, start, end in EPOCHS if start <= t < end), 3)
    beats = tuple(
        msgspec.structs.replace(
            beat,
            t_s=at,
            pid=beat.pid + PIDS_LATER,
            epoch=epoch if beat.role == "main" else None,
            progressed_s=None if beat.progressed_s is None else beat.progressed_s + shift,
        )
        for beat in tick.beats
    )
    processes = tuple(
        msgspec.structs.replace(process, t_s=at, pid=process.pid + PIDS_LATER) for process in tick.processes
    )
    return Tick(t_s=at, host=tick.host, cgroup=tick.cgroup, gpus=tick.gpus, processes=processes, beats=beats)


def _did(t_s: float, action: str, state: str, said: Text = "", **more: Any) -> ActionTaken:
    return ActionTaken(t_s=t_s, action=action, state=state, **as_fields(said), **more)  # type: ignore[arg-type]


def _saved(epoch: int) -> Text:
    return worded(remark("saved-epoch", epoch=epoch, file=FILE, held_up=0.02, written=1.1))


def _actions() -> list[Event]:
    hook: dict[str, Any] = {"source": "hook"}
    frozen: dict[str, Any] = {"cause": "frozen-worker"}
    killed: dict[str, Any] = {"cause": "external-kill"}
    again: dict[str, Any] = {**killed, "generation": 1, "settings": (("nnUNet_n_proc_DA", "3"),)}
    gpu: dict[str, Any] = {"cause": "gpu-side-stall", "generation": 1}
    replaced = worded([STOPPED, remark("workers-started", ended=6, started=6), remark("next-batch", after=12.71)])
    no_space = remark("not-saved-epoch", epoch=2, file=FILE, reason="No space left on device")
    full = worded([no_space, remark("older-kept", epoch=1)])
    torn = CHECKPOINT(file=FILE, problem=worded(remark("cut-off")))
    enough = reason_of(Plan(action="stop", reason="budget-of-the-hour")) or ""
    return [
        _did(200.4, "save-checkpoint", "done", _saved(0), **hook),
        _did(390.4, "save-checkpoint", "done", _saved(1), **hook),
        _did(STALL[0] + 28.0, "replace-workers", "begun", WAITS(), **frozen),
        _did(STALL[0] + 28.3, "replace-workers", "begun", worded(STOPPED), pids=(4711, 4712, 4713), **hook),
        _did(STALL[1] - 0.2, "replace-workers", "done", replaced, **hook),
        _did(STALL[1] + 0.8, "replace-workers", "done", GOES_ON(after=14.0), **frozen),
        _did(590.0, "save-checkpoint", "failed", full, **hook),
        _did(BEGUN_S - 2.0, "end-group", "begun", PROCESSES(count=9), pids=(4711, 4712), **killed),
        _did(BEGUN_S - 1.0, "end-group", "done", PROCESSES(count=9), pids=(4711, 4712), **killed),
        _did(BEGUN_S - 0.5, "set-aside-checkpoint", "done", torn, **killed),
        _did(BEGUN_S, "restart", "begun", "nnUNetv2_train 42 3d_fullres 0 --c", **again),
        _did(BACK_S, "restart", "done", AT_WORK_AGAIN(epoch=2, after=22.0), **again),
        _did(850.0, "restart", "proposed", **gpu),
        _did(898.0, "stop", "begun", enough, **gpu),
        _did(899.0, "stop", "done", enough, **gpu),
    ]


def _events() -> list[Event]:
    found: list[Event] = [
        *_actions(),
        EpochEnded(t_s=600.0, epoch=2, duration_s=209.3, train_loss=-0.61, val_loss=-0.58, pseudo_dice=(0.77, 0.48)),
        ProcessEnded(t_s=float(KILLED_S), pid=4700, role="main", exit_signal=9, source="wait"),
        PhaseChanged(t_s=BEGUN_S + 1.5, phase="startup"),
    ]
    for number, start, end in EPOCHS:
        loss = -0.6 - 0.02 * (number - 2)
        ended = EpochEnded(t_s=float(end), epoch=number, duration_s=float(end - start), train_loss=loss)
        found += [
            PhaseChanged(t_s=float(start), phase="train", epoch=number),
            PhaseChanged(t_s=end - 12.0, phase="validate", epoch=number),
            msgspec.structs.replace(ended, val_loss=-0.57, pseudo_dice=(0.78, 0.5)),
        ]
    return sorted(found, key=lambda event: event.t_s)


def episode_killed() -> Episode:
    return Episode(
        kind="death",
        phase="train",
        start_s=float(KILLED_S),
        alarm_s=KILLED_S + 1.0,
        end_s=float(KILLED_S),
        detector="death",
        subject=Subject(role="main", pid=4700),
        pid=4700,
        reason=ENDED(who=Subject(role="main", pid=4700), ending="SIGKILL"),
    )


def diagnosis_killed() -> Diagnosis:
    verdict = Verdict(
        cause="external-kill",
        verdict="confirmed",
        score=0.9,
        supports=(reports_scene.finding("main.exit_signal", "worker-ended-by-signal", "9"),),
    )
    remedies = (("external-kill", (Remedy(id="more-memory"),)),)
    return Diagnosis(episode=episode_killed(), verdicts=(verdict,), remedies=remedies)


def diagnoses() -> tuple[Diagnosis, ...]:
    return (*reports_scene.diagnoses(), diagnosis_killed())
