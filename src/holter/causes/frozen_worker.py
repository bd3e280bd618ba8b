"""A data worker is stopped or frozen, and the training waits for it or soon will.

What happens:  one worker process does not run any more (SIGSTOP, a debugger, a frozen cgroup) but is not dead, so
               nnU-Net never notices. Its results loop waits for the tensor that this worker announced, the ready
               queue runs empty, GPU and CPU fall to 0 %. No message, no time limit: it lasts until somebody acts.
How we know:   the process is in state T for 5 s or more while the main process is not. Decisive. The results loop
               sits in the tensor hand-over, the main thread in the batch queue: this is why the others cannot help.
Looks like:    slow-storage (workers in D, a file behind them); gpu-side-stall (queue full, main thread in a native
               call); worker-killed (the process is gone); a stopped terminal (main is in T as well: no alarm).
What helps:    continue it: kill -CONT PID [SAFE]; else end it and continue the training with --c [CONSENT: with
               nnU-Net's own checkpoints up to 50 epochs are lost]; in the next run, with --sharing file_system, a
               frozen worker does not stop the others [CONSENT].
Source:        measured with batchgenerators 0.25.5: 18 of 22 single freezes stopped everything, 0 of 12 with
               file_system sharing; tests/tapes/frozen_worker.
"""

from holter.causes.offers import END_AND_CONTINUE, SHARE_THROUGH_FILES, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN, ALONE, IN_EPOCH, THROUGH_FILES
from holter.causes.weigh import is_true, needs, one_of, supports, symptom

CAUSE = "frozen-worker"

SENTENCES = describe(
    CAUSE,
    title="Frozen data worker",
    meaning="A data worker is stopped, and can hold up the whole training.",
    headline="{subject} is stopped.",
    findings={
        "hand-over-waits": "the results loop waits for a worker to hand over its tensor ({detail})",
        "no-worker-stopped": "no worker is stopped",
    },
    remedies={
        "continue-process": "Let the stopped process continue: the training resumes by itself within seconds.",
    },
)

RULES = (
    needs("workers.stopped", is_true, "worker-stopped", otherwise="no-worker-stopped", weight=3.0),
    supports("results_loop.waits_on", one_of("tensor-hand-over"), "hand-over-waits"),
    supports("main.waits_on", one_of("batch-queue", "export-result", "export-slot"), "main-waits-for-workers"),
    supports("queue.ready", one_of("empty"), "ready-queue-empty"),
    *not_in("death", "creep", "unsaved"),
    symptom("stopped-by-user", weight=1.5),
)

OFFERS = (
    Offer("continue-process", "SAFE", "kill -CONT {pids}"),
    END_AND_CONTINUE,
    SHARE_THROUGH_FILES,
)
LADDER = (IN_EPOCH, AGAIN, THROUGH_FILES, ALONE)
IF_WAITED_FOR = True
