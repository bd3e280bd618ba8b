"""``holter export TAPE``: write samples and events as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Json, tape_name
from holter.errors import BadInput
from holter.sentences import define

NO_FORMAT = define("error.no-format", "There is no format {name}.")


def register(app: typer.Typer) -> None:
    app.command("export")(export)


def export(
    tape: Annotated[Path, typer.Argument(metavar="TAPE", help="The tape.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder (default: TAPE-FORMAT).")
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="csv|parquet|tensorboard", help="csv, parquet or tensorboard.")
    ] = "csv",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write one table for each kind of sample, for events and for episodes; or an event file for TensorBoard."""
    from holter.reports.export import export_csv, export_parquet
    from holter.reports.to_tensorboard import export_tensorboard
    from holter.tape import read

    writers = {"csv": export_csv, "parquet": export_parquet, "tensorboard": export_tensorboard}
    if to not in writers:
        raise BadInput(NO_FORMAT(name=repr(to)), next_step=f"holter export {tape} --to csv")
    folder = output if output is not None else tape.with_name(f"{tape_name(tape)}-{to}")
    files = writers[to](read(tape), folder, force)
    if as_json:
        print(json.dumps({"files": [str(file) for file in files]}))
    else:
        for file in files:
            print(file)
