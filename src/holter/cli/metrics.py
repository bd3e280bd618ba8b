"""``holter metrics``: the alert rules and the dashboard for the metrics of ``--metrics``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Lang, chosen_language
from holter.errors import FolderNotWritable, TapeExists
from holter.sentences import NOTHING_OVERWRITTEN, define

ADD_FORCE = define("next.add-force", "Choose another file, or add --force.")
CANNOT_WRITE_FILE = define("error.cannot-write-file", "Cannot write {path}: {error}.")


class What(str, enum.Enum):
    ALERTS = "alerts"
    DASHBOARD = "dashboard"


def metrics(
    what: Annotated[
        What,
        typer.Argument(
            metavar="alerts|dashboard",
            help="alerts: rules for Prometheus (YAML). dashboard: for Grafana's import (JSON).",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File (default: standard output).")
    ] = None,
    force: Force = False,
    lang: Lang = None,
) -> None:
    """Print alert rules for Prometheus or a dashboard for Grafana, for runs with --metrics."""
    from holter.tape.opening import EXISTS
    from holter.views.metrics.alerts import alert_rules
    from holter.views.metrics.dashboard import dashboard

    made = {What.ALERTS: alert_rules, What.DASHBOARD: dashboard}[what](chosen_language(lang))
    if output is None:
        print(made, end="")
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(made)
    except FileExistsError as error:
        raise TapeExists(EXISTS(path=str(output)), safe=NOTHING_OVERWRITTEN(), next_step=ADD_FORCE()) from error
    except OSError as error:
        what_failed = CANNOT_WRITE_FILE(path=str(output), error=error.strerror or str(error))
        raise FolderNotWritable(what_failed) from error
    print(output)
