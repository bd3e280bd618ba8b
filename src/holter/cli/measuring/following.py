"""Show on stderr what a measurement is doing; the options of both measuring commands."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

INTERRUPTED = 130

Found = TypeVar("Found")
Tell = Callable[[Any], None]


class Device(str, enum.Enum):
    """Device to measure on."""

    AUTO = "auto"
    CUDA = "cuda"
    CPU = "cpu"


OnDevice = Annotated[
    Device, typer.Option("--device", metavar="auto|cuda|cpu", help="What will train; auto: a GPU if there is one.")
]


def followed(
    run: Callable[[Tell], Found], first: str, words: Callable[[Any], str], *, quiet: bool, every: bool = True
) -> Found:
    """Call ``run`` with a function that shows its progress on stderr; return what ``run`` returns.

    Ctrl-C ends this process. ``first``: the text until ``run`` reports something. ``words``: turns a report into text.
    ``every``: in a file or pipe, print each report on a line; if False, only reports that are a str (the others are
    mere numbers of the progress). On a terminal, each report replaces the one before.
    """
    try:
        return _followed(run, first, words, quiet=quiet, every=every)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _followed(
    run: Callable[[Tell], Found], first: str, words: Callable[[Any], str], *, quiet: bool, every: bool
) -> Found:
    from rich.console import Console

    if quiet:
        return run(lambda _: None)
    console = Console(stderr=True)
    if not console.is_terminal:

        def line(content: Any) -> None:
            if every or isinstance(content, str):
                print(f"holter: {words(content)}", file=sys.stderr, flush=True)

        return run(line)
    with console.status(first) as status:
        return run(lambda content: status.update(words(content)))
