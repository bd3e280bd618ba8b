"""All generated pages of one language."""

from __future__ import annotations

from collections.abc import Iterator

from holter.reports.catalogue import Lang
from scripts.reference import Page, causes, commands, facts, keys, metrics

MAKERS = (causes, commands, facts, keys, metrics)


def every_page(lang: Lang) -> Iterator[Page]:
    """Yield the pages, those of all makers."""
    for maker in MAKERS:
        yield from maker.pages(lang)
