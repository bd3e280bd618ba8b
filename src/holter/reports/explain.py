"""The page of a cause: what happens, how we know, what looks like it, what helps; and where it can be read.

A diagnosis names an address only if the user has given that of a copy of the documentation: a machine that trains
often reaches no network, and every Holter has the pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from holter.patterns import later
from holter.reports.catalogue import Lang, english, phrase, text, translated
from holter.reports.wrapping import wrap
from holter.sentences import define

INDENT = "  "
# The address of a built site: that of its index page without the file's name.
DOCS_VARIABLE = "HOLTER_DOCS_URL"
ABOUT = define("report.about-cause", "About this cause: {where}")
ERROR_TEXTS_HEADING = define("explain.error-texts", "Messages that come with it")

# Sections that name one thing after another: each gets a line of its own.
LISTS = ("Looks like", "What helps", "容易混淆", "怎么办")
# The end of a sentence before another one; not that of "e.g." or "...".
_MORE_FOLLOWS = later(r"(?<=[\w\])\"])(?<!\.\w)\. |。(?=.)")

# "What happens:  the text" at the start of a line begins a section; Chinese pages use a full-width colon.
_SECTION = later(r"^(?P<name>[A-Z][A-Za-z ]{2,20}|[\u4e00-\u9fff]{2,8})[:：]\s*(?P<rest>.*)$")


def page(cause_id: str, lang: Lang) -> str:
    """Return the page as plain text; in English if there is no translation."""
    key = f"page.{cause_id}"
    return translated(key, english(key) or "", lang)


def docs_address(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the user's copy of the documentation; empty if none was given."""
    return environ.get(DOCS_VARIABLE, "").removesuffix("index.html").rstrip("/")


def address(cause_id: str, lang: Lang, docs: str) -> str:
    """Return the address of a cause's page below ``docs``, or the command that prints the page if ``docs`` is empty."""
    folder = "zh/" if lang == "zh" else ""
    return f"{docs}/{folder}causes/{cause_id}.html" if docs else f"holter explain {cause_id}"


def about(cause_id: str, lang: Lang, docs: str) -> str:
    """Return the line below a diagnosis that says where the page of its cause is."""
    return phrase(ABOUT(where=address(cause_id, lang, docs)), lang)


def print_page(console: Console, cause_id: str, lang: Lang) -> None:
    """Print the page: title, then each section below its heading."""
    title = Text(text(f"cause.{cause_id}.title", lang), style="bold")
    title.append(f"  {cause_id}", style="dim")
    console.print(title, soft_wrap=True)
    for name, body in sections(page(cause_id, lang)):
        console.print()
        if name:
            console.print(Text(name, style="bold cyan"))
        for paragraph in body.splitlines():
            hang = INDENT if name else ""
            for number, line in enumerate(wrap(paragraph, console.width - 2 * len(INDENT))):
                item = INDENT if number and paragraph.startswith("- ") else ""
                console.print(Text(hang + item + line), soft_wrap=True)
    if messages := english(f"messages.{cause_id}"):
        console.print()
        console.print(Text(phrase(ERROR_TEXTS_HEADING(), lang), style="bold cyan"))
        for message in messages.splitlines():  # not wrapped: somebody looks for these words
            console.print(Text(INDENT + message), soft_wrap=True)


def sections(page_text: str) -> Iterator[tuple[str, str]]:
    """Split a page into (heading, text); text before the first heading has an empty heading."""
    name, lines = "", list[str]()
    for line in page_text.splitlines():
        heading = _SECTION.match(line)
        if heading:
            if name or any(lines):
                yield name, _body(name, lines)
            name, lines = heading["name"], [heading["rest"]]
        else:
            lines.append(line.strip())
    if name or any(lines):
        yield name, _body(name, lines)


def _body(name: str, lines: list[str]) -> str:
    return _listed(_joined(lines)) if name in LISTS else _joined(lines)


def _listed(words: str) -> str:
    # "a (x; y); b. More." is two things, and a sentence below them.
    things, depth, below = [""], 0, ""
    for at, character in enumerate(words):
        depth += (character in "([（“") - (character in ")]）”")
        if depth == 0 and _MORE_FOLLOWS.match(words, at):
            below = words[at + 1 :].strip()
            break
        if depth == 0 and character in ";；":
            things.append("")
        else:
            things[-1] += character
    if words.startswith("- ") or len(things) == 1:
        return words
    return "\n".join(f"- {thing.strip().rstrip('.。')}" for thing in things) + f"\n{below}".rstrip()


def _joined(lines: list[str]) -> str:
    # Undo the line breaks of the source; only a blank line or a list item starts a new line.
    joined = ""
    for line in lines:
        if not line:
            joined = joined.rstrip("\n") + "\n" if joined else ""
        elif line.startswith(("- ", "* ")) and joined:
            joined = joined.rstrip("\n") + "\n" + line
        elif joined and not joined.endswith("\n"):
            joined += ("" if _joins(joined[-1], line[0]) else " ") + line
        else:
            joined += line
    return joined.strip()


def _joins(last: str, first: str) -> bool:
    # No blank between Han characters or after full-width punctuation.
    return (_chinese(last) and _chinese(first)) or last in "，。；：、（"


def _chinese(character: str) -> bool:
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
