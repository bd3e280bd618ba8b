"""Offers: the remedies that a cause may propose. The sentence of an offer has the key of its id.

SAFE leaves the training's result provably unchanged. CONSENT costs something or changes the run: the user decides.
ADVICE is for a person, often the administrator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from holter.causes.steps import Facts, has_shm_space
from holter.evidence.error_kinds import BEFORE_STEPS
from holter.evidence.facts.training.endings import JSON_KINDS
from holter.evidence.outside import ConditionName
from holter.records import Safety

# Kinds of errors that only a training which has not begun raises.
NEVER_BEGAN = ("cpu-torch", "gpu-number", "json", "no-paths")
# Facts: what is known, by name; with the kind of the episode.
Condition = Callable[[Facts], bool]
Variant = Callable[[Facts], str | None]


class Offer(NamedTuple):
    id: str
    safety: Safety
    command: str | None = None  # with {blanks} filled from the diagnosis
    only_if: Condition | None = None
    variant: Variant | None = None  # of the text for an administrator, if a cause has several
    # About nnU-Net, its checkpoints, data or validation, or through the hook: means nothing to another program.
    of_nnunet: bool = False
    # About epochs, checkpoints, data loader or validation: means nothing where nnU-Net predicts or preprocesses.
    of_training: bool = False


class Wait(NamedTuple):
    """A condition outside of Holter, such as free disk space, that Holter waits for without ending the training."""

    condition: ConditionName
    may_be_momentary: bool = False  # a restart is tried after its delay even if it is not over


def all_of(*conditions: Condition) -> Condition:
    """Return the condition that all of these hold."""
    return lambda facts: all(holds(facts) for holds in conditions)


def any_of(*conditions: Condition) -> Condition:
    """Return the condition that at least one of these holds."""
    return lambda facts: any(holds(facts) for holds in conditions)


def no(condition: Condition) -> Condition:
    """Return the condition that this one does not hold."""
    return lambda facts: not condition(facts)


def is_one_of(fact: str, *values: object) -> Condition:
    """Return the condition that a fact has one of these values."""
    return lambda facts: facts.get(fact) in values


def of_kind(*kinds: str) -> Condition:
    """Return the condition that the first error is of one of these kinds."""
    return is_one_of("exception.kind", *kinds)


# The program is nnU-Net, or not known.
may_be_nnunet = no(is_one_of("scope.nnunet", False))
# The training or one of its processes ended.
has_ended = is_one_of("episode.kind", "death")


def has_saved_nothing(facts: Facts) -> bool:
    """Return whether this start of the training has finished no epoch, so that it has no checkpoint."""
    return facts.get("progress.saved") is False or facts.get("exception.kind") in (*BEFORE_STEPS, *NEVER_BEGAN)


def has_case(facts: Facts) -> bool:
    """Return whether the error is about a case, and not about a file of the whole data set."""
    is_about_case = isinstance(facts.get("workers.case"), str) or bool(facts.get("exception.file"))
    return is_about_case and facts.get("exception.kind") not in JSON_KINDS


def _has_place(facts: Facts) -> bool:
    return isinstance(facts.get("main.stands_at") or facts.get("workers.stand_at"), str)


# The remedy with the text for an administrator; one for all causes.
ASK_ADMIN = "ask-administrator"
ASK = Offer(ASK_ADMIN, "ADVICE")


def ask(variant: Variant) -> Offer:
    """Return the remedy "ask the administrator", with the variant of the request that fits."""
    return ASK._replace(variant=variant)


# --c belongs to nnU-Net; for other programs the option to continue is unknown.
CONTINUE = Offer("continue-from-checkpoint", "CONSENT", "{continue}", may_be_nnunet, of_nnunet=True)
END_AND_CONTINUE = Offer("end-and-continue", "CONSENT", "{continue}", may_be_nnunet, of_nnunet=True)
CONTINUE_ENDED = CONTINUE._replace(only_if=all_of(may_be_nnunet, has_ended))
# An exception that was seen is the reason of the exit.
LOOK_FOR_EXIT = Offer("look-for-exit", "ADVICE", None, lambda facts: not facts.get("exception.first"))
PREPROCESS_CASE = Offer("preprocess-case-again", "CONSENT", None, has_case, of_nnunet=True)
# Where the storage does not answer, df waits as long as the training; a request to the kernel's own table never does.
ASK_STORAGE = "timeout -s KILL 5 df -hT {folder}"
NAME_MOUNTS = "cat /proc/self/mountinfo"
# The storage of a small read that has been waiting for longer is dead, not slow.
DEAD_S = 10.0


def storage_is_dead(facts: Facts) -> bool:
    """Return whether a read has been waiting so long that the storage is dead, not slow."""
    pending = facts.get("storage.pending_s")
    return isinstance(pending, (int, float)) and pending >= DEAD_S


MEASURE_STORAGE = Offer(
    "measure-storage", "SAFE", ASK_STORAGE.replace("{folder}", "{preprocessed}"), no(storage_is_dead)
)
NAME_STORAGE = Offer("name-storage", "SAFE", NAME_MOUNTS, storage_is_dead)
LOOK_AT_GPU = Offer("look-at-gpu", "SAFE", "nvidia-smi -q")
PLAN_FOR_GPU = Offer("plan-for-gpu", "CONSENT", "nnUNetv2_plan_experiment -h | grep -A2 gpu_memory_target")
FEWER_WORKERS = Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}", of_training=True)
MORE_MEMORY = Offer("more-memory", "ADVICE")
WITHOUT_FORK = Offer(
    "workers-not-forked",
    "CONSENT",
    "HOLTER_START_METHOD=forkserver OMP_NUM_THREADS=1 holter run -- {continue}",
    of_nnunet=True,
    of_training=True,
)
SHARE_THROUGH_FILES = Offer(
    "file-system-sharing",
    "CONSENT",
    "holter run --sharing file_system -- {continue}",
    has_shm_space,
    of_nnunet=True,
    of_training=True,
)
LOOK_AT_LINE = Offer("look-at-line", "ADVICE", None, _has_place)
