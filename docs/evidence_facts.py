"""Prints docs/evidence-facts.md: `make docs`."""

from __future__ import annotations

from holter.causes import MODULES
from holter.evidence.vocabulary import VOCABULARY

HEAD = """# The facts that causes weigh

Made by `make docs` from `src/holter/evidence/vocabulary.py`; a test fails if this page is not up to date.

Every fact about an episode is *known*, *unknown* (with the reason), or *not applicable*. What is unknown may lower a
verdict and never raises one. An [evidence file](evidence.md) states facts by these names. The last column names the
causes that ask for the fact.

| fact | kind | what it says | asked for by |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(spec.name, _kind(spec.kind, spec.unit), spec.meaning) for spec in VOCABULARY)


def _kind(kind: str, unit: str) -> str:
    return f"{kind}, {unit}" if unit else kind


def _row(name: str, kind: str, meaning: str) -> str:
    causes = sorted({module.CAUSE for module in MODULES if any(rule.fact == name for rule in module.RULES)})
    return f"| `{name}` | {kind} | {meaning} | {', '.join(causes)} |\n"


if __name__ == "__main__":
    print(page(), end="")
