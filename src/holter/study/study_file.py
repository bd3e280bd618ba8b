"""A study as a TOML file: the words of the command line, and different trainings side by side.

::

    datasets = [4, 5]                       # as on the command line; for all [[trainings]] that say nothing else
    folds = "0-4"
    slots = 2                               # every option of holter study run, without the dashes
    extra = ["--npz"]                       # what stands behind --
    [[trainings]]
    datasets = 4
    configurations = ["2d", "3d_fullres"]
    priority = 1                            # higher ones start first; 0 if it is not given
    [[trainings]]
    datasets = 5
    configurations = "3d_fullres"
    trainer = "nnUNetTrainer_250epochs"

An error names the file, the line and the key.
"""

from __future__ import annotations

import difflib
import importlib
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from holter.errors import BadInput
from holter.records import Text
from holter.sentences import NOTHING_STARTED, define

GROUPS, DATASETS, PRIORITY, EXTRA = "trainings", "datasets", "priority", "extra"
# Which trainings: these may differ from group to group.
OF_GROUP = (DATASETS, "configurations", "folds", "trainer", "plans", PRIORITY)
LISTS = (DATASETS, "configurations", "folds", EXTRA)
MOST_BYTES = 1 << 20

AT_LINE = define("error.study-file-line", "{file}, line {line}, {name}: {what}")
IN_FILE = define("error.study-file", "{file}: {what}")
CANNOT_READ = define("error.study-file-unreadable", "it cannot be read: {error}")
NOT_UTF8 = define("error.study-file-not-utf8", "it is no UTF-8 text; save it with this encoding.")
NOT_TOML = define("error.study-file-not-toml", "it is not valid TOML: {error}")
UNKNOWN_KEY = define("error.study-file-unknown", "this is not a key of a study file.")
NO_LIST = define("error.study-file-list", "{value} is neither a name, a number nor a list of them.")
WRONG_VALUE = define("error.study-file-value", "{value} cannot be used here: {why}")
NO_TABLES = define("error.study-file-tables", "write each group of trainings below a line [[trainings]].")
NO_DATASETS = define("error.study-file-no-datasets", "no data sets: write datasets = [4, 5] here or at the top.")
NO_NUMBER = define("error.study-file-priority", "{value} is not a whole number.")
KEYS = define("next.study-file-keys", "Keys: {names}")
MEANT = define("next.study-file-meant", "Perhaps {name} is meant.")
MEND = define("next.study-file-mend", "Correct line {line}.")


class Group(NamedTuple):
    """Trainings that are described together; None: as for the whole study."""

    datasets: tuple[str, ...]
    configurations: tuple[str, ...] | None = None
    folds: tuple[str, ...] | None = None
    trainer: str | None = None
    plans: str | None = None
    priority: int = 0
    number: int | None = None  # which of [[trainings]], counted from 0; None: the file has none


class StudyFile(NamedTuple):
    """The content of a study file. ``options``: those of ``holter study run``, by their names without dashes."""

    path: Path
    groups: tuple[Group, ...]
    options: Mapping[str, Any]
    extra: tuple[str, ...]
    text: str

    def error(self, key: str, what: Text, *, group: int | None = None, next_step: Text | None = None) -> BadInput:
        """Return an error about a key, with the line of the key; if the key is missing, with the line of its table."""
        line = line_of(self.text, key, group)
        said = AT_LINE(file=str(self.path), line=line, name=key, what=what)
        return BadInput(said, safe=NOTHING_STARTED(), next_step=next_step or MEND(line=line))


def read(path: Path, options: Iterable[str]) -> StudyFile:
    """Read a study file. ``options``: the names that are allowed beside those of ``OF_GROUP``.

    Raises:  BadInput.
    """
    text = _text(path)
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise _of_file(path, NOT_TOML(error=str(error)), KEYS(names=tuple(OF_GROUP))) from error
    bare = StudyFile(path, (), {}, (), text)
    known = (*OF_GROUP, *options, EXTRA)
    top = {_name(bare, key, known, None): value for key, value in content.items() if key != GROUPS}
    tables = content.get(GROUPS, [{}])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables) or not tables:
        raise bare.error(GROUPS, NO_TABLES())
    shared = _list(bare, DATASETS, top.pop(DATASETS, ()), None)
    priority = _number(bare, top.pop(PRIORITY, 0), None)
    groups = tuple(
        _group(bare, table, number if GROUPS in content else None, shared, priority)
        for number, table in enumerate(tables)
    )
    extra = _list(bare, EXTRA, top.pop(EXTRA, ()), None)
    chosen = {key: _list(bare, key, value, None) if key in LISTS else value for key, value in top.items()}
    return StudyFile(path, groups, chosen, extra, text)


