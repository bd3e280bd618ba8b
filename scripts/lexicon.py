"""Make the lexicon of descriptions from texts of our own and from the causes' pages.

python -m scripts.lexicon            write src/holter/evidence/text_facts/lexicon.json
python -m scripts.lexicon --measure  print how often a text that was left out is recognised (five folds)

One linear classifier a cause (scikit-learn's ``LinearSVC``) is trained on the words and facts of the texts; small
weights are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from holter.causes import PAGES
from holter.diagnosis.logs import read_pasted
from holter.errors import HolterError
from holter.evidence.text_facts import own_words, read_facts, resemblance
from holter.evidence.text_facts.resemblance import NOTHING, Model, model_of, terms, terms_of_facts
from holter.reports.explain import page
from holter.texts.plain import plain

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "benchmarks" / "truth" / "texts.jsonl"
LEXICON = ROOT / "src" / "holter" / "evidence" / "text_facts" / "lexicon.json"
FOLDS = 5
# A term in fewer texts than this is chance; a weight below this changes no rank.
FEWEST_TEXTS, LEAST_WEIGHT = 3, 0.3
# How much a wrong text counts against simple weights: from five folds over 0.25, 0.5 and 1.
PENALTY = 1.0

Content = dict[str, dict[str, str]]


class Document(NamedTuple):
    """A text, its terms, and what it is about."""

    text: str
    terms: frozenset[str]
    causes: tuple[str, ...]  # the first one is the cause, others are as right
    group: str


def main() -> int:
    """Write or measure; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--measure", action="store_true", help="recognise texts that were left out")
    chosen = options.parse_args()
    described, written = list(descriptions()), list(pages())
    if chosen.measure:
        measure(described, written)
        return 0
    content = learned(described, written)
    lines = [f"{json.dumps(term, ensure_ascii=False)}:{json.dumps(line)}" for term, line in content["terms"].items()]
    body = ",\n".join(lines)
    LEXICON.write_text(f'{{"bias":{json.dumps(content["bias"])},\n"terms":{{\n{body}\n}}}}\n', encoding="utf-8")
    print(f"{len(content['bias'])} causes, {len(lines)} terms, {sum(line.count(':') for line in lines)} weights")
    return 0


def learned(described: Iterable[Document] | None = None, written: Iterable[Document] | None = None) -> Content:
    """Return what the lexicon must contain: by default from all texts and pages as they are now."""
    return trained([*(described or descriptions()), *(written or pages())])


def descriptions() -> Iterator[Document]:
    """Yield the texts in our own words."""
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        facts = {name: hit.value for name, hit in read_facts(case["text"]).items()}
        group = case["id"] if case["reference"] == "own" else case["reference"]
        found = frozenset(terms(own_words(plain(case["text"]))) | terms_of_facts(facts))
        yield Document(case["text"], found, (case["cause"], *case.get("also", ())), group)


def pages() -> Iterator[Document]:
    """Yield the pages of all causes, in both languages."""
    for cause, english in PAGES.items():
        for text in (english, page(cause, "zh")):
            yield Document(text, frozenset(terms(text)), (cause,), cause)


def trained(documents: Sequence[Document]) -> Content:
    """Return the content of the lexicon: biases of the causes; for each term its length and its weights."""
    vectors = TfidfVectorizer(analyzer=sorted, min_df=FEWEST_TEXTS)
    matrix = vectors.fit_transform([document.terms for document in documents])
    machine = LinearSVC(C=PENALTY, random_state=0).fit(matrix, [document.causes[0] for document in documents])
    bias = {cause: f"{value:.3f}" for cause, value in zip(machine.classes_, machine.intercept_, strict=True)}
    table: dict[str, str] = {}
    for term, column in sorted(vectors.vocabulary_.items()):
        length = vectors.idf_[column]
        weights = machine.coef_[:, column] * length
        entries = [f"{row}:{weight:.1f}" for row, weight in enumerate(weights) if abs(weight) >= LEAST_WEIGHT]
        table[term] = " ".join((f"{length:.2f}", *entries))
    return {"bias": bias, "terms": table}


def measure(described: Sequence[Document], written: Iterable[Document]) -> None:
    """Print the share of descriptions that are recognised, by the whole diagnosis, with a lexicon without them."""
    first = among = asked = silent = quiet = refused = 0
    for fold in range(FOLDS):
        kept = [document for document in described if _fold(document) != fold]
        use(model_of(trained([*kept, *written])))
        for document in described:
            if _fold(document) != fold:
                continue
            named = ranking(document.text)
            if document.causes[0] == NOTHING:
                quiet += 1
                silent += not named
            else:
                asked += 1
                refused += not named
                first += bool(set(named[:1]) & set(document.causes))
                among += bool(set(named[:3]) & set(document.causes))
    print(f"{asked} descriptions: {first / asked:.1%} first, {among / asked:.1%} among three, {refused} without answer")
    print(f"{quiet} texts without trouble: {silent} silent")


def use(model: Model) -> None:
    """Let the diagnosis use this model."""
    resemblance._lexicon = lambda: model  # type: ignore[assignment]


def ranking(text: str) -> list[str]:
    """Return the causes that a diagnosis of the text names, best first."""
    try:
        diagnoses = read_pasted(io.BytesIO(text.encode()), "text").diagnoses
    except HolterError:
        return []
    if not diagnoses:
        return []
    return [verdict.cause for verdict in diagnoses[-1].verdicts if verdict.verdict != "excluded" and verdict.score > 0]


def _fold(document: Document) -> int:
    return hashlib.sha256(document.group.encode()).digest()[0] % FOLDS


if __name__ == "__main__":
    sys.exit(main())
