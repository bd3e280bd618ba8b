"""Defaults of options from ``holter.toml`` and from the environment; the command line has priority.

::

    lang = "zh"                      # for every command that has --lang
    notify = "ntfy:my-topic"
    metrics = ["9109", "textfile:/var/lib/node_exporter"]  # what may be given several times may be a list
    docs-url = "https://example.org/holter"  # no option: where a diagnosis leads to
    [train]                          # for one command
    main-limit = 3600
    [environment]                    # for the trainings that Holter starts, where the variable is not set
    nnUNet_n_proc_DA = 6

Files; if several set the same option, the first one counts: ``./holter.toml``, the file in ``$HOLTER_CONFIG``,
``$XDG_CONFIG_HOME/holter/holter.toml``.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from holter.errors import BadInput
from holter.linux.disks import Disks
from holter.records import Text
from holter.sentences import NOTHING_TOUCHED, define
from holter.study import settings_file

FILE = "holter.toml"
OTHER_FILE = settings_file.VARIABLE
ENVIRONMENT = "environment"
DOCS, DOCS_VARIABLE = "docs-url", "HOLTER_DOCS_URL"  # as in reports/explain.py, which takes long to import
# Variables that stand for an option. HOLTER_HEAL and its like belong to the hook, and are none.
VARIABLES = {"HOLTER_LANG": "lang", "HOLTER_NOTIFY": "notify", "HOLTER_METRICS": "metrics", DOCS_VARIABLE: DOCS}
# Not of one command: what is printed reads them from the environment.
SPOKEN = {"lang": "HOLTER_LANG", DOCS: DOCS_VARIABLE}
ADDRESSES = ("https://", "http://", "file://")
# May be given several times: a list in a file, commas in a variable (a colon separates address and port).
SEVERAL = ("metrics", "allow-host", "configurations", "folds", "gpus", "priority")
# These choose what is overwritten or begun again: never by a line in a file that was forgotten.
NEVER = ("force", "restart-from-scratch", "yes", "tape", "write", "do", "help", "version")
# May contain tokens.
SECRET = ("notify",)

NOT_TOML = define("error.settings-not-toml", "{file} is not valid TOML: {error}")
NOT_THERE = define("error.settings-not-there", "{file}, which {variable} names, is not there.")
UNREADABLE = define("error.settings-unreadable", "{file} cannot be read: {error}")
FOREIGN = define("error.settings-foreign", "{file} belongs to another user (UID {uid}), so it is not used.")
UNKNOWN = define("error.settings-unknown", "{file} sets {name}, which is not an option of {command}.")
UNKNOWN_ANYWHERE = define(
    "error.settings-unknown-anywhere", "{file} sets {name}, which is not an option of any command."
)
WRONG_TYPE = define("error.settings-type", "{file} sets {name} to {value}, which is neither text nor a number.")
NO_ADDRESS = define("error.settings-address", "{value} is not an address: it must begin with {beginnings}.")
WRONG_VALUE = define("error.settings-value", "{source}: {what}")
NEVER_HERE = define("error.settings-never", "{name} cannot be set in {file}: give it on the command line.")
PERHAPS = define("next.settings-perhaps", "Perhaps {name} is meant. holter config lists what can be set.")
FROM_FILE = define("settings.from-file", "from {file}: {variables}")
SILENT = define("settings.silent", "{file} is not read: its disk does not answer")
LOOK = define("next.settings-look", "holter config --help explains the file.")
OWN_FILE = define("next.settings-own-file", "Use a file of your own, or remove this one: {file}")


class Setting(NamedTuple):
    """One value and where it comes from."""

    command: str | None  # None: every command that has the option
    name: str  # of the option, without dashes; or of a variable
    value: Any
    source: str


class Settings(NamedTuple):
    """All settings that were found, the one with the highest priority first."""

    options: tuple[Setting, ...] = ()
    environment: tuple[Setting, ...] = ()
    files: tuple[Path, ...] = ()  # that exist
    silent: tuple[Path, ...] = ()  # on a disk that does not answer

    def of(self, command: str) -> dict[str, Setting]:
        """Return the settings that apply to a command, by the name of the option.

        A variable of the environment comes before the command's own section of a file, and that before the shared one.
        """
        own = [each for each in self.options if each.command == command]
        shared = [each for each in self.options if each.command is None]
        found: dict[str, Setting] = {}
        for each in (*own, *shared):
            found.setdefault(each.name, each)
        # A variable of the environment is stronger than any file.
        return {**found, **{each.name: each for each in shared if each.source in VARIABLES}}

    def variables(self, environ: Mapping[str, str]) -> dict[str, Setting]:
        """Return the variables that a training gets from the files because they are not set otherwise."""
        found: dict[str, Setting] = {}
        for each in self.environment:
            if each.name not in environ:
                found.setdefault(each.name, each)
        return found


def places(environ: Mapping[str, str]) -> list[Path]:
    """Return the paths of the files to read; the first one that sets an option decides."""
    found = [Path(FILE), *([Path(environ[OTHER_FILE])] if environ.get(OTHER_FILE) else [])]
    base = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    return [*found, Path(base) / "holter" / FILE] if base else found


def read(environ: Mapping[str, str], options: Callable[[], Mapping[str, frozenset[str]]]) -> Settings:
    """Read the environment and the files. ``options``: returns the names of each command's options.

    Raises:  BadInput for a file that cannot be used; then none of its settings is used.
    """
    chosen = [
        _checked(Setting(None, option, _parts(environ[name]) if option in SEVERAL else environ[name], name))
        for name, option in VARIABLES.items()
        if environ.get(name)
    ]
    variables: list[Setting] = []
    files, silent = [], []
    for path in places(environ):
        if not _answers(path):
            silent.append(path)
            continue
        content = _content(path)
        if content is None:
            # A name with a typing error would silently do nothing.
            if environ.get(OTHER_FILE) and path == Path(environ[OTHER_FILE]):
                raise _bad(NOT_THERE(file=str(path), variable=OTHER_FILE), f"unset {OTHER_FILE}")
            continue
        files.append(path)
        for setting in _settings(path, content, options()):
            (variables if setting.command == ENVIRONMENT else chosen).append(setting)
    return Settings(tuple(chosen), tuple(variables), tuple(files), tuple(silent))


def speak(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """Put the language and the address of the documentation from the settings files into ``environ``.

    So errors and the lines of the training use them, too. Only what is set for all commands counts, and a variable that
    ``environ`` already has stays.
    """
    for each in settings.options:
        if each.command is None and each.name in SPOKEN:
            environ.setdefault(SPOKEN[each.name], each.value)


def for_training(settings: Settings | None, environ: MutableMapping[str, str]) -> list[Text]:
    """Set the variables of ``[environment]`` that are not set yet.

    Return a message for each file that sets some, and for each on a disk that does not answer.
    """
    chosen = settings or Settings()
    by_file: dict[str, list[str]] = {}
    for name, each in chosen.variables(environ).items():
        environ[name] = each.value
        by_file.setdefault(each.source, []).append(f"{name}={each.value}")
    said = [FROM_FILE(file=file, variables=" ".join(variables)) for file, variables in by_file.items()]
    return [*said, *(SILENT(file=str(path)) for path in chosen.silent)]


def for_trainings_elsewhere(settings: Settings | None, environ: MutableMapping[str, str]) -> list[Text]:
    """Set the variables of ``for_training``, and the one that lets a training find ./holter.toml from another folder.

    Return a message for each file that sets something for trainings.
    """
    said = for_training(settings, environ)
    here = Path(FILE)
    if settings is not None and here in settings.files:
        environ.setdefault(OTHER_FILE, str(here.absolute()))
    return [*said, *options_from_files(settings, "train", lambda _: True)]


def options_from_files(settings: Settings | None, command: str, is_used: Callable[[str], bool]) -> list[Text]:
    """Return a message for each file whose section for this command sets options of it.

    ``is_used``: whether the option of this name takes its value from the file.
    """
    by_file: dict[str, list[str]] = {}
    for name, each in (settings or Settings()).of(command).items():
        if each.command == command and is_used(name):
            value = "…" if name in SECRET else each.value
            by_file.setdefault(each.source, []).append(f"--{name} {value}")
    return [FROM_FILE(file=file, variables=" ".join(options)) for file, options in by_file.items()]


def default_map(settings: Settings, parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the defaults for the parser. ``parameters``: for each command, click's parameter of each option."""
    defaults: dict[str, dict[str, Any]] = {}
    for command, by_option in parameters.items():
        for each in settings.of(command).values():
            if each.name in by_option:
                parameter = by_option[each.name]
                value = list(each.value) if parameter.multiple else each.value
                defaults.setdefault(command, {})[parameter.name] = value
    return defaults


