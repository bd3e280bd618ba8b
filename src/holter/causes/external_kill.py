"""The training itself was ended by a signal from outside.

What happens:  the main process gets SIGKILL, SIGTERM or SIGHUP: a scheduler's time limit, a closed terminal,
               systemd-oomd, a colleague. The log stops in mid-epoch; workers may stay behind as orphans.
How we know:   the exit signal of the main process, no exception before it, and no OOM kill counted.
Looks like:    an out-of-memory kill (the kernel's or cgroup's counter grows: see worker-killed); main-exception.
What helps:    continue with --c from the last checkpoint [CONSENT]; run under tmux, nohup or systemd-run; ask for more
               time or memory [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 1096, 528; tests/tapes/external_kill.
"""

from __future__ import annotations

from holter.causes.weigh import against, at_least, at_most, is_true, needs, one_of, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "external-kill"

RULES = (
    needs("main.exit_signal", at_least(1), "main-ended-by-signal", otherwise="main-not-ended-by-signal", weight=3.0),
    supports("oom.kills", at_most(0), "no-oom-counted", weight=0.5),
    supports("main.exit_signal", one_of(1, 9, 15), "signal-of-a-kill", weight=0.5),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    against("exception.first", is_true, "exception-came-first", weight=2.0),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.0),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
