"""``holter notify-test``: send one message, and say whether it was taken."""

from __future__ import annotations

import socket
import sys
import time
from typing import Annotated

import typer

from holter.cli.options import Lang, chosen_language
from holter.errors import BadInput
from holter.sentences import NO_TRAINING_TOUCHED, define

TITLE = define("notify-test.title", "Holter: a test from {host}")
BODY = define("notify-test.body", "This address works. Holter will write here if a training needs you.")
SENT = define("notify-test.sent", "{target} accepted the message in {took:.1f} s; look whether it arrived")
REFUSED = define("notify-test.refused", "{target} did not accept the message: {trouble}")
NO_ADDRESS = define("error.notify-test-none", "No address is given, and none is set.")
GIVE_ONE = define(
    "next.notify-test", "holter notify-test ADDRESS, such as ntfy:TOPIC; docs/notifications.md lists the services."
)
DEADLINE_S = 20.0


def notify_test(
    context: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(metavar="[ADDRESS]", help="As for --notify; default: the one that is set.", show_default=False),
    ] = None,
    lang: Lang = None,
) -> None:
    """Send one test message to an address for --notify. Exit code 1 if the service did not take it."""
    from holter.reports.catalogue import phrase
    from holter.supervisor.notify.carrier import send
    from holter.supervisor.notify.target import parse

    language = chosen_language(lang)
    settings = context.obj
    if address is None and settings is not None and "notify" in settings.of("run"):
        address = settings.of("run")["notify"].value
    if address is None:
        raise BadInput(NO_ADDRESS(), safe=NO_TRAINING_TOUCHED(), next_step=GIVE_ONE())
    target = parse(address)
    title, body = (phrase(each, language) for each in (TITLE(host=socket.gethostname()), BODY()))
    began_s = time.monotonic()
    trouble = send(target, title, body, ["test"], DEADLINE_S)
    if trouble:
        typer.echo(phrase(REFUSED(target=target.shown, trouble=trouble), language), err=True)
        sys.exit(1)
    typer.echo(phrase(SENT(target=target.shown, took=time.monotonic() - began_s), language))
