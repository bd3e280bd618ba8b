"""``holter compare A B …``: which run is faster, by how much, and what differs."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Json, Lang, chosen_language, print_json, tape_name
from holter.errors import BadInput
from holter.sentences import define

ONE_ALONE = define("error.compare-one", "Two tapes are needed: the first one is what the others are compared with.")
NO_PERCENT = define("error.no-percent", "--max-slower {given} is not a share: 5% or 5 means that 5 % are allowed.")


def compare(
    tapes: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B...", readable=False, help="Tapes; each is compared with the first, also while it runs."
        ),
    ],
    max_slower: Annotated[
        str | None,
        typer.Option("--max-slower", metavar="5%", help="Exit code 1 if a run is slower by more than this."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the comparison as an HTML file.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Compare runs: epoch times, waits for data, GPU, incidents, and how machine and settings differ.

    Exit code 0: compared. 1: slower than --max-slower allows. 2: a run has no times that can be compared, or too few
    epochs for --max-slower.
    """
    from rich.console import Console

    from holter.diagnosis.result import is_over
    from holter.remedies.diagnose import diagnose_recording
    from holter.reports import compare as comparing
    from holter.reports.catalogue import text
    from holter.reports.compare import page, table
    from holter.reports.private_files import write_private
    from holter.tape import read

    language = chosen_language(lang)
    most = None if max_slower is None else _share(max_slower)
    if len(tapes) < 2:
        raise BadInput(ONE_ALONE(), next_step=f"holter compare {shlex.quote(str(tapes[0]))} OTHER.holter")
    runs = []
    for path, name in zip(tapes, _names(tapes), strict=True):
        recording = read(path)
        over = is_over(recording)
        runs.append(comparing.measure(name, recording, diagnose_recording(recording, is_over=over), is_over=over))
    comparison = comparing.compare(runs, most)
    if output is not None:
        write_private(output, page.page(comparison, language), force=force)
    if as_json:
        print_json(table.as_json(comparison, language))
    else:
        wrote = None if output is None else text("cli.wrote", language, path=output)
        slower = {run.name: tape for run, tape in zip(runs, tapes, strict=True)}.get(comparison.slowest or "")
        page_too = None if output is not None else shlex.join(["holter", *sys.argv[1:], "-o", "compare.html"])
        command = page_too if slower is None else f"holter diagnose {shlex.quote(str(slower))}"
        table.print_comparison(Console(), comparison, language, wrote=wrote, command=command)
    sys.exit(comparison.exit_code)


def _names(tapes: list[Path]) -> list[str]:
    # The short name if it says which one is meant, else with the folder that differs.
    places = [Path(os.path.abspath(tape)) for tape in tapes]  # noqa: PTH100 - resolve() would follow links
    namesakes: dict[str, set[Path]] = {}
    for place in places:
        namesakes.setdefault(tape_name(place), set()).add(place)
    return [_name(place, namesakes[tape_name(place)]) for place in places]


def _name(tape: Path, namesakes: set[Path]) -> str:
    if len(namesakes) == 1:
        return tape_name(tape)
    for back in range(2, len(tape.parts) + 1):
        if len({place.parts[-back : -back + 1] for place in namesakes}) == len(namesakes):
            between = ("…",) if back > 2 else ()
            return "/".join((tape.parts[-back], *between, tape_name(tape)))
    for back in range(1, len(tape.parts)):
        if len({place.parts[-back:] for place in namesakes}) == len(namesakes):
            return "/".join((*tape.parts[-back:-1], tape.name if back == 1 else tape_name(tape)))
    return str(tape)


def _share(given: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", given)
    if match is None:
        raise BadInput(NO_PERCENT(given=repr(given)), next_step="holter compare A.holter B.holter --max-slower 5%")
    return float(match[1]) / 100
