"""Collect facts: each is known, with a detail for people, or unknown, with a reason."""

from __future__ import annotations

from holter.evidence.reasons import NOT_RECORDED
from holter.evidence.vocabulary import NAMES
from holter.records import Fact, Link, Subject, Text

Value = bool | int | float | str | tuple[str, ...]


class Evidence:
    """Everything known about one episode: named facts and the waiting chain."""

    def __init__(self, facts: dict[str, Fact], chain: tuple[Link, ...] = (), *, is_stated: bool = False) -> None:
        """``is_stated``: by a person or a text, which leaves most facts out."""
        self._facts = facts
        self.chain = chain
        self.is_stated = is_stated

    def fact(self, name: str) -> Fact:
        """Return the fact with that name; an unknown one if it was not stated.

        Raises:  KeyError if the vocabulary does not have the name.
        """
        if name not in NAMES:
            raise KeyError(name)
        return self._facts.get(name) or Fact(name=name, status="unknown", reason=NOT_RECORDED())

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(self._facts.values())


class FactBook:
    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}

    def known(
        self,
        name: str,
        value: Value | Subject | tuple[Subject | str, ...] | None,
        detail: Text = "",
        *,
        words: Text | tuple[Text, ...] | None = None,
        unless: Text | None = None,
    ) -> None:
        """Add a known fact; if ``value`` is None, an unknown one.

        ``unless``: why it is unknown, if it is; by default "not recorded". ``detail``: a sentence beside the value.
        A process in ``value`` is stored as its name, and as a ``Subject`` in the fact's ``processes``.
        ``words``: what people read instead of the value, where the value itself is a key or a code.
        """
        if value is None:
            self.unknown(name, NOT_RECORDED() if unless is None else unless)
            return
        items = value if isinstance(value, tuple) else (value,)
        processes = tuple(item for item in items if isinstance(item, Subject))
        self.facts[name] = Fact(
            name=name, value=_kept(value), detail=detail or None, processes=processes, words=words or None
        )

    def unknown(self, names: str | tuple[str, ...], reason: Text) -> None:
        """State that one fact, or each of several, could not be observed, and why."""
        for name in (names,) if isinstance(names, str) else names:
            self.facts[name] = Fact(name=name, status="unknown", reason=reason)

    def not_applicable(self, names: str | tuple[str, ...], reason: Text) -> None:
        """State that one fact, or each of several, has no meaning here, and why."""
        for name in (names,) if isinstance(names, str) else names:
            self.facts[name] = Fact(name=name, status="not-applicable", reason=reason)

    def absent(self, names: str | tuple[str, ...], reason: Text, *, is_sure: bool, otherwise: Text) -> None:
        """State that facts have no meaning here, if that is sure; else that they could not be observed.

        ``reason``: why they have none. ``otherwise``: why they could not be observed.
        """
        if is_sure:
            self.not_applicable(names, reason)
        else:
            self.unknown(names, otherwise)

    def value(self, name: str) -> Value | None:
        """Return the value of a fact stated so far; None if it is not known."""
        fact = self.facts.get(name)
        return fact.value if fact is not None and fact.status == "known" else None

    def words(self, name: str) -> Text | None:
        """Return the value of a fact as people read it, if the value is one text; None if it is not known."""
        fact = self.facts.get(name)
        words = fact.words if fact is not None and fact.status == "known" else None
        if isinstance(words, tuple) or words is None:
            return None if self.value(name) is None else str(self.value(name))
        return words

    def actors(self, name: str) -> tuple[Subject | str, ...]:
        """Return the processes and names in the value of a fact; empty if it is not known."""
        fact = self.facts.get(name)
        return fact.actors if fact is not None and fact.status == "known" else ()


def _kept(value: Value | Subject | tuple[Subject | str, ...]) -> Value:
    if isinstance(value, Subject):
        return value.name
    if isinstance(value, tuple):
        return tuple(item.name if isinstance(item, Subject) else item for item in value)
    return round(value, 4) if isinstance(value, float) else value
