"""``holter attach PID``: record a training that is already running or already stalled."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import TAPE_HELP, Force, Lang, Metrics, Notify, chosen_language


def attach(
    pid: Annotated[
        int,
        typer.Argument(metavar="PID", help="PID of the training, of one of its workers, or of the shell around it."),
    ],
    tape: Annotated[
        Path | None, typer.Option("--tape", "-o", metavar="FILE", help=TAPE_HELP.format("that PID"))
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Stop recording after this many seconds.", metavar="SECONDS")
    ] = None,
    force: Force = False,
    metrics: Metrics = None,
    notify: Notify = None,
    lang: Lang = None,
) -> None:
    """Record a training that was started without Holter. Read-only: Ctrl-C stops the recording, not the training.

    Exit code 1 if there was an episode; 2 if no training was seen, so that nothing can be said of it.
    """
    from holter.cli.running.listener import StderrListener, listeners_for
    from holter.supervisor.attach import attach as supervise
    from holter.supervisor.recording.tape_place import default_tape
    from holter.views.metrics.exporters import Exporters

    language = chosen_language(lang)
    place = tape or default_tape(f"pid-{pid}", os.environ)
    with StderrListener(language) as speaker:
        with (
            Exporters(metrics or (), speaker.note) as exporters,
            listeners_for(speaker, notify, language, f"PID {pid}") as (listener, _),
        ):
            result = supervise(pid, place, listener=listener, force=force, for_s=for_s, on_tape=exporters.start)
        if result.no_training is not None:
            speaker.note(result.no_training)
        speaker.wrote(result.tape, is_there=result.tape_is_there)
        speaker.closing(result.outcome)
    if result.no_training is not None and not result.episodes:
        sys.exit(2)
    sys.exit(1 if result.episodes else 0)
