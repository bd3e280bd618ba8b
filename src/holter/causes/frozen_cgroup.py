"""A control group is frozen: the kernel lets its processes do nothing.

What happens:  docker pause, a batch system that suspends a job (scontrol suspend), or an administrator freezes the
               group, and its processes do not run until it is unfrozen ("thawed"). With version 1 of the control groups
               even SIGKILL does not end them, and in ps they look as if they hang on a disk (state D). With
               version 2 they look asleep (state S), and SIGKILL works.
How we know:   the wait channel of the processes is that of the freezer, or they are in state D in a kind of wait that
               is never in state D otherwise (a lock, a sleep, a poll). Decisive.
Looks like:    slow-storage (state D, too, but in a wait for storage); frozen-worker (state T); main-stands-still
               (state S, but in a wait of its own).
What helps:    unfreeze the group: docker unpause, scontrol resume, or the freezer file of the group [ADVICE: the person
               who froze it].
Source:        the kernel's documentation of the freezer of control groups; tests/tapes/frozen_cgroup.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import is_true, needs, only

CAUSE = "frozen-cgroup"

SENTENCES = describe(
    CAUSE,
    title="Control group frozen",
    meaning="A control group is frozen: the kernel lets its processes do nothing.",
    findings={
        "in-no-freezer": "no process is in a freezer",
    },
    remedies={
        "thaw-group": "Thaw the group: docker unpause, scontrol resume, or its freezer file.",
    },
)

RULES = (
    needs("frozen.processes", is_true, "in-a-freezer", otherwise="in-no-freezer", weight=3.0),
    only("stall", "slow-down"),
)

OFFERS = (Offer("thaw-group", "ADVICE"),)
