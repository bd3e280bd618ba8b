"""``holter web [TAPE|FOLDER]``: the report's page in the browser, live."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Lang, chosen_language
from holter.cli.start.newest import newest_tape
from holter.errors import BadInput, MissingExtra
from holter.install import extra_line
from holter.sentences import NOTHING_STARTED, define

NO_EXTRA = define("web.no-extra", "holter web needs two packages that are not installed: starlette and uvicorn.")
STOP = define("web.stop", "Only you can open it. Ctrl-C ends it; the recording goes on.")
NO_TARGET = define("web.no-target", "There is no {path}.")
LATER = define("web.later", "There is no {path} yet; the page shows it as soon as it is written.")
GIVE_TARGET = define("web.give-target", "Give a tape, or a folder in which runs are recorded.")


def web(
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TAPE|FOLDER]",
            readable=False,
            help="Default: the current folder if it has tapes, else the training that runs, else the newest.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="Default: 8765 or the next free."),
    ] = None,
    socket: Annotated[
        Path | None,
        typer.Option("--socket", metavar="PATH", help="Listen at a Unix socket, which other users cannot open."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="HOST", help="Name of your own proxy, such as that of JupyterHub."),
    ] = None,
    lang: Lang = None,
) -> None:
    """Show a run, or all runs of a folder, in the browser, live. Only this machine, only you."""
    try:
        from holter.views.web.server import Web, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11", "click"):
            raise
        raise MissingExtra(NO_EXTRA(), safe=NOTHING_STARTED(), next_step=extra_line("web")) from error
    from holter.reports.catalogue import phrase
    from holter.views.web.listening import FIRST_PORT, at_port, at_socket, directions

    language = chosen_language(lang)
    target = target or _default(lang)
    # A tape may be written later; anything else that is not there is a mistake.
    if not target.exists() and not (target.suffix == ".holter" and target.parent.is_dir()):
        raise BadInput(NO_TARGET(path=str(target)), safe=NOTHING_STARTED(), next_step=GIVE_TARGET())
    place = at_socket(socket) if socket is not None else at_port(FIRST_PORT if port is None else port)
    token = secrets.token_urlsafe(16)

    def tell() -> None:
        later = () if target.exists() else (LATER(path=str(target)),)
        for line in (*directions(place, token, os.environ), *later, STOP()):
            print(phrase(line, language), flush=True)

    try:
        serve(Web(target.absolute(), language, token, allow_host or ()), place.listener, tell)
    finally:
        place.close()


def _default(lang: str | None) -> Path:
    here = Path()
    return here if any(here.glob("*.holter")) else newest_tape(lang, GIVE_TARGET())
