"""Others on the machine take the CPUs that the training needs.

What happens:  a second training, or somebody else's job, shares the cores. Each epoch takes longer from the moment at
               which the other began, and is fast again when it ends: 480 s became 800 s, 500 s became 2000 s. Nothing
               is wrong within the run itself. In a virtual machine, the others may be machines on the same host.
How we know:   processes outside the run use a quarter of the machine's CPUs or more, and main process and workers spend
               a fifth of the time in which they want a CPU waiting for one (the kernel counts it), while steps wait for
               batches or got slower. A run that has its CPUs busy by itself, gets a CPU whenever it wants one, or
               hardly wants one is not slowed down by others; neither is a run that hangs in one place of its code, or
               stops for seconds and then goes on. In a virtual machine: a tenth of the CPU time or more is "steal".
Looks like:    cpu-starved-augmentation (the run itself uses all CPUs); cgroup-cpu-quota (throttled periods);
               affinity-clobbered (the workers share one core, and wait for each other);
               few-cores-allocated (others cannot be on these CPUs); gpu-shared-or-zombie (others on the GPU).
What helps:    see who it is [SAFE]; as many workers as cores divided by trainings (nnUNet_n_proc_DA) [CONSENT]; fixed
               cores for each training (taskset, cpuset) [ADVICE]; start trainings one after the other [ADVICE]; a
               virtual machine with CPUs of its own [ADVICE]. More workers make it worse for everybody.
Source:        MIC-DKFZ/nnUNet issues 4, 473, 1089, 1842; tests/tapes/concurrent_jobs_contention.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import IN_ONE_PLACE, LOAD, NOBODY_WORKS
from holter.causes.steps import Facts
from holter.causes.weigh import (
    Rule,
    against,
    at_least,
    at_most,
    holding,
    if_seen,
    is_true,
    likely_at_most,
    no_symptom,
    one_of,
    only,
    supports,
    symptom,
    weigh,
)
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "concurrent-jobs-contention"

SENTENCES = describe(
    CAUSE,
    title="Others use the CPUs",
    meaning="Others on the machine take the CPUs that the training needs.",
    findings={
        "gets-a-cpu": "the run gets a CPU when it wants one: it waits {percent} % of that time",
        "others-hardly-work": "others use only {percent} % of the machine's CPUs ({detail})",
        "others-named": "the busiest of the others: {value}",
        "makes-pauses": "the training stopped {value} times for many steps; others make every step slow instead",
        "others-use-cpus": "others use {percent} % of the machine's CPUs ({detail})",
        "cpus-stolen": "the host of this virtual machine gave {percent} % of the CPU time to others (steal)",
        "waits-for-a-cpu": "the run got no CPU in {percent} % of the time in which it wanted one",
    },
    remedies={
        "see-who-else": "See who else uses the CPUs.",
        "cpus-of-its-own": "Ask for a virtual machine with CPUs of its own, or move it to a host with less load.",
        "share-the-cores": "Share the cores: workers of all trainings together should not be more than the CPUs.",
        "trainings-in-turn": "Run trainings one after another, or give each its own cores (taskset, cpuset).",
    },
)

RULES = (
    Rule("host.others_cpu_ratio", at_least(0.25), "others-use-cpus", 2.0, group="others"),
    Rule("cpu.queue_ratio", at_least(0.2), "waits-for-a-cpu", 1.5, group="waits"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 1.0, group="slow"),
    Rule("step.times_usual", at_least(1.1), "steps-got-slower", 1.0, group="slow"),
    supports("trainings.others", at_least(1), "other-trainings"),
    supports("host.others", is_true, "others-named", weight=0.5),
    supports("pressure.cpu", at_least(0.2), "cpu-pressure", weight=0.5),
    supports("epochs.shape", one_of("step-up", "step-down"), "epochs-have-this-shape", weight=0.5),
    against("host.others_cpu_ratio", at_most(0.1), "others-hardly-work", fatal=True),
    against("cpu.queue_ratio", at_most(0.1), "gets-a-cpu", fatal=True),
    # The run uses its full allowance, so the others take nothing from it.
    against("cpu.run_busy_ratio", at_least(0.85), "cpus-busy", fatal=True),
    against("cpu.throttled_ratio", at_least(0.1), "quota-throttles", weight=1.5),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("workers.blocked", is_true, "worker-blocked", weight=1.5),
    against("gpu.throttled", is_true, "clock-explains", weight=1.5),
    against("gpu.shared", one_of("slow"), "others-explain", weight=1.5),
    against("gpu.licence_stage", one_of("unlicensed-restricted", "unlicensed"), "licence-explains", weight=1.5),
    only("slow-down", "stall"),
    symptom("others-use-cpu"),
    no_symptom("same-elsewhere", weight=1.0),
    no_symptom("others-use-gpu", weight=1.5),
)

# Less is usual on a host that is well used; the guest sees neither the others nor a queue.
STOLEN = at_least(0.1)
BY_THE_HOST = Rule("cpu.steal_ratio", STOLEN, "cpus-stolen", 2.0, group="others")
OF_THE_GUEST = ("host.others_cpu_ratio", "host.others", "trainings.others", "cpu.queue_ratio", "pressure.cpu")


def _is_stolen(facts: Facts) -> bool:
    stolen = facts.get("cpu.steal_ratio")
    return isinstance(stolen, (int, float)) and STOLEN(stolen)


OFFERS = (
    Offer("cpus-of-its-own", "ADVICE", None, _is_stolen),
    Offer("see-who-else", "SAFE", "ps -eo pid,user,pcpu,etime,args --sort=-pcpu | head"),
    Offer("share-the-cores", "CONSENT"),
    Offer("trainings-in-turn", "ADVICE"),
)
# Workers that are pinned to one core wait for each other, even if the rest of the machine is free.
PINNED = against("affinity.narrowed", is_true, "cpus-narrowed", weight=3.0)
# Who shares the CPUs makes each step slower, and no pauses that are many steps long.
PAUSES = against("pauses.count", at_least(1), "makes-pauses", weight=5.0)
# Load of others makes steps slow; if no process of the run wants a CPU, it delays nothing.
STANDSTILL = (NOBODY_WORKS, against("main.state", one_of("S", "D"), "it-stands-still", weight=4.0))


def diagnose(evidence: Evidence) -> Verdict:
    stands = evidence.fact("episode.kind").value == "stall"
    seen = if_seen(evidence, PINNED, PAUSES, *IN_ONE_PLACE)
    rules: tuple[Rule, ...] = RULES
    is_stolen = bool(holding(evidence, BY_THE_HOST))
    if is_stolen:
        guest = tuple(rule for rule in RULES if rule.fact in OF_THE_GUEST and rule.speaks == "for")
        others = tuple(rule for rule in RULES if rule.fact not in OF_THE_GUEST)
        rules = (BY_THE_HOST, *others, *(rule._replace(group=None) for rule in holding(evidence, *guest)))
    if evidence.is_stated:
        rules = (*rules, *holding(evidence, LOAD))
    verdict = weigh(CAUSE, evidence, (*rules, *(STANDSTILL if stands else ()), *seen))
    return likely_at_most(verdict) if is_stolen else verdict  # how much slower it makes a run is not known
