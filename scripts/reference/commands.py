"""Every command with its arguments, options and examples, from the parser itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from holter.cli import app
from holter.cli.help.examples import EXAMPLES
from holter.cli.help.page import GROUPS, explained, key, metavar, spelled
from holter.reports.catalogue import Lang, text, translated
from scripts.reference import Page, cell, escaped, filled

ARGUMENT = {"en": "argument or option", "zh": "参数或选项"}
MEANING = {"en": "meaning", "zh": "含义"}


def pages(lang: Lang) -> Iterator[Page]:
    """Yield the one page."""
    commands = typer.main.get_group(app).commands
    contents, parts = [], []
    for title, names in GROUPS:
        contents.append(f"- {text(title.key, lang)}: {', '.join(f'[`{name}`](#holter-{name})' for name in names)}\n")
        parts += [_command(name, commands[name], lang) for name in names]
    assert len(parts) == len(commands)
    text_ = filled("commands", lang, contents="".join(contents), commands="".join(parts))
    yield Page("reference/commands.md", text_)


def _command(name: str, command: Any, lang: Lang) -> str:
    paragraphs = translated(key(name), command.help or "", lang).split("\n\n")
    prose = "\n\n".join(
        escaped(" ".join(paragraph.split()) if lang == "en" else _joined(paragraph)) for paragraph in paragraphs
    )
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    short = {long: word for word, long in getattr(command, "short", {}).items()}
    rows = "".join(
        f"| {_code(_name(parameter, short))} | {cell(explained(name, parameter, lang))} |\n" for parameter in shown
    )
    table = f"\n| {ARGUMENT[lang]} | {MEANING[lang]} |\n|---|---|\n{rows}" if rows else ""
    examples = "".join(f"# {text(what.key, lang)}\n{line}\n" for line, what in EXAMPLES[name])
    return f"\n## `holter {name}`\n\n{prose}\n{table}\n```sh\n{examples}```\n"


def _name(parameter: Any, short: dict[str, str]) -> str:
    return spelled(parameter, short) if parameter.param_type_name == "option" else metavar(parameter)


def _code(words: str) -> str:
    return f"`{words}`".replace("|", r"\|")


def _joined(paragraph: str) -> str:
    # Han characters stand beside each other without a blank.
    return "".join(line.strip() for line in paragraph.splitlines())
