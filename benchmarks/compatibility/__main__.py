"""Which nnU-Net versions and forks does Holter see, and what can it name and heal there?

Each version is installed into an environment of its own (only the packages that differ; PyTorch and the rest are those
of this one; the files of forks are taken from --sources), plans and preprocesses generated images, and trains twice
under Holter: healthy; with workers that are stopped, and then a main process that is killed. The trainings are real and
small. Names and actions count, times do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.compatibility import table
from benchmarks.compatibility.environments import build
from benchmarks.compatibility.play import Played, play
from benchmarks.compatibility.versions import VERSIONS, find
from benchmarks.faults.run import ended_in_order
from benchmarks.material import say
from benchmarks.reporting import conclude, options_of
from holter.errors import BadInput


def main() -> int:
    """Run, print the table, write what was asked for; return 1 if a goal was missed, 2 for a bad command."""
    options = parser().parse_args()
    try:
        versions = [find(name) for word in options.only for name in word.split(",")] or [
            version for version in VERSIONS if version.quick or not options.quick
        ]
    except BadInput as error:
        say(f"{error.what}; next: {error.next_step}")
        return 2
    if options.list:
        for version in versions:
            print(f"{version.name:16} {' '.join([*version.packages, *((version.source or ())[:2])])}")
        return 0
    under = options.folder or Path(tempfile.gettempdir()) / f"holter-compatibility-{os.getuid()}"
    under.mkdir(parents=True, exist_ok=True)
    results: list[Played] = []
    if options.kept is not None:
        results = [msgspec.json.decode(file.read_bytes(), type=Played) for file in sorted(options.kept.glob("*.json"))]
        versions = [each for each in versions if each.name not in {played.version for played in results}]
    with (
        contextlib.suppress(KeyboardInterrupt),
        ended_in_order(),
        tempfile.TemporaryDirectory(prefix="holter-compatibility-") as name,
    ):
        keep = options.keep or Path(name)
        for version in versions:
            try:
                played = play(build(version, under, options.sources), under, keep)
            except RuntimeError as error:
                played = Played(version=version.name, problem=f"it cannot be installed: {error}")
            results.append(played)
            say(f"{version.name}: {played}")
            with contextlib.suppress(OSError):
                (keep / f"{version.name}.json").write_bytes(msgspec.json.encode(played))
    names = [version.name for version in VERSIONS]
    results.sort(key=lambda played: names.index(played.version))
    for page in options.docs:
        page.write_text(table.page(page.read_text(), results, table.language_of(page)))
        say(f"wrote the table of {page}")
    return conclude(table.rows(results), table.goals(results), options.json)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = options_of("compatibility", __doc__, quick="three versions instead of all")
    add = options.add_argument
    add("--only", metavar="VERSION", nargs="+", default=[], help="names of versions")
    add("--list", action="store_true", help="list the versions and their packages")
    add("--docs", type=Path, metavar="PAGE", nargs="+", default=[], help="write the table into these pages")
    add("--sources", type=Path, metavar="FOLDER", help="the files of the forks, each in a folder of its name")
    add("--keep", type=Path, metavar="FOLDER", help="keep tapes, outcomes and output in this folder")
    add("--kept", type=Path, metavar="FOLDER", help="take outcomes that were kept here, and run only the others")
    add("--folder", type=Path, help="for environments and preprocessed data, which the next measurement uses again")
    return options


if __name__ == "__main__":
    sys.exit(main())
