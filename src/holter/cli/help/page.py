"""The help of ``holter`` and of each command, in the user's language, in the columns that the terminal has.

Written without rich: importing it would take longer than everything else that prints help.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import typer
import typer.core

from holter.reports.catalogue import Lang, text, translated
from holter.sentences import Sentence, define

HELP_OPTIONS = ("-h", "--help")
# Longer lines are hard to read; below the other width there is no room for two columns.
WIDEST, TWO_COLUMNS = 100, 56
NAMES_WIDEST = 26
INDENT = "  "

USAGE = define("help-title.usage", "Usage:")
OPTIONS_WORD = define("help-title.options-word", "[OPTIONS]")
COMMAND_WORD = define("help-title.command-word", "COMMAND")
ARGUMENTS = define("help-title.arguments", "Arguments")
OPTIONS = define("help-title.options", "Options")
EXAMPLES = define("help-title.examples", "Examples")
SHOW_HELP = define("help-title.show-help", "Show this help.")
DEFAULT = define("help-title.default", "[default: {value}]")
REQUIRED = define("help-title.required", "[required]")
MORE = define("help-title.more", "{command} -h explains a command.")
OTHERS = define("help-title.others", "More")

# When a person needs a command; a command that is in no group is listed last.
GROUPS: tuple[tuple[Sentence, tuple[str, ...]], ...] = (
    (define("help-group.before", "Before a training"), ("doctor", "bench", "tune", "config", "notify-test")),
    (define("help-group.during", "During a training"), ("train", "run", "attach", "study", "top", "web", "metrics")),
    (
        define("help-group.after", "After it"),
        ("list", "diagnose", "ask", "report", "compare", "export", "prune"),
    ),
    (define("help-group.learn", "Learn"), ("explain", "demo")),
)


class HelpfulCommand(typer.core.TyperCommand):
    """A command whose ``--help`` prints Holter's own page."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx))


class HelpfulGroup(typer.core.TyperGroup):
    """``holter`` itself; its help lists the commands by the time when they are needed."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx))


class App(typer.Typer):
    """The command line; every command that is registered prints its help with Holter's own page."""

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Register a command, as ``typer.Typer.command``."""
        return super().command(name, **{"cls": HelpfulCommand, **settings})


def key(command: str, parameter: Any = None) -> str:
    """Return the catalogue key of the help of a command or, with ``parameter``, of one of its arguments or options."""
    if parameter is None:
        return f"help.{command}"
    is_option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len).lstrip("-") if is_option else parameter.name
    return f"help.{command}.{name}"


def page(command: Any, context: Any) -> str:
    """Return the help page of a command or of the whole program."""
    from holter.cli.options import spoken_language

    lang = spoken_language(sys.argv[1:])
    writer = _Writer(lang, min(shutil.get_terminal_size().columns, WIDEST), _styles(sys.stdout, os.environ))
    commands = getattr(command, "commands", None)
    name = "holter" if commands is not None else str(command.name)
    writer.usage(context.command_path, command, is_group=commands is not None)
    writer.prose(translated(key(name), command.help or "", lang))
    if commands is not None:
        for title, rows in _grouped(commands, lang):
            writer.table(title, rows)
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    writer.table(
        text(ARGUMENTS.key, lang), [(metavar(argument), explained(name, argument, lang)) for argument in arguments]
    )
    short = {long: word for word, long in getattr(command, "short", {}).items()}
    rows = [(spelled(option, short), explained(name, option, lang)) for option in options]
    writer.table(text(OPTIONS.key, lang), [*rows, (", ".join(HELP_OPTIONS), text(SHOW_HELP.key, lang))])
    writer.examples(name)
    if commands is not None:
        writer.prose(text(MORE.key, lang, command=f"holter {text(COMMAND_WORD.key, lang)}"))
    return writer.whole


def metavar(parameter: Any) -> str:
    """Return the placeholder of an argument or of an option's value."""
    return str(parameter.metavar or (parameter.name or "").replace("_", "-").upper())


def _grouped(commands: Mapping[str, Any], lang: Lang) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    def rows(names: Sequence[str]) -> list[tuple[str, str]]:
        return [(name, _summary(name, commands[name], lang)) for name in names if name in commands]

    for title, names in GROUPS:
        yield text(title.key, lang), rows(names)
    grouped = {name for _, names in GROUPS for name in names}
    yield text(OTHERS.key, lang), rows([name for name in commands if name not in grouped])


