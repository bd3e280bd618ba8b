"""``holter list [FOLDER]``: the recorded trainings, running and ended, with their results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language, print_json
from holter.errors import BadInput, UnknownTarget
from holter.sentences import define

if TYPE_CHECKING:
    from rich.console import Console

    from holter.errors import TapeError
    from holter.linux.disks import Disks
    from holter.reports.runs import Row

    Unread = tuple[Path, TapeError]  # a tape, and why it cannot be read

NO_FOLDER = define("error.no-folder", "There is no folder {path}.")
OR_WITHOUT = define("next.list-all", "holter list without a folder shows every training of this user.")
WATCH_OR_JSON = define("error.watch-json", "--watch rewrites a terminal; --json is for programs, which read it once.")
# With --watch. A recorder writes its entry every 30 s; a training that begins or ends is shown at once.
EVERY_S = 3.0
# Deeper, or more, is no folder of tapes.
MOST_TAPES = 500


def list_runs(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Only the tapes in this folder and below it, recorded by anybody."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the older ones.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the list up to date until Ctrl-C; without a terminal: print it once.")
    ] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List the trainings that Holter recorded, the running ones first, with the result of each.

    Calls that continue one fold are one training. A tape that was moved or deleted is still listed.
    """
    from rich.console import Console

    from holter.cli.running.rewriting import can_rewrite, rewrite
    from holter.reports.catalogue import phrase
    from holter.reports.runs import table

    language = chosen_language(lang)
    if as_json:
        if watch:
            raise BadInput(WATCH_OR_JSON(), next_step="holter list --json")
        rows, unread = _rows(folder)
        print_json({
            "runs": [table.as_json(row, language) for row in rows],
            "unread": [{"tape": str(tape), "why": phrase(why.what, language)} for tape, why in unread],
        })  # fmt: skip
        return

    def show(console: Console) -> None:
        rows, unread = _rows(folder)
        errors = [error for _, error in unread]
        table.print_rows(console, rows, language, folder=folder, everything=everything, unread=errors)

    if watch and can_rewrite():
        rewrite(show, EVERY_S)
    else:
        show(Console())


def _rows(folder: Path | None) -> tuple[tuple[Row, ...], tuple[Unread, ...]]:
    return (all_rows(), ()) if folder is None else rows_in(folder)


def all_rows(disks: Disks | None = None) -> tuple[Row, ...]:
    """Return the trainings in the user's registry; tapes on a disk that does not answer are not looked at."""
    from holter.reports.runs import rows_of
    from holter.supervisor.state_folder import state_folders
    from holter.tape.registry import read_all

    return rows_of(read_all(state_folders(os.environ)), disks)


def real(tape: str, disks: Disks) -> Path:
    """Return the path of a tape with its links followed; as it is if its disk does not answer."""
    path = Path(tape)
    return path.resolve() if disks.answers(path) else path


def rows_in(folder: Path) -> tuple[tuple[Row, ...], tuple[Unread, ...]]:
    """Return the trainings whose tapes are in a folder: from the registry if they are there, else from the tapes.

    The second part: the files that are named like a tape and cannot be read.

    Raises:  UnknownTarget.
    """
    from holter.diagnosis.result import is_over
    from holter.errors import TapeError
    from holter.linux.disks import Disks
    from holter.reports.runs import row_of_tape
    from holter.reports.runs.rows import in_order
    from holter.tape import read

    if not folder.is_dir():
        raise UnknownTarget(NO_FOLDER(path=str(folder)), next_step=OR_WITHOUT())
    tapes = sorted(folder.rglob("*.holter"))[:MOST_TAPES]
    disks, within = Disks(), folder.resolve()
    registered = [row for row in all_rows(disks) if real(row.tape, disks).is_relative_to(within)]
    known = {real(tape, disks) for row in registered for tape in (row.tape, *row.earlier_tapes)}
    rows, unread = list(registered), []
    for tape in tapes:
        if tape.resolve() in known:
            continue
        try:
            recording = read(tape)
        except TapeError as error:
            if not isinstance(error.__cause__, IsADirectoryError):
                unread.append((tape, error))
            continue
        rows.append(row_of_tape(tape, recording, is_over=is_over(recording)))
    return in_order(rows), tuple(unread)
