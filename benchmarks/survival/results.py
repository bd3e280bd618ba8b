"""The campaign's JSON file: written after every run, read to resume, and merged from several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.reporting import document, machine
from benchmarks.survival.outcome import Outcome
from benchmarks.survival.summary import goals, rows
from holter.errors import BadInput


class Results(msgspec.Struct, frozen=True):
    """The fields that are read from such a file; table and goals are computed again from the outcomes."""

    machine: dict[str, str]
    outcomes: list[Outcome]


def write(file: Path, outcomes: Sequence[Outcome], facts: dict[str, str] | None = None) -> None:
    """Replace the file atomically: an interruption at any moment leaves the previous file."""
    content = document(rows(outcomes), goals(outcomes), machine() if facts is None else facts)
    content["outcomes"] = msgspec.to_builtins(outcomes)
    new = file.with_name(file.name + ".new")
    new.write_text(json.dumps(content, indent=2) + "\n")
    new.replace(file)


def read(file: Path) -> Results:
    """Read a file of ``write``.

    Raises:  BadInput.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Results)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(
            f"{file} holds no results of the campaign: {error}", next_step="python -m benchmarks.survival --help"
        ) from error


def merge(files: Sequence[Path]) -> Results:
    """Merge several files into one campaign. If two files have the same run, the later one counts, if it was run."""
    outcomes: dict[object, Outcome] = {}
    machines: dict[str, dict[str, None]] = {}
    for file in files:
        part = read(file)
        for outcome in part.outcomes:
            if outcome.skipped is None or outcome.key not in outcomes:
                outcomes[outcome.key] = outcome
        for name, value in part.machine.items():
            machines.setdefault(name, {})[value] = None
    return Results({name: " | ".join(values) for name, values in machines.items()}, list(outcomes.values()))
