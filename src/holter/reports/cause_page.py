"""Where to read on about a cause: in a copy of the documentation if the user has one, else by ``holter explain``.

There is no address by default: a machine that trains often reaches no network, and every Holter has the pages.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from holter.reports.catalogue import Lang, phrase
from holter.sentences import define

# The address of a built site: that of its index page without the file's name.
VARIABLE = "HOLTER_DOCS_URL"

ABOUT = define("report.about-cause", "About this cause: {where}")


def site(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the user's copy of the documentation; empty if none was given."""
    return environ.get(VARIABLE, "").removesuffix("index.html").rstrip("/")


def address(cause: str, lang: Lang, docs: str) -> str:
    """Return the address of a cause's page below ``docs``, or the command that prints the page if ``docs`` is empty."""
    folder = "zh/" if lang == "zh" else ""
    return f"{docs}/{folder}causes/{cause}.html" if docs else f"holter explain {cause}"


def about(cause: str, lang: Lang, docs: str) -> str:
    """Return the line below a diagnosis that says where the page of its cause is."""
    return phrase(ABOUT(where=address(cause, lang, docs)), lang)
