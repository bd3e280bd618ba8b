"""The scene with healing on: the frozen worker is replaced, then the main process is killed and started again.

The second process begins at 609 s, trains epoch 2 once more (its end was not in a checkpoint) and goes on to epoch 3.
"""

from __future__ import annotations

from typing import Any

import msgspec
import reports_scene
from reports_scene import STALL

from holter.evidence.words import ENDED
from holter.records import (
    ActionTaken,
    Diagnosis,
    Episode,
    EpochEnded,
    Event,
    PhaseChanged,
    ProcessEnded,
    Remedy,
    Subject,
    Tick,
    Verdict,
)
from holter.tape import Recording

KILLED_S, BEGUN_S, BACK_S, END_S = 603, 609, 631, 900
PIDS_LATER = 1000
HOOK_TEXT = "worker 2 (PID 4713) is stopped"
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


def _did(t_s: float, action: str, state: str, text: str = "", **more: Any) -> ActionTaken:
    return ActionTaken(t_s=t_s, action=action, state=state, text=text, **more)  # type: ignore[arg-type]


def _actions() -> list[Event]:
    hook: dict[str, Any] = {"source": "hook"}
    frozen: dict[str, Any] = {"cause": "frozen-worker"}
    killed: dict[str, Any] = {"cause": "external-kill"}
    again: dict[str, Any] = {**killed, "generation": 1, "settings": (("nnUNet_n_proc_DA", "3"),)}
    gpu: dict[str, Any] = {"cause": "gpu-side-stall", "generation": 1}
    saved = "in checkpoint_latest.pth: held up 0.02 s, written in 1.1 s, verified"
    replaced = f"{HOOK_TEXT}; workers killed: 6, started: 6; the next batch came after 12.71 s"
    full = "epoch 2 in checkpoint_latest.pth: No space left on device; the checkpoint of epoch 1 is kept"
    torn = "checkpoint_latest.pth: torn: the file ends too early"
    return [
        _did(200.4, "save-checkpoint", "done", f"epoch 0 {saved}", **hook),
        _did(390.4, "save-checkpoint", "done", f"epoch 1 {saved}", **hook),
        _did(STALL[0] + 28.0, "replace-workers", "begun", "the training waits for a batch (frozen-worker)", **frozen),
        _did(STALL[0] + 28.3, "replace-workers", "begun", HOOK_TEXT, pids=(4711, 4712, 4713), **hook),
        _did(STALL[1] - 0.2, "replace-workers", "done", replaced, **hook),
        _did(STALL[1] + 0.8, "replace-workers", "done", "the training goes on after 14 s", **frozen),
        _did(590.0, "save-checkpoint", "failed", full, **hook),
        _did(BEGUN_S - 2.0, "end-group", "begun", "9 processes", pids=(4711, 4712), **killed),
        _did(BEGUN_S - 1.0, "end-group", "done", "9 processes", pids=(4711, 4712), **killed),
        _did(BEGUN_S - 0.5, "set-aside-checkpoint", "done", torn, **killed),
        _did(BEGUN_S, "restart", "begun", "nnUNetv2_train 42 3d_fullres 0 --c", **again),
        _did(BACK_S, "restart", "done", "epoch 2, 22 s after the restart", **again),
        _did(850.0, "restart", "proposed", "step-1", **gpu),
        _did(898.0, "stop", "begun", "budget-of-the-hour", **gpu),
        _did(899.0, "stop", "done", "budget-of-the-hour", **gpu),
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
