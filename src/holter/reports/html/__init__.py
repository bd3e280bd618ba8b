"""Write the whole report as one HTML file: no network, no other file, readable on a phone and on paper."""

from __future__ import annotations

import secrets
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from holter.errors import FolderNotWritable, TapeExists
from holter.records import Diagnosis
from holter.reports.catalogue import Lang
from holter.reports.html.page import context
from holter.reports.scrub import scrubbed
from holter.reports.wrapping import MEASURE, NO_BREAK
from holter.sentences import NOTHING_OVERWRITTEN, define
from holter.tape import Recording
from holter.tape.opening import EXISTS

OTHER_NAME = define("next.other-name", "Choose another name, or add --force to overwrite.")
CANNOT_WRITE = define("error.cannot-write", "Cannot write {path}: {error}.")

HERE = Path(__file__).parent


def write_html(
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    path: Path,
    lang: Lang = "en",
    scrub: bool = False,
    force: bool = False,
) -> Path:
    """Write the report and return its path; with ``scrub``, names of people and places become pseudonyms.

    Raises:  TapeExists, FolderNotWritable.
    """
    if path.exists() and not force:
        raise TapeExists(
            EXISTS(path=str(path)),
            safe=NOTHING_OVERWRITTEN(),
            next_step=OTHER_NAME(),
        )
    content = html(recording, diagnoses, lang, scrub)
    try:
        # Written under another name and moved: a reader never sees half a report.
        half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # a PID is not unique on a shared disk
        half.write_text(content, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise FolderNotWritable(CANNOT_WRITE(path=str(path), error=error.strerror or str(error))) from error
    return path


def html(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang = "en", scrub: bool = False) -> str:
    """Return the report as one string."""
    if scrub:
        recording, diagnoses = scrubbed(recording, diagnoses)
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            **context(recording, diagnoses, lang, scrub),
            style=(HERE / "report.css").read_text(encoding="utf-8"),
            script=(HERE / "report.js").read_text(encoding="utf-8"),
        )
    )


def templates(*folders: Path) -> Environment:
    """Return the templates of the page, and those of ``folders``, which may extend it (``report.html.j2``)."""
    environment = Environment(
        loader=FileSystemLoader([*folders, HERE]),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    return environment


def words(content: str) -> Markup:
    """Return text as markup: paths may break after a slash, and a number stays on one line with its unit."""
    return Markup(MEASURE.sub(NO_BREAK, str(escape(content))).replace("/", "/<wbr>"))
