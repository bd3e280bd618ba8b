"""The options that an interpreter was started with; with some of them it cannot import the hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

WITH_VALUE = "WX"
LAST = "cm"  # what follows belongs to the program


def option_letters(cmdline: Sequence[str]) -> Iterator[str]:
    """Yield the letters of all options before the program: ``u``, ``s`` and ``E`` of ``python -u -sE train.py``."""
    words = iter(cmdline[1:])
    for word in words:
        if word == "--check-hash-based-pycs":
            next(words, None)
        elif word in ("-", "--") or not word.startswith("-"):
            return
        elif not word.startswith("--"):
            for place, letter in enumerate(word[1:], start=1):
                if letter in LAST:
                    return
                if letter in WITH_VALUE:
                    if place == len(word) - 1:
                        next(words, None)
                    break
                yield letter
