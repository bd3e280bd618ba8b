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
    """Return what ``run`` returns; Ctrl-C ends this process. ``first``: shown before ``run`` says anything.

    ``words``: puts what it says into words. ``every``: without a terminal, a line for each; else only for those that
    are not numbers of a progress.
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