def _summary(name: str, command: Any, lang: Lang) -> str:
    return translated(key(name), command.help or "", lang).split("\n\n")[0].replace("\n", " ")


def explained(command: str, parameter: Any, lang: Lang) -> str:
    words = translated(key(command, parameter), parameter.help or "", lang)
    default = parameter.default
    if parameter.required:
        return f"{words} {text(REQUIRED.key, lang)}"
    if callable(default) or default in (None, False, (), "") or not getattr(parameter, "show_default", True):
        return words
    value = default.value if isinstance(default, Enum) else default
    return f"{words} {text(DEFAULT.key, lang, value=str(value))}"


def spelled(option: Any, short: Mapping[str, str]) -> str:
    others = [short[name] for name in option.opts if name in short]
    names = ", ".join(sorted((*option.opts, *others), key=len))
    return names if option.is_flag else f"{names} {metavar(option)}"


def _styles(stream: Any, environ: Mapping[str, str]) -> Mapping[str, str]:
    # NO_COLOR and TERM=dumb as elsewhere (no-color.org); a pipe or a file gets plain text.
    plain = environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb" or not stream.isatty()
    return {} if plain else {"title": "\x1b[1m", "name": "\x1b[36m", "end": "\x1b[0m"}


class _Writer:
    # Puts a page together.

    def __init__(self, lang: Lang, width: int, styles: Mapping[str, str]) -> None:
        self._lang = lang
        self._width = width
        self._styles = styles
        self._lines: list[str] = []

    @property
    def whole(self) -> str:
        return "\n".join(self._lines) + "\n"

    def usage(self, path: str, command: Any, *, is_group: bool) -> None:
        words = [path]
        if is_group:
            words.append(text(COMMAND_WORD.key, self._lang))
        words.append(text(OPTIONS_WORD.key, self._lang))
        words += [
            metavar(argument) if argument.required else f"[{metavar(argument).strip('[]')}]"
            for argument in command.params
            if argument.param_type_name == "argument"
        ]
        self._lines.append(f"{self._styled('title', text(USAGE.key, self._lang))} {' '.join(words)}")

    def prose(self, words: str) -> None:
        # Only a blank line is a new paragraph: other line breaks are those of the source.
        for paragraph in filter(None, words.split("\n\n")):
            self._lines += ["", *self._wrapped(_unbroken(paragraph), self._width)]

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        if not rows:
            return
        self._lines += ["", self._styled("title", title)]
        column = min(max(self._columns(name) for name, _ in rows), NAMES_WIDEST)
        hang = column + 2 * len(INDENT) if self._width >= TWO_COLUMNS else 3 * len(INDENT)
        for name, words in rows:
            lines = self._wrapped(_unbroken(words), self._width - hang)
            first = INDENT + self._styled("name", name)
            room = hang - len(INDENT) - self._columns(name)
            if room >= len(INDENT):
                first += " " * room + (lines.pop(0) if lines else "")
            self._lines += [first.rstrip(), *(" " * hang + line for line in lines)]

    def examples(self, command: str) -> None:
        from holter.cli.help.examples import EXAMPLES as OF_COMMAND

        shown = OF_COMMAND.get(command, ())
        if shown:
            self._lines += ["", self._styled("title", text(EXAMPLES.key, self._lang))]
        for line, what in shown:
            self._lines.append(INDENT + self._styled("name", line))
            self._lines += [
                3 * INDENT + words for words in self._wrapped(text(what.key, self._lang), self._width - 3 * len(INDENT))
            ]

    def _wrapped(self, words: str, width: int) -> list[str]:
        from holter.reports.wrapping import wrap

        return wrap(words, width)

    def _columns(self, words: str) -> int:
        from rich.cells import cell_len

        return cell_len(words)

    def _styled(self, style: str, words: str) -> str:
        return self._styles.get(style, "") + words + self._styles.get("end", "")


def _unbroken(paragraph: str) -> str:
    # Han characters stand beside each other without a blank.
    whole = ""
    for line in paragraph.splitlines():
        glue = "" if not whole or ord(whole[-1]) > 0x2E7F or ord(line.strip()[:1] or " ") > 0x2E7F else " "
        whole += glue + line.strip()
    return whole
