"""``holter prune``: delete old tapes; without ``--yes`` it only says which."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language, print_json
from holter.errors import BadInput
from holter.sentences import NOTHING_CHANGED, define
from holter.sizes import GIB, MIB

if TYPE_CHECKING:
    from holter.reports.catalogue import Lang as Language
    from holter.reports.runs.pruning import Candidate

NO_LIMIT = define("error.prune-no-limit", "No limit says which tapes may be deleted.")
NO_AGE = define("error.prune-no-age", "{given} is not an age: 12h, 30d or 8w.")
NO_SIZE = define("error.prune-no-size", "{given} is not a size: 500MiB, 20GiB or 1TiB.")
AGE_SHOWN = define("prune.row", "{path}  {size:bytes}  {days} d")
STAYS = define("prune.stays", "stays beside it: {path}")
GONE = define("prune.deleted", "deleted: {path}")
FAILED = define("prune.failed", "cannot be deleted: {path} ({error})")
NOTHING = define(
    "prune.nothing",
    "nothing to delete: {count} tapes, {size:bytes}",
    one="nothing to delete: {count} tape, {size:bytes}",
)
DRY = define(
    "prune.dry",
    "{count} of {all} tapes, {size:bytes}, would be deleted; nothing was deleted",
)
DONE = define("prune.done", "{count} of {all} tapes deleted, {size:bytes}")

SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
# Binary whatever the letters are, as in everything that Holter prints.
BYTES = {"M": MIB, "G": GIB, "T": 1024 * GIB}


def prune(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="The tapes in it and below it. Default: those of holter list."),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Those not written for this long: 12h, 30d, 8w.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="NUMBER", min=0, help="All but this many of the newest.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="The oldest, until the others take less: 500MiB, 20GiB."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete them. Without: only say which.")] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Delete old tapes by age, number or size. Without --yes nothing is deleted: the tapes are listed.

    The tape of a running training, a link, and a file that is not a tape are never deleted. Reports beside a tape
    stay. Exit code 2 if a tape cannot be deleted.
    """
    from holter.cli.list_runs import all_rows
    from holter.linux.disks import Disks
    from holter.reports.runs.pruning import candidates, chosen

    language = chosen_language(lang)
    if older_than is None and keep is None and max_size is None:
        raise BadInput(NO_LIMIT(), safe=NOTHING_CHANGED(), next_step="holter prune --older-than 90d")
    limits = {"older_than_s": _seconds(older_than), "keep": keep, "max_bytes": _bytes(max_size)}
    disks = Disks()
    rows = all_rows(disks)
    tapes = [Path(tape) for row in rows for tape in (row.tape, *row.earlier_tapes)]
    running = [row.tape for row in rows if row.runs]
    there = candidates(tapes if folder is None else folder.rglob("*.holter"), running, disks)
    going = chosen(there, **limits)  # type: ignore[arg-type]
    failed = _delete(going) if yes else {}
    if as_json:
        deleted = [tape.path for tape in going if yes and tape.path not in failed]
        document = {"tapes": [_as_json(tape) for tape in going], "deleted": deleted, "failed": failed}
        print_json(document)
    else:
        _print(going, there, failed, language, done=yes)
    sys.exit(2 if failed else 0)


def _print(
    going: tuple[Candidate, ...], there: tuple[Candidate, ...], failed: dict[str, str], lang: Language, *, done: bool
) -> None:
    from holter.reports.catalogue import phrase
    from holter.reports.outcome.sentences import VERDICT

    for tape in going:
        if tape.path in failed:
            print(phrase(FAILED(path=tape.path, error=failed[tape.path]), lang))
            continue
        row = AGE_SHOWN(path=tape.path, size=tape.bytes, days=round(tape.age_s / 86400))
        print(phrase(GONE(path=tape.path) if done else row, lang))
        for path in tape.beside:
            print("  " + phrase(STAYS(path=path), lang))
    size = sum(tape.bytes for tape in going if tape.path not in failed)
    count = len(going) - len(failed)
    command = "holter list"
    if not going:
        what = NOTHING(count=len(there), size=sum(tape.bytes for tape in there))
    else:
        what = (DONE if done else DRY)(count=count, all=len(there), size=size)
        command = command if done else shlex.join(["holter", *sys.argv[1:], "--yes"])
    print(phrase(VERDICT(what=what, command=command), lang))


def _delete(going: tuple[Candidate, ...]) -> dict[str, str]:
    from holter.tape.opening import remove_tape

    failed = {}
    for tape in going:
        try:
            remove_tape(Path(tape.path))
        except OSError as error:
            failed[tape.path] = error.strerror or str(error)
    return failed


def _as_json(tape: Candidate) -> dict[str, object]:
    return {"path": tape.path, "bytes": tape.bytes, "age_s": round(tape.age_s), "beside": list(tape.beside)}


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdw])", given.strip())
    if match is None:
        raise BadInput(NO_AGE(given=given), safe=NOTHING_CHANGED(), next_step="holter prune --older-than 90d")
    return float(match[1]) * SECONDS[match[2]]


def _bytes(given: str | None) -> int | None:
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MGT])(?:I?B)?", given.strip().upper())
    if match is None:
        raise BadInput(NO_SIZE(given=given), safe=NOTHING_CHANGED(), next_step="holter prune --max-size 20GiB")
    return int(float(match[1]) * BYTES[match[2]])
