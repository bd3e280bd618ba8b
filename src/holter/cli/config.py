"""``holter config``: which settings hold, and where each comes from."""

from __future__ import annotations

import json
import os

import typer

from holter.cli.options import Json, Lang, chosen_language
from holter.cli.start.settings import ENVIRONMENT, SECRET, Settings, places
from holter.sentences import define

LOOKED = define("config.looked", "Files, the first that names a setting counts:")
FOUND = define("config.found", "{file} (read)")
ABSENT = define("config.absent", "{file} (not there)")
NOTHING = define("config.nothing", "No settings: every option has its own default.")
SET = define("config.set", "Settings:")
FOR_ALL = define("config.for-all", "every command")
FOR_TRAININGS = define("config.for-trainings", "trainings")
ROW = define("config.row", "{name} = {value}   for {what}, from {source}")
HOW = define("config.how", "docs/settings.md explains the file.")
HIDDEN = "…"


def register(app: typer.Typer) -> None:
    app.command("config")(config)


def config(context: typer.Context, json_: Json = False, lang: Lang = None) -> None:
    """Show which settings hold (holter.toml, HOLTER_LANG, HOLTER_NOTIFY, HOLTER_METRICS), and where each comes from."""
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

    language = chosen_language(lang)
    looked = [(FOUND if place in settings.files else ABSENT)(file=str(place)) for place in places(os.environ)]
    lines = [phrase(LOOKED(), language), *("  " + phrase(each, language) for each in looked)]
    lines.append(phrase(SET() if shown else NOTHING(), language))
    names = {None: phrase(FOR_ALL(), language), ENVIRONMENT: phrase(FOR_TRAININGS(), language)}
    for each in shown:
        what = names.get(each.command) or f"holter {each.command}"
        row = ROW(name=each.name, value=str(each.value), what=what, source=each.source)
        lines.append("  " + phrase(row, language))
    lines.append(phrase(HOW(), language))
    typer.echo("\n".join(lines))
