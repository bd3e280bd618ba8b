"""``holter export TAPE``: write samples and events as tables."""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Json, Lang, Scrub, chosen_language, tape_name
from holter.errors import BadInput
from holter.sentences import define

NAMES = define(
    "export.names",
    "{count} files with names of hosts, users, folders and cases; only you can read them. "
    "To send them: holter export {tape} --scrub",
    one="A file with names of hosts, users, folders and cases; only you can read it. "
    "To send it: holter export {tape} --scrub",
)
PSEUDONYMS = define("export.pseudonyms", "Names of hosts, users, folders and cases are pseudonyms in these files.")
WRITTEN = define("export.written", "{count} files are in {folder}", one="{count} file is in {folder}")
NO_FORMAT = define("error.no-format", "There is no format {name}.")


def export(
    tape: Annotated[Path, typer.Argument(metavar="TAPE", readable=False, help="The tape.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder (default: TAPE-FORMAT).")
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="csv|parquet|tensorboard", help="csv, parquet or tensorboard.")
    ] = "csv",
    scrub: Scrub = False,
    force: Force = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Write a table for each kind of sample, for events, epochs and episodes; or an event file for TensorBoard."""
    from holter.reports.catalogue import phrase
    from holter.reports.outcome.sentences import VERDICT
    from holter.reports.scrub import scrubbed
    from holter.reports.tables.export import export_csv, export_parquet
    from holter.reports.tables.to_tensorboard import export_tensorboard
    from holter.tape import read

    language = chosen_language(lang)
    writers = {"csv": export_csv, "parquet": export_parquet, "tensorboard": export_tensorboard}
    if to not in writers:
        near = difflib.get_close_matches(to, writers, n=1) or ["csv"]
        raise BadInput(NO_FORMAT(name=repr(to)), next_step=f"holter export {shlex.quote(str(tape))} --to {near[0]}")
    ending = "-scrubbed" if scrub else ""
    folder = output if output is not None else tape.with_name(f"{tape_name(tape)}-{to}{ending}")
    recording = read(tape)
    if scrub:
        recording, _ = scrubbed(recording, ())
    files = writers[to](recording, folder, force)
    if as_json:
        print(json.dumps({"files": [str(file) for file in files]}))
    else:
        for file in files:
            print(file)
        tape_words = shlex.quote(str(tape))
        holds = PSEUDONYMS() if scrub else NAMES(count=len(files), tape=tape_words)
        print(phrase(holds, language), file=sys.stderr)  # stdout is the list of files, for scripts
        place = shlex.quote(str(folder))
        command = f"tensorboard --logdir {place}" if to == "tensorboard" else f"holter report {tape_words}"
        print(phrase(VERDICT(what=WRITTEN(count=len(files), folder=place), command=command), language), file=sys.stderr)
