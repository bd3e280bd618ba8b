"""``holter report TAPE``: write one HTML file to read and to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.newest import newest_tape
from holter.cli.options import Force, Json, Lang, chosen_language, tape_name


def register(app: typer.Typer) -> None:
    app.command("report")(report)


def report(
    tape: Annotated[
        Path | None, typer.Argument(metavar="[TAPE]", help="Default: the training that runs, else the newest.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The HTML file (default: TAPE.html).")
    ] = None,
    scrub: Annotated[
        bool, typer.Option("--scrub", help="Replace paths, names and case identifiers by pseudonyms.")
    ] = False,
    force: Force = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Write a self-contained HTML report: headline, timeline, workers, evidence, remedies."""
    from holter.diagnosis.result import is_over
    from holter.remedies.diagnose import diagnose_recording
    from holter.reports.catalogue import text
    from holter.reports.html import write_html
    from holter.tape import read
    from holter.tape.reader import GIVE_A_TAPE

    language = chosen_language(lang)
    tape = tape or newest_tape(lang, GIVE_A_TAPE())
    recording = read(tape)
    diagnoses = diagnose_recording(recording, is_over=is_over(recording))
    path = output if output is not None else tape.with_name(f"{tape_name(tape)}.html")
    write_html(recording, diagnoses, path, language, scrub=scrub, force=force)
    print(json.dumps({"report": str(path)}) if as_json else text("cli.wrote", language, path=path))
