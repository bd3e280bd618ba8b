"""Options that several commands share."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from holter.errors import FolderNotWritable

Lang = Annotated[
    str | None, typer.Option("--lang", help="en or zh (Simplified Chinese); default from the locale.", metavar="LANG")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")]

Notify = Annotated[
    str | None,
    typer.Option("--notify", metavar="URL", help="Tell a webhook (https://…) or an apprise URL of what happens."),
]


def chosen_language(option: str | None) -> Literal["en", "zh"]:
    """The language of the option or the locale."""
    from holter.reports.catalogue import language

    return language(option, os.environ)


def default_tape(kind: str) -> Path:
    """A tape in the current folder that is named after the moment, e.g. run-20260123-141503.holter.

    Raises:  FolderNotWritable.
    """
    moment = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    path = Path(f"{kind}-{moment}.holter")
    if not os.access(path.absolute().parent, os.W_OK):
        raise FolderNotWritable(
            f"The current folder {path.absolute().parent} is read-only.",
            safe="No training was started or touched.",
            next_step="Name a place for the tape with --tape FILE.",
        )
    return path
