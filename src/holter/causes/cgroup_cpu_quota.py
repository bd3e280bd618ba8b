"""A CPU quota of the cgroup (docker --cpus, Kubernetes limit, Slurm) stops the whole run part of the time.

What happens:  the kernel lets all processes of the group run for a part of each period (quota/period), and then stops
               them until the next period. os.cpu_count() and the affinity mask still show the full machine.
How we know:   a quota is set, and a good part of its periods were throttled during the episode. Decisive.
Looks like:    few-cores-allocated (a mask, no throttled periods); other jobs on the machine (host busy, no throttling).
What helps:    a higher quota, or a cpuset instead [ADVICE: administrator]; workers <= quota [CONSENT].
Source:        cpython issue 80235; oneTBB issue 190; tests/tapes/cgroup_cpu_quota.
"""

from __future__ import annotations

from holter.causes.offers import Offer, is_one_of, no
from holter.causes.sentences import describe
from holter.causes.shared_rules import BATCHES_ARE_LOST, IN_ONE_PLACE, not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, supports, symptom

CAUSE = "cgroup-cpu-quota"

SENTENCES = describe(
    CAUSE,
    title="CPU quota slows the training down",
    meaning="A CPU quota of the container or job slows the training down.",
    findings={
        "hardly-throttled": "the quota hardly held the run back: {percent} % of its periods ({detail})",
        "no-quota": "no CPU quota is set",
        "quota-is-set": "a CPU quota allows {value:cpus}",
    },
    remedies={
        "raise-quota": "Raise the CPU quota of the job, or give it whole cores instead.",
        "raise-quota-of-container": "Raise the CPU quota of the container, or give it whole cores instead.",
    },
)

RULES = (
    needs("cpu.quota", at_least(0), "quota-is-set", otherwise="no-quota", weight=1.0),
    Rule("cpu.throttled_ratio", at_least(0.2), "quota-throttles", 2.0, group="throttled"),
    # Every limit throttles bursts; it delays the training only if something waits.
    Rule("step.times_usual", at_least(1.3), "steps-got-slower", 0.5, group="slow"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 0.5, group="slow"),
    supports("cpu.run_busy_ratio", at_least(0.7), "cpus-busy", weight=0.5),
    against("cpu.throttled_ratio", at_most(0.05), "hardly-throttled", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    *not_in("death", "creep", "unsaved"),
    symptom("cpu-limit"),
)
IF_KNOWN = (*IN_ONE_PLACE, BATCHES_ARE_LOST)


IN_CONTAINER = is_one_of("scope.container", True)
OFFERS = (
    Offer("raise-quota-of-container", "ADVICE", None, IN_CONTAINER),
    Offer("raise-quota", "ADVICE", None, no(IN_CONTAINER)),
    Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
)
