"""``holter study plan``, ``status`` and ``finish``: what there is. Starts nothing.

What draws on a terminal is loaded when it is needed: it takes longer than the look itself.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from holter.cli.options import print_json
from holter.cli.studies.starting import cells_of
from holter.cli.studies.words import same_words
from holter.study.report.as_json import as_json as study_as_json
from holter.study.report.as_json import finish_as_json

if TYPE_CHECKING:
    from rich.console import Console

    from holter.records import Message
    from holter.study.records import Job
    from holter.study.state.holders import Silences

    Lang = Literal["en", "zh"]

# The registry is written every 30 s, a training log once an epoch.
EVERY_S = 5.0


def plan(jobs: tuple[Job, ...], extra: tuple[str, ...], language: Lang, *, as_json: bool) -> None:
    """Print the state of each training, the commands, and what they need."""
    from holter.study.requirements import requirements_of

    cells = cells_of(jobs, os.environ)
    needs = requirements_of(cells, os.environ)
    if as_json:
        print_json(study_as_json(cells, extra, language, time.time(), needs))
        return
    from rich.console import Console

    from holter.study.terminal import print_plan

    print_plan(Console(), cells, extra, language, needs=needs, run=shlex.join(["holter", *same_words(sys.argv, "run")]))


def status(jobs: tuple[Job, ...], extra: tuple[str, ...], language: Lang, *, as_json: bool, watch: bool) -> None:
    """Print a row for each training; with ``watch`` again and again, until Ctrl-C."""
    if as_json:
        print_json(study_as_json(cells_of(jobs, os.environ), extra, language, time.time()))
        return
    from rich.console import Console

    from holter.cli.running.rewriting import can_rewrite, rewrite
    from holter.study.terminal import Commands, print_status

    run, finish, watched = (
        shlex.join(["holter", *same_words(sys.argv, action)]) for action in ("run", "finish", "status")
    )
    commands = Commands(run=run, finish=finish, watch=f"{watched} --watch")
    silences: Silences = {}

    def show(console: Console) -> None:
        print_status(console, cells_of(jobs, os.environ, silences), language, time.time(), commands)

    if watch and can_rewrite():
        rewrite(show, EVERY_S)
    else:
        show(Console())


def finish(
    jobs: tuple[Job, ...],
    extra: tuple[str, ...],
    language: Lang,
    *,
    do: bool,
    as_json: bool,
    report: Path | None,
    force: bool,
) -> int:
    """Print what comes next, or do it; write the report if one is asked for. Return the exit code."""
    from holter.study.finish import steps_of

    cells = cells_of(jobs, os.environ)
    steps = steps_of(cells, extra)
    is_done = all(cell.state == "done" for cell in cells)
    wrote = None
    if report is not None:  # before hours of work, because it may be refused
        from holter.reports.private_files import write_private
        from holter.study.report.page import page

        wrote = write_private(report, page(cells, extra, os.environ, language), force=force)
    if do:
        from holter.reports.catalogue import phrase
        from holter.study import doing

        def tell(message: Message) -> None:
            print(f"holter: {phrase(message, language)}", file=sys.stderr, flush=True)

        if doing.do(steps, os.environ, tell):
            steps = doing.by_hand(steps)
        else:
            is_done = False
    if as_json:
        print_json(finish_as_json(cells, steps, language, wrote))
    else:
        from rich.console import Console

        from holter.study.terminal import print_finish

        print_finish(Console(), steps, language, wrote)
    return 0 if is_done else 1
