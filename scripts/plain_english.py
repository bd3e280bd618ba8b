"""Fail where text grows that a reader whose first language is not English must read twice.

    python scripts/plain_english.py            list the words, their counts, and what may be left of each
    python scripts/plain_english.py --check    exit 1 if a word occurs more often than its limit

A limit is what is left from before this rule: it may only fall. Lower it in ``LIMITS`` when you have replaced a word.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    "src/**/*.py",
    "docs/**/*.md",
    "changelog.d/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/**/*.py",
    "benchmarks/**/*.md",
    "scripts/**/*.py",
    "scripts/**/*.md",
    "docs/*.py",
    "Makefile",
    ".ci/*",
)

# Word: the plain ones, and how many are left.
LIMITS: dict[str, tuple[str, int]] = {
    "told": ("reported, recorded, said, given", 1),
    "deeds?": ("action", 0),
    "sayings?": ("message, line", 0),
    "anew": ("again, new", 0),
    "want of": ("lack of, no", 0),
    "however that comes": ("always", 0),
    "made up": ("simulated, generated", 0),
    "for ever": ("forever, without end", 0),
    "come forward": ("make progress", 0),
    "thereby|thereof|therein|whereupon|hereby|wherein|whence": ("so, of it, in it, then", 0),
    "lest": ("so that … not", 0),
    "whoever|whomever": ("who, anybody who", 0),
    "errands?": ("job, background command", 0),
    "of its own accord": ("by itself", 0),
    "but for": ("except, apart from", 0),
    "nobody's": ("of no one, unused", 0),
    "the like": ("similar ones", 0),
    "that which": ("what", 0),
    "unasked": ("by default, without being asked", 0),
    "behind (?:its|the training's) back": ("without its knowledge, in the background", 0),
}


def main() -> int:
    """Count; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="fail if there are more than the limits")
    check = options.parse_args().check
    counts = Counter[str]()
    for file in texts():
        text = file.read_text(encoding="utf-8")
        lowered = text.lower()
        counts.update({word: occurrences(word, text) for word in LIMITS if may_occur(word, lowered)})
    too_many = [word for word, (_, limit) in LIMITS.items() if counts[word] > limit]
    for word, (plain, limit) in LIMITS.items():
        if not check or word in too_many:
            print(f"{word}: {counts[word]}, at most {limit}; say: {plain}")
    print(f"plain English: {len(too_many)} words more often than allowed")
    return bool(check and too_many)


def occurrences(word: str, text: str) -> int:
    """Return how often a word, or one of ``a|b``, stands in a text, also as a part of an identifier: ``_is_told``."""
    return len(re.findall(rf"(?<![a-z])(?:{word})(?![a-z])", text, re.IGNORECASE))


def may_occur(word: str, lowered: str) -> bool:
    """Return whether a word can stand in a text of small letters: by its beginning, which is found far more quickly."""
    starts = (re.match(r"[a-z' ]+(?!\?)", one) for one in word.split("|"))
    return any(start is None or start[0] in lowered for start in starts)


def texts() -> list[Path]:
    """Return the files whose text is counted; this one, which names the words, is not among them."""
    files = (file for pattern in FILES for file in ROOT.glob(pattern))
    return sorted(file for file in files if file.is_file() and file != Path(__file__).resolve())


if __name__ == "__main__":
    sys.exit(main())
