"""Show on stderr what a measurement is doing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")
Tell = Callable[[Any], None]


def followed(
    run: Callable[[Tell], Found], first: str, words: Callable[[Any], str], *, quiet: bool, every: bool = True
) -> Found:
    """Return what ``run`` returns. ``first``: shown before it says anything. ``words``: puts what it says into words.

    ``every``: without a terminal, a line for each; else only for those that are not numbers of a progress.
    """
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
