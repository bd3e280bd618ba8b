"""The CPUs cannot prepare batches as fast as the training takes them.

What happens:  every data worker computes all the time, the ready queue is empty, the training waits for most of each
               step. Slow from the first epoch on, in the same way in every epoch.
How we know:   over half of the step time is waiting for a batch, the queue is empty, the CPUs that the run may use are
               busy, and nobody is throttled or waits for storage.
Looks like:    few-cores-allocated and cgroup-cpu-quota (the machine has more CPUs than the run may use); slow-storage
               (workers wait in D); another job on the machine (host busy, the run is not).
What helps:    as many workers as cores, not more (nnUNet_n_proc_DA) [CONSENT]; GPU augmentation [CONSENT: other random
               stream]; a machine with more cores; float16 preprocessed data saves reading, not augmenting.
Source:        MIC-DKFZ/nnUNet issues 3063, 2944, 340, 184; tests/tapes/cpu_starved_augmentation.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import BATCHES_ARE_LOST, NOBODY_WORKS, not_in
from holter.causes.weigh import Rule, against, at_least, at_most, if_seen, is_true, one_of, supports, symptom
from holter.evidence import Evidence

CAUSE = "cpu-starved-augmentation"

SENTENCES = describe(
    CAUSE,
    title="Augmentation starves the GPU",
    meaning="The CPU cannot prepare batches as fast as the training takes them.",
    findings={
        "workers-compute": "data workers at work: {value}",
        "cpus-hardly-used": "the training hardly uses the CPUs: {percent} % ({detail})",
    },
    remedies={
        "gpu-augmentation": "Move the augmentation to the GPU (other random numbers, same distribution).",
        "more-cores": "Give the training more CPU cores: 2 to 3 for each input channel are a good start.",
    },
)

RULES = (
    Rule("wait.ratio", at_least(0.5), "waits-for-batches", 2.0, group="wait"),
    Rule("cpu.run_busy_ratio", at_least(0.75), "cpus-busy", 2.0, group="cpu"),
    supports("queue.ready", one_of("empty"), "ready-queue-empty"),
    supports("workers.working", at_least(1), "workers-compute"),
    supports("pressure.cpu", at_least(0.2), "cpu-pressure", weight=0.5),
    against("wait.ratio", at_most(0.3), "hardly-waits-for-batches", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    against("workers.blocked", is_true, "worker-blocked", weight=3.0),
    against("memory.direct_scans_per_s", at_least(1000.0), "scans-for-room"),
    against("cpu.system_ratio", at_least(0.5), "kernel-takes-cpu"),
    against("cpu.iowait_ratio", at_least(0.15), "cpus-wait-for-storage", weight=1.5),
    against("cpu.throttled_ratio", at_least(0.1), "quota-throttles", weight=2.0),
    against("cpu.allocated_ratio", at_most(0.75), "few-cpus-of-many", weight=2.0),
    against("workers.running_threads", at_least(2.0), "many-threads-run", weight=1.5),
    against("workers.threads", at_least(9), "many-threads-each", weight=1.5),
    against("workers.count", at_most(0), "no-workers-there", weight=1.5),
    against("setting.n_proc_da", at_most(0), "no-workers-wanted", weight=1.5),
    against("plan.median_voxels", at_least(1e8), "huge-volumes", weight=0.5),
    against("reading.share", at_least(0.5), "workers-read", weight=1.5),
    *not_in("death", "creep", "unsaved"),
    NOBODY_WORKS,
    symptom("gpu-use-fluctuates"),
    symptom("gpu-use-low", weight=1.0),
    symptom("pauses-as-workers"),
    symptom("slow-from-start", weight=1.0),
)

OFFERS = (
    Offer("workers-as-cores", "CONSENT", "export nnUNet_n_proc_DA={workers}"),
    Offer("gpu-augmentation", "CONSENT", of_nnunet=True, of_training=True),
    Offer("more-cores", "ADVICE"),
)


# Workers that stay in one line of their code forever compute without making a batch.
IN_ONE_PLACE = against("workers.stand_at", is_true, "workers-stand", weight=4.0)
# As a person describes it: CPUs that do nothing starve nobody by computing.
HARDLY_USED = against("cpu.run_busy_ratio", at_most(0.1), "cpus-hardly-used", fatal=True)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    described = (HARDLY_USED,) if evidence.is_stated else ()
    return (*RULES, *if_seen(evidence, IN_ONE_PLACE, BATCHES_ARE_LOST, *described))
