"""Prints docs/causes.md: `make docs`."""

from __future__ import annotations

from pathlib import Path

from holter.causes import MODULES
from holter.causes.pages_only import PAGES as PAGES_ONLY
from holter.evidence.vocabulary import STATED_ONLY
from holter.reports.catalogue import text

TAPES = Path(__file__).resolve().parents[1] / "tests" / "tapes"

HEAD = """# The causes that Holter knows

Made by `make docs`; a test fails if this page is not up to date.
`holter explain CAUSE` prints the page on one of them: what happens, how we
know, what looks like it, what helps, and the reports that it was learned from.

*decisive* are the facts that must be known and speak for a cause before it is called *confirmed* (of a cell with
"or", one is enough); with less it is *likely* or *possible*. *Recorded* says what the tests hold: a tape of the real
fault, or evidence that was stated by hand, because the fault cannot be made on a machine without its GPU, its driver
or its operating system, or because nobody has recorded it yet. *If stated*: no look at one training tells what
decides it (it compares two runs, or takes an act), so it is named only of an [evidence file](evidence.md).

| cause | what it is | decisive | recorded |
|---|---|---|---|
"""

ONLY_EXPLAINED = """
## Explained, never diagnosed

No look at a training decides these; `holter explain` has the page, with the reason.

| cause | what it is |
|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = "".join(_row(module.CAUSE, module.RULES) for module in sorted(MODULES, key=lambda module: module.CAUSE))
    only = "".join(f"| `{name}` | {text(f'cause.{name}.title', 'en')} |\n" for name in sorted(PAGES_ONLY))
    return HEAD + rows + ONLY_EXPLAINED + only


def _row(cause: str, rules: tuple) -> str:  # type: ignore[type-arg]
    groups: dict[str, list[str]] = {}
    for rule in rules:
        if rule.group is not None and rule.fact not in groups.setdefault(rule.group, []):
            groups[rule.group].append(rule.fact)
    decisive = "; ".join(" or ".join(f"`{fact}`" for fact in facts) for facts in groups.values())
    if any(STATED_ONLY.issuperset(facts) for facts in groups.values()):
        return f"| `{cause}` | {text(f'cause.{cause}.title', 'en')} | {decisive} | by hand, if stated |\n"
    recorded = "tape" if (TAPES / cause.replace("-", "_")).is_dir() else "by hand"
    return f"| `{cause}` | {text(f'cause.{cause}.title', 'en')} | {decisive or 'never confirmed'} | {recorded} |\n"


if __name__ == "__main__":
    print(page(), end="")
