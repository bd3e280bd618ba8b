"""``holter report TAPE``: write one file to read and to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Json, Lang, Scrub, chosen_language, tape_name
from holter.cli.start.newest import newest_tape
from holter.sentences import define

HOLDS = define(
    "report.holds",
    "It holds names of hosts, users, folders and cases; only you can read it. To send it: holter report {tape} --scrub",
)
HOLDS_PSEUDONYMS = define("report.holds-pseudonyms", "Names of hosts, users, folders and cases are pseudonyms in it.")
NO_BROWSER = define("report.no-browser", "No browser could be started here; open {link}")


def report(
    tape: Annotated[
        Path | None,
        typer.Argument(metavar="[TAPE]", readable=False, help="Default: the training that runs, else the newest."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file (default: TAPE.html, TAPE-scrubbed.html)."),
    ] = None,
    scrub: Scrub = False,
    as_markdown: Annotated[
        bool, typer.Option("--md", help="Write Markdown for an issue instead of HTML; it is always scrubbed.")
    ] = False,
    opens: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    force: Force = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Write a self-contained HTML report: outcome, episodes with evidence and remedies, timeline, epochs."""
    import shlex

    from holter.diagnosis.targets import read_tape
    from holter.reports.catalogue import phrase, text
    from holter.reports.html import is_report, write_html
    from holter.reports.markdown import to_markdown
    from holter.reports.outcome.closing import after_report
    from holter.reports.private_files import write_private
    from holter.tape.reader import GIVE_A_TAPE

    language = chosen_language(lang)
    tape = tape or newest_tape(lang, GIVE_A_TAPE())
    result = read_tape(tape)
    ran = result.outcome
    assert ran is not None  # of a tape
    scrub = scrub or as_markdown
    ending = ".md" if as_markdown else "-scrubbed.html" if scrub else ".html"
    path = output if output is not None else tape.with_name(f"{tape_name(tape)}{ending}")
    if as_markdown:
        content = to_markdown(result.recording, result.diagnoses, language, is_run=True, is_over=not ran.runs)
        write_private(path, content, force=force)
    else:
        # `holter train` and an earlier call write the same name; what stands there then is made from this tape.
        replaces = force or (output is None and is_report(path))
        write_html(result.recording, result.diagnoses, path, language, scrub, replaces, is_over=not ran.runs)
    link = path.resolve().as_uri()
    opened = _opened(link) if opens else None
    if as_json:
        print(json.dumps({"report": str(path), "link": link, "state": ran.state}))
        return
    print(text("cli.wrote", language, path=path))
    holds = HOLDS_PSEUDONYMS() if scrub else HOLDS(tape=shlex.quote(str(tape)))
    print(phrase(holds, language))
    print(link if opened is not False else phrase(NO_BROWSER(link=link), language))
    print(phrase(after_report(ran, result.recording), language))


def _opened(link: str) -> bool:
    # On a machine without a screen a text browser would take the terminal.
    import os
    import sys
    import webbrowser

    shown = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    try:
        return bool(shown or os.environ.get("BROWSER")) and webbrowser.open(link)
    except webbrowser.Error:
        return False
