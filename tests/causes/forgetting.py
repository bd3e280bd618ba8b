"""Judge evidence of which one fact is forgotten, without weighing again the causes that do not read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

from holter.causes import CAUSES, verdicts
from holter.evidence import Evidence
from holter.records import Fact, Verdict

Judge = Callable[[Evidence], Verdict]


class Noting(Evidence):
    """Evidence that notes the names of the facts that are read."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__({fact.name: fact for fact in evidence.facts}, evidence.chain, is_stated=evidence.is_stated)
        self.read: set[str] = set()

    def fact(self, name: str) -> Fact:
        self.read.add(name)
        return super().fact(name)

    @property
    def facts(self) -> tuple[Fact, ...]:
        self.read.update(self._facts)
        return super().facts


class Without(Evidence):
    """The same evidence, of which this fact is not known any more."""

    def __init__(self, evidence: Evidence, forgotten: str) -> None:
        facts = {fact.name: fact for fact in evidence.facts}
        facts[forgotten] = Fact(name=forgotten, status="unknown", reason="forgotten")
        super().__init__(facts, evidence.chain, is_stated=evidence.is_stated)
        self.forgotten = forgotten


def each_forgotten(evidence: Evidence) -> Iterator[tuple[str, tuple[Verdict, ...]]]:
    """Yield the name of every fact that is not unknown, and all verdicts once it is forgotten.

    A cause is a function of the facts that it reads: one that reads other facts only gives the verdict that it gave.
    """
    with patch.dict(CAUSES, {cause: _remembering(judge, evidence) for cause, judge in CAUSES.items()}):
        for fact in evidence.facts:
            if fact.status != "unknown":
                yield fact.name, verdicts(Without(evidence, fact.name))


def _remembering(judge: Judge, evidence: Evidence) -> Judge:
    noting = Noting(evidence)
    before = judge(noting)

    def again(asked: Evidence) -> Verdict:
        assert isinstance(asked, Without)
        return judge(asked) if asked.forgotten in noting.read else before

    return again
