"""``holter diagnose TARGET``: what happened, why, what helps, and what to check next."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from holter.cli.options import FailOn, Json, Lang, chosen_language, print_json
from holter.cli.start.newest import newest_tape


def diagnose(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET...]",
            help="A tape (*.holter, also while it is written), the PID of a training, a results folder, a training log "
            "or console text (- reads from a pipe), or an evidence file (JSON). "
            "Several are read as pieces of one case. Without: the training that runs, else the newest tape.",
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
    for_s: Annotated[
        float | None,
        typer.Option(
            "--for", help="How long to observe a running process (PID only).", metavar="SECONDS", min=1.0, max=600.0
        ),
    ] = None,
    as_markdown: Annotated[
        bool,
        typer.Option("--md", help="Print Markdown for an issue: scrubbed, with the environment that helpers ask for."),
    ] = False,
    fail_on: Annotated[
        FailOn,
        typer.Option(
            "--fail-on",
            metavar="WHEN",
            help="Exit with 1 at: open (an episode that is not over), unhealed (one that was not healed), any, never.",
        ),
    ] = FailOn.unhealed,
    evidence_template: Annotated[
        bool, typer.Option("--evidence-template", help="Print an evidence file to fill in, with every fact's meaning.")
    ] = False,
) -> None:
    """Name the cause of every episode, with evidence.

    Exit code 0 if nothing was wrong or all was healed, else 1; 2 if no training was seen on a tape or at a PID, or a
    text has only outputs of commands with nothing wrong in them.
    """
    from rich.console import Console

    from holter.diagnosis.pieces import diagnose_pieces, text_of, with_texts
    from holter.diagnosis.result import OBSERVE_S, DiagnosisResult
    from holter.diagnosis.targets import WHAT_IS_READ, diagnose_target
    from holter.evidence.scope import was_training_seen
    from holter.evidence.stated.read import template
    from holter.reports.json.as_json import to_json
    from holter.reports.live.lines import Progress
    from holter.reports.markdown import to_markdown
    from holter.reports.quiet import is_of_outputs
    from holter.reports.terminal import print_diagnosis, print_notes

    if evidence_template:
        print_json(template())
        return
    targets = targets or [str(newest_tape(lang, WHAT_IS_READ()))]
    if any(map(os.path.isdir, targets)):  # a message that is too long for a name is none, and no error
        targets = with_texts(targets)
    language = chosen_language(lang)
    look_s = OBSERVE_S if for_s is None else for_s
    progress = Progress(sys.stderr, language)

    def diagnosed(target: str) -> DiagnosisResult:
        return diagnose_target(
            target,
            tell_log=progress.reading,
            tell_observed=lambda t_s: progress.observing(target, t_s, look_s),
            look_s=look_s,
        )

    try:
        result = (
            diagnose_pieces(targets, diagnosed, sys.stdin.buffer.read) if len(targets) > 1 else diagnosed(targets[0])
        )
    finally:
        progress.clear()
    over = result.outcome is None or not result.outcome.runs
    if as_json:
        tape = str(result.name) if result.kind == "tape" else None
        document = to_json(
            result.diagnoses,
            language,
            tape,
            result.recording,
            target=(result.kind, result.name, result.notes),
            ran=result.outcome,
            facts=result.facts,
        )
        print_json(document)
    elif as_markdown:
        print(
            to_markdown(
                result.recording,
                result.diagnoses,
                language,
                is_run=result.kind == "tape",
                is_over=over,
                texts=map(text_of, targets),
            )
        )
    else:
        console = Console()
        print_notes(console, result.notes, language)
        print_diagnosis(
            console, result.recording, result.diagnoses, language, is_run=result.kind == "tape", ran=result.outcome
        )
    nothing_seen = result.kind in ("tape", "pid") and not was_training_seen(result.recording)
    if not result.diagnoses and (nothing_seen or is_of_outputs(result.recording)):
        sys.exit(2)
    became = result.outcome.fates if result.outcome is not None else ("open",) * len(result.diagnoses)
    sys.exit(1 if fail_on.fails(became) else 0)
