"""Count what cases with a known cause have in common, for the choice of the next question.

python -m scripts.settled    write src/holter/remedies/settled.json

The cases are those of ``benchmarks/truth`` that rules may be tuned on (dev), as facts, and our own texts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.truth.cases import NONE, load

from holter.causes import CAUSES
from holter.evidence.text_facts import facts_of
from holter.remedies.expectation import properties

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "benchmarks" / "truth" / "texts.jsonl"
SETTLED = ROOT / "src" / "holter" / "remedies" / "settled.json"


def main() -> int:
    """Write the counts; return the exit code."""
    content = counted()
    lines = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("},", "},\n")
    SETTLED.write_text(f"{lines}\n", encoding="utf-8")
    cases = content["cases"]
    print(f"{sum(cases.values())} cases of {len(cases)} causes, {len(content['having'])} properties")
    return 0


def counted() -> dict[str, Any]:
    """Return what the file must contain: the counts of the cases as they are now."""
    cases: Counter[str] = Counter()
    having: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cause, facts in described():
        if cause in CAUSES:
            cases[cause] += 1
            for name in properties(facts):
                having[name][cause] += 1
    return {
        "met": dict(sorted(Counter(case.cause for case in load("dev", most=None) if case.cause in CAUSES).items())),
        "cases": dict(sorted(cases.items())),
        "having": {name: dict(sorted(having[name].items())) for name in sorted(having)},
    }


def described() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield cause and facts of each case."""
    for case in load("dev"):
        if case.cause != NONE:
            stated = json.loads(case.evidence())["facts"]
            yield case.cause, {name: fact["value"] if isinstance(fact, dict) else fact for name, fact in stated.items()}
    for line in TEXTS.read_text(encoding="utf-8").splitlines():
        text = json.loads(line)
        yield text["cause"], {name: found.value for name, found in facts_of(text["text"]).items()}


if __name__ == "__main__":
    sys.exit(main())
