"""``holter explain CAUSE``: print the page of a cause."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Json, Lang, chosen_language, print_json
from holter.errors import UnknownCause
from holter.records import Message
from holter.sentences import define

if TYPE_CHECKING:
    from holter.reports.catalogue import Lang as Language

# At most this many causes are suggested; a name that is less alike (0 to 1) is another word, not a slip.
MOST_NEAR = 4
ALIKE = 0.75

NO_CAUSE = define("error.no-cause", "There is no cause {cause}.")
SEE_ALL = define("next.explain-all", "holter explain, without a name, lists all {count} causes.")
# Below what is printed, on stderr: stdout is the page or the list, also for a pipe.
ONE_PAGE = define("explain.one-page", "{count} causes. Next, for the page of one: holter explain CAUSE")
IS_IT_YOURS = define(
    "explain.is-it-yours",
    "Is it yours? Next: holter diagnose, with a recording, a log or a PID; without any: holter ask",
)


def explain(
    cause: Annotated[
        str | None,
        typer.Argument(
            metavar="[CAUSE]", help="A cause, e.g. frozen-worker; without: the list.", autocompletion=lambda: _names()
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """What happens, how we know, what looks like it, what helps."""
    from holter.reports.catalogue import text
    from holter.reports.explain import page, print_page

    language = chosen_language(lang)
    names = _names()
    if cause is None:
        titles = {name: text(f"cause.{name}.title", language) for name in names}
        if as_json:
            print_json(titles)
            return
        print("\n".join(f"{name:30s} {title}" for name, title in titles.items()))
        _say(ONE_PAGE(count=len(names)), language)
        return
    name = "-".join(cause.replace("_", " ").lower().split())
    if name not in names:
        near = _nearest(name, names, language)
        raise UnknownCause(
            NO_CAUSE(cause=repr(cause)),
            next_step="; ".join(f"holter explain {similar}" for similar in near) or SEE_ALL(count=len(names)),
        )
    if as_json:
        print_json({"cause": name, "page": page(name, language)})
        return
    from rich.console import Console

    print_page(Console(), name, language)
    _say(IS_IT_YOURS(), language)


def _nearest(name: str, names: Sequence[str], lang: Language) -> list[str]:
    # By part of the name, by a slip of the pen, by words of the name and the title.
    from holter.reports.catalogue import text

    words = [word for word in name.split("-") if word]
    of_words = [
        page_name
        for page_name in names
        if words and all(word in f"{page_name} {text(f'cause.{page_name}.title', lang)}".lower() for word in words)
    ]
    near = [page_name for page_name in names if name and name in page_name]
    return (near or difflib.get_close_matches(name, names, n=MOST_NEAR, cutoff=ALIKE) or of_words)[:MOST_NEAR]


def _say(message: Message, lang: Language) -> None:
    from holter.reports.catalogue import phrase

    sys.stdout.flush()
    print(f"\n{phrase(message, lang)}", file=sys.stderr)


def _names() -> tuple[str, ...]:
    from holter.reports.catalogue import pages

    return pages()
