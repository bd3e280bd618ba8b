"""Make the pages of docs/ that repeat the code, in both languages: ``python -m scripts.reference`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holter.reports.catalogue import Lang

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROSE = Path(__file__).parent / "prose"
LANGUAGES: tuple[Lang, ...] = ("en", "zh")


class Page(NamedTuple):
    """One page: where it stands below the folder of its language, and its Markdown."""

    path: str
    text: str


def folder(lang: Lang) -> Path:
    """Return the folder of the pages of a language: the Chinese ones mirror the English ones."""
    return DOCS if lang == "en" else DOCS / lang


def filled(name: str, lang: Lang, **parts: str) -> str:
    """Return the prose of a page with its ``{{blanks}}`` filled."""
    words = (PROSE / f"{name}.{lang}.md").read_text(encoding="utf-8")
    for blank, part in parts.items():
        words = words.replace(f"{{{{{blank}}}}}", part)
    return words


def cell(words: str) -> str:
    """Return a plain text as it may stand in a cell of a table."""
    return escaped(" ".join(words.split())).replace("|", r"\|")


def escaped(words: str) -> str:
    """Return a plain text as Markdown that shows it unchanged: no tag, no emphasis."""
    for character in "\\`*_":
        words = words.replace(character, f"\\{character}")
    return words.replace("<", "&lt;").replace(">", "&gt;")
