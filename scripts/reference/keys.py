"""The keys of ``holter top``, from its page of help."""

from __future__ import annotations

from collections.abc import Iterator

from holter.reports.catalogue import Lang, text
from holter.views.top.draw.help import KEYS
from scripts.reference import Page, cell, filled


def pages(lang: Lang) -> Iterator[Page]:
    """Yield the one page."""
    rows = "".join(f"| {_keys(keys)} | {cell(text(f'top.help.{name}', lang))} |\n" for keys, name in KEYS)
    yield Page("reference/keys.md", filled("keys", lang, keys=rows, mouse=text("top.help.mouse", lang)))


def _keys(keys: str) -> str:
    return " ".join(f"`{key}`" for key in keys.split())
