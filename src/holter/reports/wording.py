"""Diagnoses as text: findings, remedies and what became known later, the same in every kind of report."""

from __future__ import annotations

import re

from holter.causes.offers import ASK_ADMIN
from holter.evidence.stated.choices import ENUMERATED
from holter.evidence.words import shown_ending
from holter.linux.signals import Signal
from holter.patterns import later
from holter.records import Diagnosis, Finding, Remedy, Role, Subject, ThreadStack, Value
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.choices import value_words
from holter.reports.when import SPACE, duration
from holter.sentences import define
from holter.sizes import format_bytes, format_number

# Left of "({detail})" if there is no detail.
EMPTY_BRACKETS = later(r" ?\(\)|（）")
# Brackets around brackets, as when a detail names a file and line.
NESTED_BRACKETS = later(r" \((?P<en>[^()]+\([^()]+\)[^()]*)\)$|（(?P<zh>[^（）]+[（(][^（）()]+[）)][^（）()]*)）$")
COUNTED = define("later.counted", "[[{count}|none]][[ ({by})]]")


def finding_text(finding: Finding, diagnosis: Diagnosis, lang: Lang) -> str:
    """Return a finding as text; if the catalogue has no sentence for it, return the detail of its fact."""
    key = f"finding.{finding.text}"
    if known(key):
        values = {name: phrase(value, lang) for name, value in finding.values}
        measures = _measures(values.get("value", ""), lang)
        if finding.fact in ENUMERATED and "value" in values:
            values["value"] = _choice(finding, diagnosis, lang)
        values["shown"] = values.get("detail") or values.get("value", "")
        line = text(key, lang, **{"name": fact_name(finding.fact, lang), **measures, **values})
        return NESTED_BRACKETS.sub(_unnested, EMPTY_BRACKETS.sub("", line))
    for fact in diagnosis.facts:
        if fact.name == finding.fact and (fact.detail or fact.reason):
            return phrase(fact.detail or fact.reason or "", lang)
    line = ", ".join(f"{name} {phrase(value, lang)}" for name, value in finding.values)
    return f"{finding.text}: {line}" if line else finding.text


def _choice(finding: Finding, diagnosis: Diagnosis, lang: Lang) -> str:
    fact = next(
        (
            known_fact
            for known_fact in diagnosis.facts
            if known_fact.name == finding.fact and known_fact.status == "known"
        ),
        None,
    )
    quoted = str(dict(finding.values).get("value", ""))
    return value_words(finding.fact, quoted if fact is None or fact.value is None else fact.value, lang)


def _unnested(match: re.Match[str]) -> str:
    return f": {match['en']}" if match["en"] else f"：{match['zh']}"


def fact_name(name: str, lang: Lang) -> str:
    key = f"fact.{name}"
    return text(key, lang) if known(key) else name


def _measures(value: str, lang: Lang) -> dict[str, str]:
    # A number in the units that sentences use; other text stays unchanged.
    try:
        number = float(value)
    except ValueError:
        return dict.fromkeys(("percent", "ms", "size", "duration", "signal"), value)
    percent = f"{100 * number:.0f}" if number >= 0.1 or number == 0 else f"{100 * number:.1f}"
    try:
        named_signal = f"{int(number)} ({Signal(int(number)).name})"
    except ValueError:
        named_signal = value
    return {
        "percent": percent,
        "ms": format_number(1000 * number),
        "size": format_bytes(number),
        "duration": duration(number, lang),
        "signal": named_signal,
    }


def remedy_text(remedy: Remedy, lang: Lang) -> str:
    """Return the sentence of a remedy, without its command."""
    key = f"remedy.{remedy.id}"
    if not known(key):
        return remedy.id
    if remedy.id == ASK_ADMIN:
        words = words_for_administrator(remedy.values, lang)
        return text(key, lang) + (SPACE[lang] + words if words else "")
    return text(key, lang, **{name: phrase(value, lang) for name, value in remedy.values})


def words_for_administrator(values: tuple[tuple[str, Value], ...], lang: Lang) -> str | None:
    """Return the request to the administrator, in quotes; None for a cause without one.

    It can be sent unchanged: sentences that need an unknown value are left out.
    """
    filled = dict(values)
    base = f"ask.{filled.get('cause')}"
    key = f"{base}.{filled.get('variant')}"
    key = key if known(key) else base
    if not known(key):
        return None
    return text("action.quote", lang, words=text(key, lang, **filled))


def remedies_of(diagnosis: Diagnosis, cause: str) -> tuple[Remedy, ...]:
    """Return the remedies against one cause."""
    return dict(diagnosis.remedies).get(cause, ())


def process_name(role: Role, index: int | None, pid: int, lang: Lang) -> str:
    """Return the name of a process: "worker 2 (PID 4711)"."""
    return phrase(Subject(role=role, index=index, pid=pid), lang)


def thread_name(thread: ThreadStack, lang: Lang) -> str:
    """Return the name of a thread, and what it does in the kernel."""
    number = thread.thread_id
    unnamed = text("stack.thread-number", lang, number=number) if number else text("stack.thread", lang)
    parts = [thread.name or unnamed]
    parts += [part for part in (thread.state, thread.wait_channel, thread.syscall) if part]
    return ", ".join(parts)


def later_lines(diagnosis: Diagnosis, lang: Lang) -> list[str]:
    """Return what became known after the verdict, one line each."""
    lines = []
    for fact in diagnosis.later:
        words = phrase(fact.words or fact.detail or "", lang)
        if isinstance(fact.value, int) and not isinstance(fact.value, bool):
            words = phrase(COUNTED(count=fact.value or None, by=fact.detail or None), lang)
        if isinstance(fact.value, str) and fact.words is None:
            is_ending = fact.name.endswith(".ending")
            words = phrase(shown_ending(fact.value), lang) if is_ending else value_words(fact.name, fact.value, lang)
        if words:
            lines.append(text("target.fact", lang, name=fact_name(fact.name, lang), detail=words))
    return lines
