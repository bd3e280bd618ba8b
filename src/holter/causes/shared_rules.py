"""Rules of several causes."""

from __future__ import annotations

from holter.causes.weigh import Rule, against, at_least, is_false, is_true, one_of, supports

# If no process of the run uses a CPU, neither a lack of CPUs nor the number of threads delays it.
NOBODY_WORKS = against("activity.present", is_false, "nobody-works", fatal=True)
# A process that stays at one place of its code is the cause itself, however busy it is there.
MAIN_IN_ONE_PLACE = against("main.stands_at", is_true, "main-stands", fatal=True)
WORKERS_IN_ONE_PLACE = against("workers.stand_at", is_true, "workers-stand", fatal=True)
# Batches of workers that cannot hand them over are lost.
BATCHES_ARE_LOST = against("shm.trouble", is_true, "shm-explains", fatal=True)
# What is killed or refused for lack of memory mostly ends.
NOTHING_ENDED = against("episode.kind", one_of("slow-down", "stall"), "nothing-ended", weight=1.5)
# The load of the machine: of others, or of the run itself.
LOAD = supports("cpu.load_ratio", at_least(2.0), "load-above-cpus", weight=0.5)
IN_ONE_PLACE = (MAIN_IN_ONE_PLACE, WORKERS_IN_ONE_PLACE)

_KINDS = {
    "death": "something-ended",
    "stall": "it-stands-still",
    "creep": "it-creeps",
    "unsaved": "only-saving-fails",
}


def not_in(*kinds: str) -> tuple[Rule, ...]:
    """Return rules that exclude the cause for episodes of these kinds; each says why in its own words."""
    return tuple(against("episode.kind", one_of(kind), _KINDS[kind], fatal=True) for kind in kinds)
