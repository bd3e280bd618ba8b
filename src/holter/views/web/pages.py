"""The pages other than the report: access refused, nothing to show, the overview of a folder."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from holter.records import Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.html import templates
from holter.sentences import define, define_all
from holter.tape.surrogates import plain_text
from holter.views.web.assets import HERE, address

if TYPE_CHECKING:
    from holter.views.web.overview import Run

STYLE = (HERE / "small.css").read_text(encoding="utf-8")
STYLE_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"

# overview.html.j2 says them by their keys.
define("web.no-runs", "There is no tape in {folder}.")
define("web.no-runs-next", "A run that records into this folder appears here by itself.")
NOTHING_HERE = define("web.nothing-here", "There is no such page here.")
READING = define("web.reading", "The tape is being read …")

define_all(
    {
        "web.runs": "Runs",
        "web.epoch-takes": "{duration} an epoch",
    }
)


class Pages:
    """The pages other than the report, as HTML in one language: overview, refusal, messages, not found."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang

    @cached_property
    def _templates(self) -> Environment:
        return templates(HERE)

    def forward(self, place: str) -> str:
        """Return a page that sends the browser to another address."""
        return self._small(title="Holter", lines=(), forward=place)

    def refusal(self, what: Message, then: Message | None) -> str:
        """Return the page for a request without access."""
        return self._small(title=phrase(what, self.lang), lines=[phrase(then, self.lang)] if then else ())

    def message(self, title: str, lines: Sequence[str], page: int, root: str) -> str:
        """Return a page that is shown instead of a report, and reloads itself when the report is there.

        ``page``: its number. ``root``: the relative address of the pages' root.
        """
        return self._small(title=title, lines=lines, page=page, root=root)

    def nothing_here(self) -> str:
        """Return the page for an address that does not exist."""
        return self._small(title=phrase(NOTHING_HERE(), self.lang), lines=())

    def overview(self, folder: Path, runs: Sequence[Run]) -> str:
        """Return the page with all runs of a folder."""
        words = {"lost": text("web.lost", self.lang)}
        live = {"kind": "overview", "words": words}
        return self._render(
            "overview.html.j2", folder=plain_text(str(folder)), runs=runs, root="", live=json.dumps(live)
        )

    def _small(self, **values: Any) -> str:
        return self._render("small.html.j2", style=STYLE, **{"forward": "", "page": None, "root": "", **values})

    def _render(self, name: str, **values: Any) -> str:
        return self._templates.get_template(name).render(
            lang="zh-CN" if self.lang == "zh" else "en",
            t=lambda key, **blanks: text(key, self.lang, **blanks),
            asset=lambda file: values["root"] + address(file),
            **values,
        )
