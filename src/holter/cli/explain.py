"""``holter explain CAUSE``: print the page of a cause."""

from __future__ import annotations

import difflib
import json
from typing import Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language
from holter.errors import UnknownCause
from holter.sentences import define

# At most this many causes are suggested.
MOST_NEAR = 4

NO_CAUSE = define("error.no-cause", "There is no cause {cause}.")


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    cause: Annotated[str | None, typer.Argument(help="A cause, e.g. frozen-worker; without: the list.")] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """What happens, how we know, what looks like it, what helps."""
    from rich.console import Console

    from holter.causes import PAGES
    from holter.reports.catalogue import text
    from holter.reports.explain import page, print_page

    language = chosen_language(lang)
    if cause is None:
        titles = {name: text(f"cause.{name}.title", language) for name in sorted(PAGES)}
        listed = "\n".join(f"{name:30s} {title}" for name, title in titles.items())
        print(json.dumps(titles, ensure_ascii=False, indent=2) if as_json else listed)
        return
    name = cause.replace("_", "-").lower()
    if name not in PAGES:
        near = [page_name for page_name in sorted(PAGES) if name in page_name] or difflib.get_close_matches(
            name, PAGES, n=1
        )
        raise UnknownCause(
            NO_CAUSE(cause=repr(cause)),
            next_step="; ".join(f"holter explain {similar}" for similar in near[:MOST_NEAR]) or "holter explain",
        )
    if as_json:
        print(json.dumps({"cause": name, "page": page(name, PAGES[name], language)}, ensure_ascii=False, indent=2))
    else:
        print_page(Console(), name, PAGES[name], language)
