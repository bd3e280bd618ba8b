"""How long a stall or a death must last before Holter acts: two signs must agree, and the hook acts first."""

from __future__ import annotations

import math

from holter.causes import stated
from holter.detectors.view import is_held
from holter.history.ranks import working
from holter.records import Diagnosis, Episode, Tick
from holter.supervisor.healing.training_state import TrainingState

# Two signs before any action: an episode, and a quiet main process.
# The hook replaces dead workers by itself within seconds; a user may be inspecting a stall without a known cause.
HOOK_FIRST_S = 15.0
# Without a cause, a stalled training is touched only if it waits for another process of nnU-Net: a slow start from a
# network disk, or a user's upload at the end of an epoch, looks the same from outside. Nor while workers compute: a
# giant case takes minutes.
NAMELESS_S = 60.0
# By cause; without any, nothing is waited for.
PATIENCE_S: dict[str, float] = stated("PATIENCE_S")


def is_time(state: TrainingState, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> bool:
    """Return whether to act on an episode that is not over."""
    if is_held(tick):
        return False
    waited_s = tick.t_s - episode.alarm_s
    stands_still = episode.kind in ("stall", "death") and state.is_quiet(tick)
    if episode.kind == "death" and state.progress.longest_step_s is None:
        # During start-up a missing step means nothing: the second sign is a wait for the dead workers.
        stands_still = stands_still and _waits(tick)
    return stands_still and waited_s >= _patience_s(state, episode, diagnosis, tick)


def _patience_s(state: TrainingState, episode: Episode, diagnosis: Diagnosis | None, tick: Tick) -> float:
    if episode.kind == "death":
        return HOOK_FIRST_S
    if diagnosis is None or not diagnosis.verdicts or diagnosis.verdicts[0].verdict == "possible":
        works = state.worked_s is not None and tick.t_s - state.worked_s < NAMELESS_S
        return NAMELESS_S if _waits(tick) and not works else math.inf
    return PATIENCE_S.get(diagnosis.verdicts[0].cause, 0.0)


def _waits(tick: Tick) -> bool:
    return any(beat.waits_for != "none" for beat in working(tick.beats))
