"""``holter config``: which settings hold, and where each comes from."""

from __future__ import annotations

import json
import os

import typer

from holter.cli.options import Json, Lang, chosen_language
from holter.cli.start.settings import ENVIRONMENT, SECRET, Settings, places
from holter.sentences import define

LOOKED = define("config.looked", "Files; if several set the same option, the first one counts:")
FOUND = define("config.found", "{file} (read)")
ABSENT = define("config.absent", "{file} (not there)")
NOTHING = define("config.nothing", "no settings: every option has its own default")
SET = define("config.set", "Settings:")
COUNTED = define("config.counted", "{count} settings are in effect", one="{count} setting is in effect")
FOR_ALL = define("config.for-all", "every command")
FOR_TRAININGS = define("config.for-trainings", "trainings")
ROW = define("config.row", "{name} = {value}   for {what}, from {source}")
HIDDEN = "…"


def config(context: typer.Context, json_: Json = False, lang: Lang = None) -> None:
    """Show which settings apply (holter.toml, HOLTER_LANG and other variables), and where each comes from.

    A holter.toml in the current folder, or in ~/.config/holter, sets options for every command (notify = "ntfy:topic"),
    for one command below its name ([train]), and variables of the training below [environment].
    """
    settings: Settings = context.obj or Settings()
    shown = [
        each._replace(value=HIDDEN if each.name in SECRET else each.value)
        for each in (*settings.options, *settings.environment)
    ]
    if json_:
        rows = [each._asdict() for each in shown]
        typer.echo(json.dumps({"files": [str(file) for file in settings.files], "settings": rows}, ensure_ascii=False))
        return
    from holter.reports.catalogue import phrase
    from holter.reports.outcome.sentences import VERDICT

    language = chosen_language(lang)
    looked = [(FOUND if place in settings.files else ABSENT)(file=str(place)) for place in places(os.environ)]
    lines = [phrase(LOOKED(), language), *("  " + phrase(each, language) for each in looked)]
    lines += [phrase(SET(), language)] if shown else []
    names = {None: phrase(FOR_ALL(), language), ENVIRONMENT: phrase(FOR_TRAININGS(), language)}
    for each in shown:
        what = names.get(each.command) or f"holter {each.command}"
        value = ", ".join(each.value) if isinstance(each.value, tuple) else str(each.value)
        row = ROW(name=each.name, value=value, what=what, source=each.source)
        lines.append("  " + phrase(row, language))
    verdict = VERDICT(what=COUNTED(count=len(shown)) if shown else NOTHING(), command="holter config --help")
    lines.append(phrase(verdict, language))
    typer.echo("\n".join(lines))
