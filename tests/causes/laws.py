"""What holds for every cause: a test class states the facts and inherits the laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from causes.judge import confirmed, judged
from causes.usual import UNSAID
from holter.causes import RULES_OF

Facts = Mapping[str, object]


class LookAlike(NamedTuple):
    """Facts that differ from the decisive ones (None: unknown), and the cause that they belong to, if it is known."""

    differs: Facts
    instead: str | None = None
    is_confirmed: bool = True


class ConfirmedLaws:
    """``confirmed_by``: facts that decide for the cause; ``look_alikes``: what must not be confirmed."""

    cause: ClassVar[str]
    confirmed_by: ClassVar[Facts]
    look_alikes: ClassVar[tuple[LookAlike, ...]] = ()

    def test_the_decisive_facts_confirm_this_cause_and_no_other(self) -> None:
        found = judged(self.confirmed_by)
        assert self.cause in found, "its file in src/holter/causes/ needs this name as CAUSE"
        assert next(iter(found)) == self.cause
        assert confirmed(found) == [self.cause]

    def test_leaving_out_a_fact_raises_no_score_and_confirms_no_rival(self) -> None:
        whole = judged(self.confirmed_by)[self.cause]
        for left_out in self.confirmed_by:
            found = judged({name: value for name, value in self.confirmed_by.items() if name != left_out})
            assert found[self.cause].score <= whole.score, left_out
            assert set(confirmed(found)) <= {self.cause}, left_out

    def test_a_look_alike_is_not_confirmed(self) -> None:
        for differs, instead, is_confirmed in self.look_alikes:
            facts = {name: value for name, value in {**self.confirmed_by, **differs}.items() if value is not None}
            found = judged(facts)
            assert found[self.cause].verdict != "confirmed", differs
            assert confirmed(found) == ([instead] if instead and is_confirmed else []), differs
            assert instead in (None, next(iter(found))), differs

    def test_nothing_known_is_no_accusation(self) -> None:
        verdict = judged()[self.cause]
        # A fact that every recording tells rules the cause out, unless it is stated.
        is_told = any(rule.otherwise and rule.fact in UNSAID for rule in RULES_OF[self.cause])
        assert (verdict.verdict, verdict.score) == ("excluded" if is_told else "possible", 0.0)


class LikelyLaws:
    """``likely_by``: each of these sets, a sentence or a version that a person brings, is enough for likely."""

    cause: ClassVar[str]
    likely_by: ClassVar[tuple[Facts, ...]]

    def test_one_telling_fact_makes_it_likely_and_never_more(self) -> None:
        for facts in self.likely_by:
            found = judged(facts)
            assert next(iter(found)) == self.cause, facts
            assert found[self.cause].verdict == "likely", facts
            assert confirmed(found) == [], facts
