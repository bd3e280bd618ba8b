"""Collecting facts: known with a detail for people, or unknown with the reason."""

from __future__ import annotations

from holter.evidence.reasons import NOT_RECORDED
from holter.evidence.vocabulary import NAMES
from holter.records import Fact, Link, Subject, Text

Value = bool | int | float | str | tuple[str, ...]


class Evidence:
    """What is known of one episode: named facts and the chain of who waits on whom."""

    def __init__(self, facts: dict[str, Fact], chain: tuple[Link, ...] = ()) -> None:
        self._facts = facts
        self.chain = chain

    def fact(self, name: str) -> Fact:
        """The fact of that name; an unknown one if nobody stated it.

        Raises:  KeyError if the vocabulary does not have the name.
        """
        if name not in NAMES:
            raise KeyError(name)
        return self._facts.get(name) or Fact(name=name, status="unknown", reason=NOT_RECORDED())

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts that were stated."""
        return tuple(self._facts.values())


class FactBook:
    """Facts while they are being collected."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}

    def known(
        self,
        name: str,
        value: Value | Subject | tuple[Subject | str, ...] | None,
        detail: Text = "",
        *,
        unless: Text | None = None,
    ) -> None:
        """State a fact; a value of None makes it unknown for the reason ``unless``: not recorded, if none is given.

        The fact has a process by its name, and beside it as data.
        """
        if value is None:
            self.unknown(name, NOT_RECORDED() if unless is None else unless)
            return
        told = value if isinstance(value, tuple) else (value,)
        processes = tuple(one for one in told if isinstance(one, Subject))
        self.facts[name] = Fact(name=name, value=_kept(value), detail=detail or None, processes=processes)

    def unknown(self, names: str | tuple[str, ...], reason: Text) -> None:
        """Say that a fact, or each of several, could not be seen, and why."""
        for name in (names,) if isinstance(names, str) else names:
            self.facts[name] = Fact(name=name, status="unknown", reason=reason)

    def not_applicable(self, names: str | tuple[str, ...], reason: Text) -> None:
        """Say that a fact, or each of several, has no meaning here."""
        for name in (names,) if isinstance(names, str) else names:
            self.facts[name] = Fact(name=name, status="not-applicable", reason=reason)

    def value(self, name: str) -> Value | None:
        """Value of a fact stated so far."""
        fact = self.facts.get(name)
        return fact.value if fact is not None and fact.status == "known" else None

    def actors(self, name: str) -> tuple[Subject | str, ...]:
        """Return what the value of a fact names; nothing where it is not known."""
        fact = self.facts.get(name)
        return fact.actors if fact is not None and fact.status == "known" else ()


def _kept(value: Value | Subject | tuple[Subject | str, ...]) -> Value:
    if isinstance(value, Subject):
        return value.name
    if isinstance(value, tuple):
        return tuple(one.name if isinstance(one, Subject) else one for one in value)
    return round(value, 4) if isinstance(value, float) else value
