"""Choose the tape for a command without a target: that of the running training, else the newest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from holter.errors import UnknownTarget
from holter.records import Message
from holter.sentences import define

RUNS = define("newest.runs", "no target given: the training that runs, {path}")
RUN = define("newest.run", "no target given: the newest of {count} trainings that run, {path}")
UNWATCHED = define("newest.unwatched", "no target given: a training that still runs, but is no longer recorded, {path}")
ENDED = define("newest.ended", "no target given: the newest tape, {path}")
NO_TARGET = define("error.no-target", "No target was given, and no tape is known.")


def newest_tape(lang: str | None, next_step: Message | str) -> Path:
    """Return the tape of the running training, recorded or not, else the newest one, and name it on stderr.

    If no training is in the user's registry, it is the newest tape in the current folder. ``lang``: ``--lang``.

    Raises:  UnknownTarget with ``next_step`` if there is no tape.
    """
    from holter.cli.list_runs import all_rows
    from holter.cli.options import chosen_language
    from holter.reports.catalogue import phrase
    from holter.reports.live.lines import marked
    from holter.reports.runs import take_one

    taken = take_one(all_rows())
    if taken is not None:
        path = _shortest(Path(taken.row.tape))
        runs = RUN(count=taken.running, path=str(path)) if taken.running > 1 else RUNS(path=str(path))
        ended = UNWATCHED if taken.row.is_unwatched else ENDED
        said = runs if taken.row.runs else ended(path=str(path))
    else:
        tapes = sorted(filter(Path.is_file, Path().glob("*.holter")), key=lambda tape: tape.stat().st_mtime)
        if not tapes:
            raise UnknownTarget(NO_TARGET(), next_step=next_step)
        path = tapes[-1]
        said = ENDED(path=str(path))
    print(marked(phrase(said, chosen_language(lang))), file=sys.stderr)
    return path


def _shortest(path: Path) -> Path:
    try:
        return min(Path(os.path.relpath(path)), path, key=lambda spelling: len(str(spelling)))
    except (OSError, ValueError):  # the current folder was deleted; another drive
        return path
