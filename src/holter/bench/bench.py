"""Measure one training and say what limits it: the whole of ``holter bench``, without printing."""

from __future__ import annotations

import time
from collections.abc import Mapping

from holter.bench.advice import advice_for, not_measured
from holter.bench.forecast import better, forecast_of, rows_of
from holter.bench.published import published_for
from holter.bench.records import Measured, Report
from holter.bench.session import Tell
from holter.bench.training import find_training
from holter.doctor.records import Asked


def bench(
    asked: Asked, python: str, seconds: float, device: str, environ: Mapping[str, str], tell: Tell, *, anyway: bool
) -> Report:
    """Measure the training ``asked`` for about ``seconds``, and return the report.

    ``python``: the interpreter that trains. ``tell`` gets the name of each stage. ``anyway``: measure although other
    processes use the machine.
    Raises:  BadInput for a name that does not exist; MachineBusy; CannotDoHere; MissingExtra; BenchFailed.
    """
    began_s = time.monotonic()
    training = find_training(asked, "bench", seconds, device, environ, anyway=anyway)
    measured = training.measure(training.order, python, environ, tell, Measured)
    stock = forecast_of(measured, measured.stock)
    holter = None if measured.holter is None else forecast_of(measured, measured.holter)
    forecasts = tuple(forecast for forecast in (stock, holter) if forecast is not None)
    chosen = better(stock, holter)
    advice, step = advice_for(measured, forecasts, chosen, training.asked, environ)
    return Report(
        order=training.order,
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
