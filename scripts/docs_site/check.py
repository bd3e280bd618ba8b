"""Check a built site: every link and anchor leads somewhere, nothing is loaded from elsewhere, pages are small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# A page with all that it loads, pictures and the search index included.
MOST_BYTES = 1_000_000
LOADING = {
    "script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src", "object": "data",
}  # fmt: skip
# What a style sheet loads; a picture may be written into it.
IN_STYLES = re.compile(r"(?:\burl\(|@import )\s*['\"]?(?!data:|#)([^'\")\s]+)")


class _Links(HTMLParser):
    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(value for name, value in values.items() if name in ("id", "name"))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        is_asset = tag != "link" or values.get("rel") in ("stylesheet", "icon", "preload")
        if tag in LOADING and LOADING[tag] in values and is_asset:
            self.loaded.append(values[LOADING[tag]])


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each dead link, each thing that is loaded from elsewhere, and each page that is too large."""
    pages = {page: _Links(page) for page in sorted(site.rglob("*.html")) if page.name != "404.html"}
    for page, found in pages.items():
        name = page.relative_to(site)
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not file.is_file():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
                yield f"{name}: {link}: no such anchor"
        size = page.stat().st_size
        for link, loaded in {*_all_loaded(page, found.loaded)}:
            if loaded is None:
                yield f"{name}: loads {link}, which is not in the site"
            else:
                size += loaded.stat().st_size
        size += sum(index.stat().st_size for index in (_root(page, site) / "search.json",) if index.exists())
        if size > MOST_BYTES:
            yield f"{name}: {size / 1e6:.2f} MB with all that it loads"


def _all_loaded(page: Path, links: list[str]) -> Iterator[tuple[str, Path | None]]:
    """Yield what a page loads, itself and through its style sheets, with the file; None: it is not in the site."""
    for link in links:
        parts = urlsplit(link)
        file = (page.parent / unquote(parts.path)).resolve()
        if parts.scheme == "data":
            continue
        is_here = not parts.scheme and not parts.netloc and file.is_file()
        yield link, file if is_here else None
        if is_here and file.suffix == ".css":
            yield from _all_loaded(file, IN_STYLES.findall(file.read_text(encoding="utf-8")))


def _root(page: Path, site: Path) -> Path:
    return site / "zh" if page.is_relative_to(site / "zh") else site
