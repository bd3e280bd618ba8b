"""A worker process was ended by a signal: the kernel or somebody killed it.

What happens:  a data or export worker dies without a Python exception. nnU-Net says only that "one or more
               background workers are no longer alive" and ends; nothing is printed above that sentence.
How we know:   exit signal of the first worker that died. 9 with an OOM kill counted by the cgroup or kernel: out of
               memory. 9 without: somebody or something outside. 7: a mapped file was cut (shm-too-small if
               /dev/shm was full). 11, 6, 4: a native crash. 15 from its own parent is an echo, not a cause.
Looks like:    shm-too-small (SIGBUS while /dev/shm was full); worker-exception (a traceback, exit code 0 or 1);
               secondary echo of a dying main process (signal 15).
What helps:    out of memory: fewer workers (nnUNet_n_proc_DA) or more memory [CONSENT]; native crash: upgrade
               batchgenerators, threadpoolctl, torch, or start workers without fork
               (HOLTER_START_METHOD=forkserver) [CONSENT]; then continue with --c.
Source:        MIC-DKFZ/nnUNet issues 1343, 1898, 2708, 2749; batchgenerators issue 138; tests/tapes/worker_killed.
"""

from __future__ import annotations

from holter.causes.weigh import against, at_least, is_true, needs, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "worker-killed"

RULES = (
    needs(
        "worker.exit_signal", at_least(1), "worker-ended-by-signal", otherwise="no-worker-ended-by-signal", weight=3.0
    ),
    supports("oom.kills", at_least(1), "oom-counted", weight=0.5),
    against("shm.trouble", is_true, "shm-explains", weight=2.0),
    against("export.replaced", at_least(1), "export-worker-replaced", weight=2.0),  # the wait that follows is worse
    supports("worker.fatal_frame", is_true, "fatal-frame", weight=0.5),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