def _answers(path: Path) -> bool:
    try:
        return Disks().answers(path)
    except FileNotFoundError:  # the current folder was deleted, and the file with it
        return True


def _content(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            # Imported only where there is a file: every command passes here.
            tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
            uid = os.fstat(file.fileno()).st_uid
            if hasattr(os, "geteuid") and uid not in (
                0,
                os.geteuid(),
            ):  # somebody else's file must not choose what we start
                raise _bad(FOREIGN(file=str(path), uid=uid), OWN_FILE(file=str(path)))
            return dict(tomllib.load(file))
    except FileNotFoundError:
        return None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise _bad(NOT_TOML(file=str(path), error=str(error)), LOOK()) from error
    except OSError as error:
        if isinstance(error, NotADirectoryError):
            return None
        raise _bad(UNREADABLE(file=str(path), error=error.strerror or str(error)), LOOK()) from error


def _settings(path: Path, content: Mapping[str, Any], options: Mapping[str, frozenset[str]]) -> Iterator[Setting]:
    every = frozenset((DOCS,)).union(*options.values())
    for name, value in content.items():
        if name == ENVIRONMENT and isinstance(value, dict):
            for variable, text in value.items():
                if not re.fullmatch(r"[A-Za-z_]\w*", variable):
                    raise _bad(UNKNOWN_ANYWHERE(file=str(path), name=variable), LOOK())
                yield Setting(ENVIRONMENT, variable, _plain(path, variable, text), str(path))
        elif isinstance(value, dict):
            if name not in options:
                raise _unknown(path, f"[{name}]", None, (f"[{table}]" for table in options))
            for option, inner in value.items():
                yield _option(path, name, option, inner, options[name])
        else:
            yield _option(path, None, name, value, every)


def _option(path: Path, command: str | None, name: str, value: Any, known: frozenset[str]) -> Setting:
    name = name.replace("_", "-")
    if name in NEVER:
        raise _bad(NEVER_HERE(name=name, file=str(path)), LOOK())
    if name not in known:
        raise _unknown(path, name, command, known)
    if name in SEVERAL:
        values = value if isinstance(value, list) else [value]
        return _checked(Setting(command, name, tuple(_plain(path, name, value) for value in values), str(path)))
    return _checked(Setting(command, name, value if isinstance(value, bool) else _plain(path, name, value), str(path)))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


# A bad value is found now, where the name of the file is known; the command would speak of an option that nobody typed.
def _checked(setting: Setting) -> Setting:
    if setting.name == DOCS and not setting.value.startswith(ADDRESSES):
        what = NO_ADDRESS(value=repr(setting.value), beginnings=ADDRESSES)
        raise _bad(WRONG_VALUE(source=setting.source, what=what), LOOK())
    if setting.name == "metrics":
        from holter.views.metrics.targets import target

        for value in setting.value:
            try:
                target(value)
            except BadInput as error:
                raise _bad(WRONG_VALUE(source=setting.source, what=error.what), error.next_step) from error
    return setting


def _plain(path: Path, name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _bad(WRONG_TYPE(file=str(path), name=name, value=repr(value)), LOOK())
    return str(value)


def _unknown(path: Path, name: str, command: str | None, known: Any) -> BadInput:
    import difflib

    near = difflib.get_close_matches(name, [str(key) for key in known], n=1)
    what = (
        UNKNOWN_ANYWHERE(file=str(path), name=name)
        if command is None
        else UNKNOWN(file=str(path), name=name, command=f"holter {command}")
    )
    return _bad(what, PERHAPS(name=near[0]) if near else LOOK())


def _bad(what: Text, next_step: Text) -> BadInput:
    return BadInput(what, safe=NOTHING_TOUCHED(), next_step=next_step)
