"""The workers are pinned to a few CPUs, by a library or a launcher, although the training was given more.

What happens:  an imported library, or OMP_PROC_BIND, GOMP_CPU_AFFINITY or KMP_AFFINITY, pins the main process;
               workers inherit it when they are forked. All of them share one core of an idle machine. One user looked
               for it for two weeks, and was ten times as fast afterwards.
How we know:   the workers may use fewer CPUs than the process of the training could when it began, and two or more
               share each CPU that any of them was seen on, while steps wait for batches.
Looks like:    few-cores-allocated (the scheduler's mask was there from the beginning); workers pinned to a core each
               on purpose (each has its own).
What helps:    unset OMP_PROC_BIND, GOMP_CPU_AFFINITY and KMP_AFFINITY [CONSENT]; taskset -a -p on the running
               workers, which helps at once [SAFE]; os.sched_setaffinity in the trainer after the imports [ADVICE].
               More workers do not help.
Source:        pytorch issues 8126, 101850; ultralytics issue 11195; litData issue 118; tests/tapes/affinity_clobbered.
"""

from __future__ import annotations

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import NOBODY_WORKS
from holter.causes.weigh import Rule, against, at_least, is_false, is_true, only, supports, symptom

CAUSE = "affinity-clobbered"

SENTENCES = describe(
    CAUSE,
    title="Workers pinned to a few CPUs",
    meaning="A library or launcher has pinned the workers to a few CPUs of many.",
    findings={
        "cpus-as-at-first": "the workers may use all CPUs that the training could at first ({detail})",
        "workers-share-a-cpu": "there are {value} workers for each CPU that they were seen on ({detail})",
    },
    remedies={
        "unpin-now": "Let the running workers use all CPUs again.",
        "unset-pinning": "Unset OMP_PROC_BIND, GOMP_CPU_AFFINITY and KMP_AFFINITY before the start.",
    },
)

RULES = (
    Rule("affinity.narrowed", is_true, "cpus-narrowed", 4.0, group="narrowed"),
    Rule("workers.per_cpu_seen", at_least(2.0), "workers-share-a-cpu", 1.0, group="share"),
    Rule("wait.ratio", at_least(0.3), "waits-for-batches", 1.0, group="slow"),
    Rule("step.times_usual", at_least(1.1), "steps-got-slower", 0.5, group="slow"),
    supports("setting.pinning", lambda text: text.lower() != "false", "threads-are-bound"),
    against("affinity.narrowed", is_false, "cpus-as-at-first", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    NOBODY_WORKS,
    only("slow-down", "stall"),
    symptom("one-core"),
)
# A CPU mask only counts after workers were seen to share CPUs, or steps to wait for batches.
ONLY_IF_SEEN = ("workers.per_cpu_seen", "wait.ratio")

OFFERS = (
    Offer("unpin-now", "SAFE", "for pid in $(pgrep -P {main_pid}); do taskset -a -c -p 0-{last_cpu} $pid; done"),
    Offer("unset-pinning", "CONSENT", "unset OMP_PROC_BIND GOMP_CPU_AFFINITY KMP_AFFINITY"),
)
