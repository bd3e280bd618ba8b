"""Measure one training and say what limits it: the whole of ``holter bench``, without printing."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping

import msgspec

from holter.bench.advice import advice_for, not_measured
from holter.bench.busy import cpus_of_this_process, refuse_if_busy
from holter.bench.forecast import better, forecast_of, rows_of
from holter.bench.published import published_for
from holter.bench.records import Measured, Order, Report
from holter.bench.scratch import Scratch
from holter.bench.session import run_child
from holter.doctor.collect.jobs import Jobs
from holter.doctor.collect.question import Question
from holter.doctor.collect.survey import Order as Survey
from holter.doctor.collect.survey import ask
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.records import Text
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define
from holter.trainer.settings import read_settings

BYTES_PER_WEIGHT = 8  # of a checkpoint: the weight and its momentum
UNKNOWN_WEIGHTS = 100_000_000

NUMBERS = ("nnUNet_n_proc_DA", "nnUNet_def_n_proc")

NOT_A_NUMBER = define("error.bench.not-a-number", "{name}={value} is not a whole number: nnU-Net cannot start with it.")

Tell = Callable[[str], None]


def bench(
    asked: Asked, python: str, seconds: float, device: str, environ: Mapping[str, str], tell: Tell, *, anyway: bool
) -> Report:
    """Return the report; ``tell`` gets the name of each stage.

    Raises:  BadInput for a name that does not exist; MachineBusy; CannotDoHere; MissingExtra; BenchFailed.
    """
    began_s = time.monotonic()
    question = question_of(asked, environ, "bench")
    asked = question.asked
    command = command_of(asked, "bench")
    cpus = cpus_of_this_process()
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
    with Scratch(environ, checkpoint_bytes(question), command) as scratch:
        measured = run_child(order, python, environ, scratch, command, tell, Measured)
    stock = forecast_of(measured, measured.stock)
    holter = None if measured.holter is None else forecast_of(measured, measured.holter)
    forecasts = tuple(forecast for forecast in (stock, holter) if forecast is not None)
    chosen = better(stock, holter)
    advice, step = advice_for(measured, forecasts, chosen, asked, environ)
    return Report(
        order=order,
        measured=measured,
        rows=rows_of(measured),
        forecasts=forecasts,
        chosen=chosen,
        published=published_for(len(measured.patch_size), measured.device_name),
        advice=advice,
        command=step,
        not_measured=not_measured(measured, seconds),
        took_s=time.monotonic() - began_s,
    )


def question_of(asked: Asked, environ: Mapping[str, str], verb: str) -> Question:
    """Return the training that is meant.

    Raises:  BadInput and CannotDoHere as the doctor's, with ``holter VERB`` as the next step; BadInput for a variable
        with which no training starts.
    """
    _check_variables(environ)
    try:
        with Jobs() as jobs:
            return ask(jobs, Survey(asked, sys.executable, environ))
    except BadInput as error:
        raise BadInput(error.what, safe=error.safe, next_step=_ours(error.next_step, f"holter {verb}")) from error


def command_of(asked: Asked, verb: str) -> str:
    """Return the command line that measures this training."""
    words = ["holter", verb, asked.dataset or "", asked.configuration or ""]
    usual = Asked()
    for option, value, default in (
        ("-f", asked.fold, usual.fold),
        ("-p", asked.plans, usual.plans),
        ("-tr", asked.trainer, usual.trainer),
    ):
        words += [option, value] if value != default else []
    return shlex.join(words)


def checkpoint_bytes(question: Question) -> int:
    """Return about the size of a checkpoint of this training."""
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