def line_of(text: str, key: str, group: int | None = None) -> int:
    """Return the line, counted from 1, of a key at the top or in one of ``[[trainings]]``; else of its table."""
    table, found, at_top = -1, 1, None
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([\w.-]+)", line)
        if header:
            table += 1 if header[1] == GROUPS else 0
            if group is None:
                return number if header[1] == key else found
            found = number if table == group else found
        named = re.match(r"""\s*["']?([\w-]+)["']?\s*=""", line)
        if named and named[1].replace("_", "-") == key.replace("_", "-"):
            if group is None or table == group:
                return number
            at_top = number if table < 0 else at_top
    return at_top or found


def _group(
    file: StudyFile, table: Mapping[str, Any], number: int | None, shared: tuple[str, ...], priority: int
) -> Group:
    own = {_name(file, key, OF_GROUP, number): value for key, value in table.items()}
    datasets = _list(file, DATASETS, own[DATASETS], number) if DATASETS in own else shared
    if not datasets:
        raise file.error(DATASETS, NO_DATASETS(), group=number)

    def several(key: str) -> tuple[str, ...] | None:
        return _list(file, key, own[key], number) if key in own else None

    def one(key: str) -> str | None:
        if key in own and not isinstance(own[key], str):
            raise file.error(key, NO_LIST(value=repr(own[key])), group=number)
        return own.get(key)

    own_priority = _number(file, own[PRIORITY], number) if PRIORITY in own else priority
    return Group(
        datasets, several("configurations"), several("folds"), one("trainer"), one("plans"), own_priority, number
    )


def _name(file: StudyFile, key: str, known: Iterable[str], group: int | None) -> str:
    name, names = key.replace("_", "-"), sorted(set(known))
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        step = MEANT(name=near[0]) if near else KEYS(names=tuple(names))
        raise file.error(key, UNKNOWN_KEY(), group=group, next_step=step)
    return name


def _list(file: StudyFile, key: str, value: Any, group: int | None) -> tuple[str, ...]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(each, bool) or not isinstance(each, (str, int)) for each in values):
        raise file.error(key, NO_LIST(value=repr(value)), group=group)
    return tuple(str(each) for each in values)


def _number(file: StudyFile, value: Any, group: int | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise file.error(PRIORITY, NO_NUMBER(value=repr(value)), group=group)
    return value


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as text:  # editors of Windows begin a file with a mark
            return text.read(MOST_BYTES)
    except UnicodeDecodeError as error:
        file, new = (shlex.quote(str(each)) for each in (path, path.with_name(f"utf8-{path.name}")))
        raise _of_file(path, NOT_UTF8(), f"iconv -f GB18030 -t UTF-8 {file} > {new}") from error
    except OSError as error:
        why = CANNOT_READ(error=error.strerror or str(error))
        raise _of_file(path, why, f"ls -l {shlex.quote(str(path))}") from error


def _of_file(path: Path, what: Text, next_step: Text) -> BadInput:
    return BadInput(IN_FILE(file=str(path), what=what), safe=NOTHING_STARTED(), next_step=next_step)


Convert = Callable[[str, Any], Any]


def converted(file: StudyFile, convert: Convert) -> dict[str, Any]:
    """Return the options of the file by name, with values of the types that the command uses.

    ``convert(name, value)`` returns such a value, or raises ValueError.

    Raises:  BadInput, with the place in the file, if a value cannot be converted.
    """
    found = {}
    for key, value in file.options.items():
        try:
            found[key] = convert(key, value)
        except ValueError as error:
            raise file.error(key, WRONG_VALUE(value=repr(value), why=str(error))) from error
    return found
