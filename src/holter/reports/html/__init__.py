"""Write the whole report as one HTML file: no network, no other file, readable on a phone and on paper."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holter import __version__
from holter.records import Diagnosis
from holter.reports.catalogue import Lang, text
from holter.reports.private_files import write_private
from holter.reports.scrub import scrubbed
from holter.reports.wrapping import MEASURE, NO_BREAK
from holter.tape import Recording

if TYPE_CHECKING:
    # Imported where they are used: the live views need the lanes and charts of this package, and no templates.
    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent
# An option of a command, as it stands in HTML.
OPTION = re.compile(r"(?<!\S)--[\w-]+")
GENERATOR = b'<meta name="generator" content="Holter">'
HEAD_BYTES = 1000  # GENERATOR stands before everything that is long


def write_html(
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    path: Path,
    lang: Lang = "en",
    scrub: bool = False,
    force: bool = False,
    *,
    is_over: bool = True,
) -> Path:
    """Write the report, readable by its owner alone, and return its path.

    With ``scrub``, names of people and places become pseudonyms.

    Raises:  TapeExists, FolderNotWritable.
    """
    return write_private(path, html(recording, diagnoses, lang, scrub, is_over=is_over), force=force)


def is_report(path: Path) -> bool:
    """Return whether a file is a report that Holter wrote; of one that cannot be read: False."""
    try:
        with path.open("rb") as file:
            return GENERATOR in file.read(HEAD_BYTES)
    except OSError:
        return False


def html(
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang = "en",
    scrub: bool = False,
    *,
    is_over: bool = True,
) -> str:
    """Return the report as one string."""
    from holter.reports.html.page import context

    if scrub:
        recording, diagnoses = scrubbed(recording, diagnoses)
    values = context(recording, diagnoses, lang, scrub, is_over=is_over)
    return filled("report.html.j2", lang, **values, script=(HERE / "report.js").read_text(encoding="utf-8"))


def filled(template: str, lang: Lang, *folders: Path, **values: Any) -> str:
    """Return a page: a template (``templates``), filled with ``values`` and with what every page has."""
    return (
        templates(*folders)
        .get_template(template)
        .render(
            lang="zh-CN" if lang == "zh" else "en",
            t=lambda key, **more: text(key, lang, **more),
            version=__version__,
            style=(HERE / "report.css").read_text(encoding="utf-8"),
            **values,
        )
    )


@lru_cache(maxsize=8)
def templates(*folders: Path) -> Environment:
    """Return the templates of the page, and those of ``folders``, which may extend it (``report.html.j2``).

    Each is compiled once a process, which takes longer than to fill it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader([*folders, HERE]),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.filters["command"] = command
    return environment


def words(content: str) -> Markup:
    """Return text as markup: paths may break after a slash, and a number stays on one line with its unit."""
    from markupsafe import Markup, escape

    return Markup(MEASURE.sub(NO_BREAK, str(escape(content))).replace("/", "/<wbr>"))


def command(content: str) -> Markup:
    """Return a command as markup in which no line ends within the two hyphens of an option."""
    from markupsafe import Markup, escape

    return Markup(OPTION.sub(r'<span class="word">\g<0></span>', str(escape(content))))
