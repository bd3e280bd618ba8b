"""Make the lexicon of descriptions from texts of our own and from the causes' pages.

python scripts/lexicon.py            write src/holter/evidence/text_facts/lexicon.json
python scripts/lexicon.py --measure  print how often a text that was left out is recognised (five folds)
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from holter.causes import PAGES  # noqa: E402
from holter.evidence.text_facts.resemblance import NOTHING, resembles, terms  # noqa: E402
from holter.reports.explain import page  # noqa: E402

TEXTS = ROOT / "benchmarks" / "truth" / "texts.jsonl"
LEXICON = ROOT / "src" / "holter" / "evidence" / "text_facts" / "lexicon.json"
FOLDS = 5
# Smoothing of the share of a term inside and outside a cause; terms below this weight separate nothing.
INSIDE, OUTSIDE, LEAST_WEIGHT = 0.1, 0.3, 1.5
# A pair of words in a single text of a cause is chance.
FEWEST_TEXTS = 2


class Document(NamedTuple):
    """A text and what it is about."""

    text: str
    cause: str


def main() -> int:
    """Write or measure; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--measure", action="store_true", help="recognise texts that were left out")
    chosen = options.parse_args()
    described, written = list(descriptions()), list(pages())
    if chosen.measure:
        measure(described, written)
        return 0
    table = weights([*described, *written])
    lines = {cause: "|".join(f"{term}:{weight}" for term, weight in sorted(terms_.items())) for cause, terms_ in table}
    LEXICON.write_text(json.dumps(lines, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{len(lines)} causes, {sum(line.count('|') + 1 for line in lines.values())} weights")
    return 0


def descriptions() -> Iterator[Document]:
    """Yield the texts in our own words."""
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        yield Document(case["text"], case["cause"])


def pages() -> Iterator[Document]:
    """Yield the pages of all causes, in both languages."""
    for cause, english in PAGES.items():
        yield Document(english, cause)
        yield Document(page(cause, "zh"), cause)


def weights(documents: Sequence[Document]) -> list[tuple[str, dict[str, float]]]:
    """Return for each cause the log-odds of the terms that separate it from all others."""
    everywhere: Counter[str] = Counter()
    inside: dict[str, Counter[str]] = defaultdict(Counter)
    count: Counter[str] = Counter()
    for document in documents:
        found = terms(document.text)
        everywhere.update(found)
        inside[document.cause].update(found)
        count[document.cause] += 1
    table = []
    for cause, terms_inside in sorted(inside.items()):
        others = len(documents) - count[cause]
        odds = {
            term: (number + INSIDE)
            / (count[cause] + 2 * INSIDE + 1)
            / ((everywhere[term] - number + OUTSIDE) / (others + 1))
            for term, number in terms_inside.items()
        }
        table.append(
            (cause, {
                term: round(math.log(ratio), 1)
                for term, ratio in odds.items()
                if math.log(ratio) > LEAST_WEIGHT and (terms_inside[term] >= FEWEST_TEXTS or " " not in term)
            })
        )  # fmt: skip
    return table


def measure(described: Sequence[Document], written: Iterable[Document]) -> None:
    """Print the share of descriptions that are recognised by a lexicon without them."""
    first = among = asked = silent = quiet = 0
    for fold in range(FOLDS):
        kept = [document for number, document in enumerate(described) if number % FOLDS != fold]
        table: dict[str, dict[str, float]] = {}
        for cause, terms_ in weights([*kept, *written]):
            for term, weight in terms_.items():
                table.setdefault(term, {})[cause] = weight
        for number, document in enumerate(described):
            if number % FOLDS != fold:
                continue
            named, _ = resembles(document.text, table)
            if document.cause == NOTHING:
                quiet += 1
                silent += not named
            else:
                asked += 1
                first += named[:1] == (document.cause,)
                among += document.cause in named[:3]
    print(f"{asked} descriptions: {first / asked:.0%} first, {among / asked:.0%} among three")
    print(f"{quiet} texts without trouble: {silent} silent")


if __name__ == "__main__":
    sys.exit(main())
