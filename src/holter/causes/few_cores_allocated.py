"""The scheduler or an affinity mask gives the run far fewer CPUs than nnU-Net expects.

What happens:  nnU-Net starts min(12, os.cpu_count()) training workers and half as many for validation;
               os.cpu_count() ignores affinity and cpuset. A dozen workers and the main process share one or two cores.
How we know:   effective CPUs (affinity, cpuset) are a fraction of the visible ones, there are two or more data workers
               for each of them, and they are all busy.
Looks like:    cgroup-cpu-quota (quota and throttled periods instead of a mask); cpu-starved-augmentation (all CPUs of
               the machine are given and busy).
What helps:    srun --cpus-per-task, docker --cpuset-cpus with more cores [ADVICE]; nnUNet_n_proc_DA = the CPUs given
               [CONSENT].
Source:        MIC-DKFZ/nnUNet issue 696; Lightning issue 1322; tests/tapes/few_cores_allocated.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import BATCHES_ARE_LOST, IN_ONE_PLACE, NOBODY_WORKS, not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, one_of, symptom

CAUSE = "few-cores-allocated"

SENTENCES = describe(
    CAUSE,
    title="Too few CPU cores",
    meaning="The training may use far fewer CPU cores than it starts workers for.",
    findings={
        "all-cpus-allocated": "the run may use {percent} % of the machine's CPUs ({detail})",
        "many-workers-per-cpu": "there are {value} data workers for each usable CPU ({detail})",
    },
    remedies={
        "ask-for-cores": "Ask the scheduler for more CPU cores (--cpus-per-task).",
    },
)

RULES = (
    needs("cpu.allocated_ratio", at_most(0.75), "few-cpus-of-many", otherwise="all-cpus-allocated", weight=1.0),
    Rule("cpu.workers_per_cpu", at_least(2.0), "many-workers-per-cpu", 1.0, group="many"),
    Rule("cpu.run_busy_ratio", at_least(0.75), "cpus-busy", 1.0, group="busy"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 1.0, group="slow"),
    Rule("step.times_usual", at_least(1.1), "steps-got-slower", 0.5, group="slow"),
    against("cpu.throttled_ratio", at_least(0.1), "quota-throttles", weight=2.0),
    against("affinity.narrowed", is_true, "cpus-narrowed", weight=1.5),
    against("setting.pinning", lambda text: text.lower() != "false", "threads-are-bound", weight=0.5),
    against("workers.running_threads", at_least(2.0), "many-threads-run", weight=1.5),
    against("workers.threads", at_least(9), "many-threads-each", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    NOBODY_WORKS,
    *not_in("death", "creep", "unsaved"),
    # The share of waiting over all steps is stronger than one stack, which may come from within a step.
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=1.0),
    against("main.waits_on", one_of("native-call"), "main-in-native-call", weight=0.5),
    symptom("few-cores"),
    symptom("slow-from-start"),
)
IF_KNOWN = (*IN_ONE_PLACE, BATCHES_ARE_LOST)
# An allocation only counts after its CPUs were seen busy.
ONLY_IF_SEEN = ("cpu.run_busy_ratio",)

OFFERS = (
    Offer("ask-for-cores", "ADVICE"),
    Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
)
