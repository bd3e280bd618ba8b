"""Each data worker starts a pool of threads, and together they are far more than the CPUs.

What happens:  OpenMP, MKL, OpenBLAS or OpenCV start a thread for each core, in every worker: cores times workers. The
               threads take the CPUs from each other; more workers make it slower, and system time is high.
How we know:   the workers have more than eight threads each (a stock one has three or four), two or more of them run
               at the same time, all usable CPUs are busy, and steps wait for batches.
Looks like:    cpu-starved-augmentation and few-cores-allocated (one busy thread in each worker);
               concurrent-jobs-contention (the CPUs are taken by others).
What helps:    OMP_NUM_THREADS=1, with MKL_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 [CONSENT: the last digits of sums
               may change]; in a trainer of your own cv2.setNumThreads(0) and torch.set_num_threads(1) in the workers
               [ADVICE]. More workers make it worse.
Source:        MIC-DKFZ/nnUNet issues 1154, 1022; oneTBB issue 190; tests/tapes/thread_oversubscription.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import BATCHES_ARE_LOST, IN_ONE_PLACE, LOAD, NOBODY_WORKS
from holter.causes.weigh import Rule, against, at_least, at_most, holding, is_true, only, supports, symptom
from holter.evidence import Evidence

CAUSE = "thread-oversubscription"

SENTENCES = describe(
    CAUSE,
    title="Too many threads",
    meaning="Each data worker runs many threads, in all more than there are CPUs.",
    findings={
        "few-threads": "a data worker has only {value} threads",
        "many-switches": "a data worker loses its CPU {value} times a second",
        "one-thread-each": "OMP_NUM_THREADS is {value}",
    },
    remedies={
        "one-thread-each": "One thread for each worker; also MKL_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1.",
    },
)

# A stock data worker has three or four threads; more are the thread pools of its libraries.
FEW_THREADS = 8

RULES = (
    Rule("workers.running_threads", at_least(2.0), "many-threads-run", 2.0, group="threads"),
    supports("workers.threads", at_least(FEW_THREADS + 1), "many-threads-each", weight=3.0),
    Rule("cpu.run_busy_ratio", at_least(0.75), "cpus-busy", 1.0, group="busy"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 1.0, group="slow"),
    Rule("step.times_usual", at_least(1.1), "steps-got-slower", 1.0, group="slow"),
    supports("workers.switches_per_s", at_least(100), "many-switches", weight=0.5),
    against("workers.threads", at_most(FEW_THREADS), "few-threads", fatal=True),
    against("setting.omp_threads", at_most(1), "one-thread-each"),
    against("cpu.throttled_ratio", at_least(0.1), "quota-throttles", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    NOBODY_WORKS,
    only("slow-down", "stall"),
    symptom("many-threads"),
)
IF_KNOWN = (*IN_ONE_PLACE, BATCHES_ARE_LOST)

OFFERS = (Offer("one-thread-each", "CONSENT", "export OMP_NUM_THREADS=1"),)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    loaded = holding(evidence, LOAD) if evidence.is_stated else ()
    return (*RULES, *loaded)
