"""Offers: the remedies that a cause may propose. The sentence of an offer has the key of its id.

SAFE leaves the training's result provably unchanged. CONSENT costs something or changes the run: the user decides.
ADVICE is for a person, often the administrator.
"""

from __future__ import annotations

from typing import NamedTuple

from holter.records import Safety


class Offer(NamedTuple):
    """One remedy of one cause."""

    id: str
    safety: Safety
    command: str | None = None  # with {blanks} filled from the diagnosis
    # Names of yes/no values that must be "yes"; with the prefix "not ", that must not be.
    only_if: str | tuple[str, ...] | None = None


# The remedy with the text for an administrator; one for all causes.
ASK_ADMIN = "ask-administrator"
ASK = Offer(ASK_ADMIN, "ADVICE")
# --c belongs to nnU-Net; for other programs the option to continue is unknown.
CONTINUE = Offer("continue-from-checkpoint", "CONSENT", "{continue}", "nnunet")
END_AND_CONTINUE = Offer("end-and-continue", "CONSENT", "{continue}", "nnunet")
CONTINUE_ENDED = CONTINUE._replace(only_if=("nnunet", "ended"))
PREPROCESS_CASE = Offer("preprocess-case-again", "CONSENT", None, "has_case")
LOOK_AT_GPU = Offer("look-at-gpu", "SAFE", "nvidia-smi -q")
PLAN_FOR_GPU = Offer("plan-for-gpu", "CONSENT", "nnUNetv2_plan_experiment -h | grep -A2 gpu_memory_target")
FEWER_WORKERS = Offer("fewer-workers", "CONSENT", "export nnUNet_n_proc_DA={fewer}")
MORE_MEMORY = Offer("more-memory", "ADVICE")
WITHOUT_FORK = Offer(
    "workers-not-forked", "CONSENT", "HOLTER_START_METHOD=forkserver OMP_NUM_THREADS=1 holter run -- {continue}"
)
LOOK_AT_LINE = Offer("look-at-line", "ADVICE", None, "has_place")
