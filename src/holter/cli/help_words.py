"""The help of all commands in the user's language.

The English text is beside each option in the commands; its keys are ``help.COMMAND`` and ``help.COMMAND.OPTION``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer

from holter.cli import app
from holter.reports.catalogue import Lang, text
from holter.sentences import define

# Texts of typer itself, by the name of their constant. Those that an older typer lacks stay English.
TITLES = {
    "ARGUMENTS_PANEL_TITLE": define("help-title.arguments", "Arguments"),
    "OPTIONS_PANEL_TITLE": define("help-title.options", "Options"),
    "COMMANDS_PANEL_TITLE": define("help-title.commands", "Commands"),
    "REQUIRED_LONG_STRING": define("help-title.required", "[required]"),
}
DEFAULT = define("help-title.default", "[default: {value}]")
SHOW_HELP = define("help-title.show-help", "Show this message and exit.")


def translated(lang: Lang) -> Callable[[], Any]:
    """Return the ``holter`` command with its help translated."""
    group = typer.main.get_command(app)
    for name, command in _commands(group):
        if command.help:
            command.help = text(f"help.{name}", lang)
        for parameter in command.params:
            if getattr(parameter, "help", None):
                parameter.help = text(_key(name, parameter), lang)
        _translate_help_option(command, lang)
    _translate_titles(lang)
    return group


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    yield "holter", group
    yield from group.commands.items()


def _key(command: str, parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len).lstrip("-") if is_option else parameter.name
    return f"help.{command}.{name}"


def _translate_help_option(command: Any, lang: Lang) -> None:
    made = command.get_help_option

    def get_help_option(context: Any) -> Any:
        option = made(context)
        if option is not None:
            option.help = text(SHOW_HELP.key, lang)
        return option

    command.get_help_option = get_help_option


def _translate_titles(lang: Lang) -> None:
    from typer import rich_utils

    for name, title in TITLES.items():
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, text(title.key, lang))
    if hasattr(rich_utils, "DEFAULT_STRING"):
        rich_utils.DEFAULT_STRING = text(DEFAULT.key, lang, value="{}")


def _define_all() -> None:
    for name, command in _commands(typer.main.get_command(app)):
        if command.help:
            define(f"help.{name}", command.help)
        for parameter in command.params:
            if getattr(parameter, "help", None):
                define(_key(name, parameter), parameter.help)


_define_all()
