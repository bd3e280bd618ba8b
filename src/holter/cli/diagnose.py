"""``holter diagnose TARGET``: what happened, why, and what helps."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language
from holter.errors import TapeError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diagnose")(diagnose)


def diagnose(
    target: Annotated[Path, typer.Argument(help="A tape (*.holter), finished or still being written.")],
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Name the cause of every episode on a tape, with evidence. Exit code 1 if there is an episode."""
    from rich.console import Console

    from holter.causes import diagnose_all
    from holter.remedies import propose
    from holter.reports.as_json import to_json
    from holter.reports.terminal import print_diagnosis
    from holter.tape import read

    language = chosen_language(lang)
    recording = read(target)
    if not recording.all_ticks and recording.damage:
        raise TapeError(
            f"Nothing can be read of {target}: {recording.damage}.", next_step="Look for another copy of the tape."
        )
    diagnoses = tuple(propose(one, recording.environment) for one in diagnose_all(recording))
    if as_json:
        print(json.dumps(to_json(diagnoses, language, str(target), recording), ensure_ascii=False, indent=2))
    else:
        print_diagnosis(Console(), recording, diagnoses, language)
    sys.exit(1 if diagnoses else 0)
