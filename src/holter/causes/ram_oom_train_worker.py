"""The memory of the machine or of the job runs out during training: the kernel ends a process, or gives it no more.

What happens:  large volumes, many channels or many workers fill the RAM, or the limit of the container or Slurm job.
               The kernel kills a data worker or the main process with SIGKILL. nnU-Net prints only that "one or more
               background workers are no longer alive", with nothing above it, or the shell prints "Killed". Or nothing
               is killed: memory is refused, and a MemoryError says so ("Unable to allocate").
How we know:   the kernel or the cgroup counted an OOM kill of one of our processes (1 is enough: it counts nothing
               else), or an exception says that memory could not be allocated and little was free. Both outside the
               final validation. A limit 90 % full or memory that rose all the time before speaks for it.
Looks like:    memory-refused and process-limit (memory was free); worker-killed (SIGKILL and no OOM kill counted);
               shm-too-small (SIGBUS); a native crash (SIGSEGV, SIGABRT); export-ram-oom (the same in the final
               validation); external-kill (somebody ended the main process, nothing counted).
What helps:    continue with --c [CONSENT]; fewer workers (nnUNet_n_proc_DA) [CONSENT: slower preparation]; more memory
               for the job (--mem), or close other programs [ADVICE]. nnUNet_n_proc_DA=0 does not help: it hides the
               fault and makes training several times slower. With more swap, swap-thrash comes instead of a death.
Source:        MIC-DKFZ/nnUNet issues 2708, 2656, 976, 1732; batchgenerators issue 111; microsoft/pai issue 5799;
               tests/tapes/ram_oom_train_worker.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, FEWER_WORKERS, MORE_MEMORY
from holter.causes.sentences import describe
from holter.causes.shared_rules import NOTHING_ENDED
from holter.causes.steps import FOR_MEMORY
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, one_of, supports, symptom
from holter.evidence import Evidence
from holter.evidence.words import CRASHES, SIGBUS

CAUSE = "ram-oom-train-worker"

SENTENCES = describe(
    CAUSE,
    title="Out of memory in training",
    meaning="Memory ran out in training, and the kernel ended a process or gave it no more.",
    findings={
        "echo-of-training": "the sentence about data workers was printed",
        "memory-grows": "memory rose all the time before (in: {value}; {detail})",
        "windows-counts-otherwise": "on Windows the commit limit is reached, not the end of memory",
    },
)
ERROR_TEXTS = (
    "Out of memory: Killed process 4711 (nnUNetv2_train)",
    "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=4711.batch. Some of your processes may have been "
    "killed by the cgroup out-of-memory handler.",
)


RULES = (
    Rule("oom.kills", at_least(1), "oom-counted", 3.0, group="memory"),
    Rule("exception.kind", one_of("memory"), "no-memory-left", 2.0, group="memory"),
    supports("worker.exit_signal", one_of(9), "worker-ended-by-signal", weight=0.5),
    supports("main.exit_signal", one_of(9), "main-ended-by-signal", weight=0.5),
    supports("memory.used_ratio", at_least(0.9), "memory-full", weight=0.5),
    supports("memory.grows_in", one_of("main", "workers", "both"), "memory-grows", weight=0.5),
    supports("echo.says", one_of("training"), "echo-of-training", weight=0.5),
    against("worker.exit_signal", one_of(*CRASHES, SIGBUS), "another-signal", weight=2.0),
    against("phase", one_of("final-validation", "unpack"), "another-phase", fatal=True),
    against("echo.says", one_of("export", "prediction", "preprocessing"), "echo-of-another-part", weight=1.5),
    against("system.os", one_of("windows"), "windows-counts-otherwise", weight=1.0),
    NOTHING_ENDED,
    against("episode.kind", one_of("creep", "unsaved"), "still-running", fatal=True),
    symptom("ram-full"),
)

OFFERS = (FEWER_WORKERS, MORE_MEMORY, CONTINUE_ENDED)
LADDER = FOR_MEMORY

KILLED = ("worker-ended-by-signal", "main-ended-by-signal")
REFUSED = against("memory.refused", is_true, "memory-was-refused", fatal=True)
# Counters without a change speak against it if no exception says otherwise: one may belong to another cgroup.
NOT_COUNTED = against("oom.kills", at_most(0), "no-oom-counted", weight=1.5)
# The kernel sends SIGKILL; these come from a terminal, a person or a scheduler.
IF_KNOWN = (against("main.exit_signal", one_of(1, 2, 15), "another-signal", weight=1.5),)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    rules: tuple[Rule, ...] = RULES
    says_so = evidence.fact("exception.kind").value == "memory"
    if not says_so and evidence.fact("worker.subject").status == "not-applicable":
        # No process of the run ended, so the victim was another process.
        rules = tuple(rule._replace(fatal=True) if rule is NOTHING_ENDED else rule for rule in rules)
    if evidence.is_stated and _was_only_killed(evidence):
        rules = tuple(rule._replace(weight=2.0) if rule.text in KILLED else rule for rule in rules)
    return (*rules, REFUSED if says_so else NOT_COUNTED)


# "Killed" and nothing else: on a machine without a scheduler the kernel does this, for lack of memory.
def _was_only_killed(evidence: Evidence) -> bool:
    return evidence.fact("oom.kills").status == "unknown" and evidence.fact("main.time_limit").value is not True
