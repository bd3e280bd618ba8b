"""The training that ``bench`` and ``tune`` measure: found, allowed to start, and measured in a child."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from holter.bench.busy import refuse_if_busy
from holter.bench.records import Order
from holter.bench.scratch import Scratch
from holter.bench.session import Found, Tell, run_child
from holter.doctor.collect.jobs import Jobs
from holter.doctor.collect.order import Order as Survey
from holter.doctor.collect.question import Question
from holter.doctor.collect.survey import ask
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.probes.machine.cgroup import effective_cpus
from holter.records import Text
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define
from holter.texts.training_command import model_options
from holter.trainer.settings import read_settings

BYTES_PER_WEIGHT = 8  # of a checkpoint: the weight and its momentum
UNKNOWN_WEIGHTS = 100_000_000

NUMBERS = ("nnUNet_n_proc_DA", "nnUNet_def_n_proc")

NOT_A_NUMBER = define("error.bench.not-a-number", "{name}={value} is not a whole number: nnU-Net cannot start with it.")


class Training(NamedTuple):
    """A training that can be measured here and now."""

    asked: Asked  # with the names that it was found by
    order: Order
    command: str  # that measures it, to name in errors and files
    checkpoint_bytes: int  # about

    def measure(self, order: Order, python: str, environ: Mapping[str, str], tell: Tell, kind: type[Found]) -> Found:
        """Return what a child measured for ``order``, which has this training; ``tell`` gets its stages.

        Raises:  BadInput; CannotDoHere; MissingExtra; BenchFailed.
        """
        with Scratch(environ, self.checkpoint_bytes, self.command) as scratch:
            return run_child(order, python, environ, scratch, self.command, tell, kind)


def find_training(
    asked: Asked, verb: str, seconds: float, device: str, environ: Mapping[str, str], *, anyway: bool
) -> Training:
    """Return the training that the user names, with its plan.

    ``verb``: the command, bench or tune; ``anyway``: also if others use this machine.

    Raises:  BadInput and CannotDoHere as the doctor's, with ``holter VERB`` as the next step; BadInput for a variable
        with which no training starts; MachineBusy.
    """
    question = _question_of(asked, environ, verb)
    asked = question.asked
    command = _command_of(asked, verb)
    cpus = effective_cpus()
    if not anyway:
        refuse_if_busy(cpus, device, environ, command)
    order = Order(
        dataset=asked.dataset or "",
        configuration=asked.configuration or "",
        fold=asked.fold,
        plans=asked.plans,
        trainer=asked.trainer,
        device=device,  # type: ignore[arg-type]
        seconds=seconds,
        cpus=cpus,
        results=environ["nnUNet_results"],
    )
    return Training(asked, order, command, _checkpoint_bytes(question))


def _question_of(asked: Asked, environ: Mapping[str, str], verb: str) -> Question:
    _check_variables(environ)
    try:
        with Jobs() as jobs:
            return ask(jobs, Survey(asked, sys.executable, environ))
    except BadInput as error:
        raise BadInput(error.what, safe=error.safe, next_step=_ours(error.next_step, f"holter {verb}")) from error


def _command_of(asked: Asked, verb: str) -> str:
    words = ["holter", verb, asked.dataset or "", asked.configuration or ""]
    words += ["-f", asked.fold] if asked.fold != Asked().fold else []
    return shlex.join((*words, *model_options(asked.trainer, asked.plans)))


def _checkpoint_bytes(question: Question) -> int:
    weights = question.plan.parameters if question.plan is not None else None
    return BYTES_PER_WEIGHT * (weights or UNKNOWN_WEIGHTS)


def _check_variables(environ: Mapping[str, str]) -> None:
    # nnU-Net would fail with them while it searches for the trainer, which is then named instead.
    for name in NUMBERS:
        value = environ.get(name)
        if value is not None and not re.fullmatch(r"\s*\d+\s*", value):
            what = NOT_A_NUMBER(name=name, value=value)
            raise BadInput(what, safe=NOTHING_STARTED_OR_CHANGED(), next_step=f"unset {name}")
    read_settings(environ)


def _ours(step: Text, command: str) -> Text:
    if isinstance(step, str):
        return step.replace("holter doctor", command)
    values = tuple(
        (name, value.replace("holter doctor", command) if isinstance(value, str) else value)
        for name, value in step.values
    )
    return msgspec.structs.replace(step, values=values)
