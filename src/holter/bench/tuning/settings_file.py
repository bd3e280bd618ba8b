"""Write found settings into a ``holter.toml``; all its other lines and comments stay unchanged."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holter.errors import BadInput
from holter.sentences import NOTHING_STARTED_OR_CHANGED, NOTHING_TOUCHED, define

NO_FOLDER = define("error.tune.no-folder", "{file} cannot be written: {error}")
NOT_TOML = define("error.tune.not-toml", "{file} is not valid TOML: {error}")
BY_HAND = define(
    "error.tune.by-hand", "{file} has these settings in a form that cannot be changed without touching others."
)
Tables = Mapping[str, Mapping[str, str | int]]


def check(file: Path, tables: Tables) -> None:
    """Check before a measurement that ``write`` will be able to write the file after it.

    ``tables``: all tables and names that may then be written; their values do not matter.

    Raises:  BadInput if it cannot.
    """
    before = _read(file)
    if _changed(file, before, tables) is None:
        raise BadInput(BY_HAND(file=str(file)), safe=NOTHING_STARTED_OR_CHANGED(), next_step="--write other.toml")
    target = file if file.exists() else file.absolute().parent
    if not os.access(target, os.W_OK) or not file.absolute().parent.is_dir() or file.is_dir():
        error = "no such folder" if not file.absolute().parent.is_dir() else "not a file that may be written"
        raise BadInput(
            NO_FOLDER(file=str(file), error=error), safe=NOTHING_STARTED_OR_CHANGED(), next_step="--write holter.toml"
        )


def write(file: Path, tables: Tables, comment: str) -> None:
    """Write these values into a TOML file; all its other lines stay. A new file begins with ``comment``.

    Raises:  BadInput if that would change something else, or fails; then the file stays unchanged.
    """
    before = _read(file)
    text = _changed(file, before or f"# {comment}\n", tables)
    lines = "\n".join(
        line for table, values in tables.items() for line in (f"[{table}]", *(_line(*pair) for pair in values.items()))
    )
    if text is None:
        raise BadInput(BY_HAND(file=str(file)), safe=NOTHING_TOUCHED(), next_step=lines)
    real = file.resolve()
    partial = real.with_name(f".{real.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        if real.exists():
            partial.chmod(real.stat().st_mode)
        partial.replace(real)
    except OSError as error:
        partial.unlink(missing_ok=True)
        what = NO_FOLDER(file=str(file), error=error.strerror or str(error))
        raise BadInput(what, safe=NOTHING_TOUCHED(), next_step=lines) from error


def _changed(file: Path, text: str, tables: Tables) -> str | None:
    # The text with the values; None if a parser would find anything else in it.
    wanted = _parsed(file, text)
    for table, values in tables.items():
        text = with_values(text, table, values)
        inside = wanted.get(table)
        wanted[table] = {**inside, **values} if isinstance(inside, dict) else dict(values)
    try:
        return text if _loads(text) == wanted else None
    except ValueError:
        return None


def with_values(text: str, table: str, values: Mapping[str, str | int]) -> str:
    """Return the text of a TOML file with these values in a table, which is added if it is missing."""
    lines = text.splitlines()
    header = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\]\s*(#.*)?$")
    start = next((at for at, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        lines += ["", f"[{table}]"] if lines and lines[-1].strip() else [f"[{table}]"]
        start = len(lines) - 1
    end = next((at for at in range(start + 1, len(lines)) if lines[at].lstrip().startswith("[")), len(lines))
    body = lines[start + 1 : end]
    for name, value in values.items():
        known = re.compile(rf"""(\s*)(["']?){re.escape(name)}\2\s*=\s*("[^"]*"|'[^']*'|[^\s#"']+)(\s*(?:#.*)?)$""")
        for at, line in enumerate(body):
            found = known.match(line)
            if found:
                body[at] = f"{found[1]}{_line(name, value)}{found[4]}"
                break
        else:
            # Comments at the end may be about the next table.
            last = next((at for at in range(len(body), 0, -1) if not re.match(r"\s*(#|$)", body[at - 1])), 0)
            body.insert(last, _line(name, value))
    return "\n".join([*lines[: start + 1], *body, *lines[end:]]) + "\n"


def _line(name: str, value: str | int) -> str:
    return f"{name} = {value}" if isinstance(value, int) else f'{name} = "{value}"'


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        what = NO_FOLDER(file=str(file), error=getattr(error, "strerror", None) or str(error))
        raise BadInput(what, safe=NOTHING_STARTED_OR_CHANGED(), next_step="--write holter.toml") from error
    _parsed(file, text)
    return text


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return _loads(text)
    except ValueError as error:
        what = NOT_TOML(file=str(file), error=str(error))
        raise BadInput(what, safe=NOTHING_STARTED_OR_CHANGED(), next_step="holter config --help") from error


def _loads(text: str) -> dict[str, Any]:
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return dict(tomllib.loads(text))
