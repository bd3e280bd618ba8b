"""Defines the help of all commands as sentences, so that it is translated.

The English text is beside each option in the commands; its keys are ``help.COMMAND`` and ``help.COMMAND.OPTION``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from holter.cli import app
from holter.cli.help.page import key
from holter.sentences import define


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    yield "holter", group
    yield from group.commands.items()


def _define_all() -> None:
    for name, command in _commands(typer.main.get_command(app)):
        if command.help:
            define(key(name), command.help)
        for parameter in command.params:
            if getattr(parameter, "help", None):
                define(key(name, parameter), parameter.help)


_define_all()
