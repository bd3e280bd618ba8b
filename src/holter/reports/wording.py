"""Diagnoses as text: headlines, findings, remedies and times, the same in every kind of report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from holter.causes import RULES_OF, stated
from holter.causes.offers import ASK_ADMIN
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.evidence.stated.choices import ENUMERATED
from holter.evidence.vocabulary import is_condition
from holter.evidence.words import shown_ending
from holter.linux.signals import Signal
from holter.records import (
    WORKERS,
    Diagnosis,
    Episode,
    EpochEnded,
    Finding,
    Message,
    Noted,
    PhaseChanged,
    Remedy,
    Role,
    Subject,
    Text,
    Value,
    Verdict,
)
from holter.reports.catalogue import Lang, filling, known, phrase, text
from holter.reports.choices import value_words
from holter.sentences import define
from holter.sizes import format_bytes
from holter.tape import Recording
from holter.texts.recording import FROM_TEXT

# Left of "({detail})" if there is no detail.
EMPTY_BRACKETS = re.compile(r" ?\(\)|（）")
# Brackets around brackets, as when a detail names a file and line.
NESTED_BRACKETS = re.compile(
    r" \((?P<en>[^()]+\([^()]+\)[^()]*)\)$|（(?P<zh>[^（）]+[（(][^（）()]+[）)][^（）()]*)）$"
)
# Between two sentences, or between a word and its place.
SPACE: Mapping[Lang, str] = {"en": " ", "zh": ""}
# Phases of every epoch, for which "in epoch 3" is more useful than the phase's name.
EPOCH_PHASES = ("train", "validate", "epoch-end", "checkpoint")
# Causes for which a fact is more exact than any sentence of the catalogue: it has the place.
FACT_OF_HEADLINE: dict[str, str] = stated("FACT_OF_HEADLINE")
# Detectors of episodes with unknown length: a log that stops, an exception, a file that states facts.
TIMELESS = ("log", "log-end", INTERRUPTED, "evidence-file", "shown", "look")
# nnU-Net is younger than this; a text without time stamps starts at time 0 (1970).
FIRST_YEAR = 2000
COUNTED = define("later.counted", "[[{count}|none]][[ ({by})]]")
# Verdicts that a headline may name as the cause.
NAMED_VERDICTS = ("confirmed", "likely")


def duration(seconds: float, lang: Lang) -> str:
    """Return a duration in readable units: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    return filling.duration(seconds, lambda unit, **numbers: text(unit, lang, **numbers))


def clock(t_s: float) -> str:
    """Return a time of the recording as h:mm:ss."""
    whole = max(0, round(t_s))
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def end_of(episode: Episode, recording: Recording) -> float:
    """Return when the episode ended, or the end of the recording if it has not."""
    return episode.end_s if episode.end_s is not None else max(recording.duration_s, episode.alarm_s)


def epoch_at(recording: Recording, t_s: float) -> int | None:
    """Return the training's epoch at that time, from phases and the log; None if unknown."""
    epoch: int | None = None
    events = [event for tick in recording.ticks() for event in tick.events if event.t_s <= t_s]
    for event in events:
        if isinstance(event, EpochEnded):
            epoch = event.epoch + 1
        elif isinstance(event, PhaseChanged) and event.epoch is not None:
            epoch = event.epoch
    return epoch


def where(episode: Episode, epoch: int | None, lang: Lang) -> str:
    """Return the place of an episode: " in epoch 3", " during final validation", or nothing."""
    if epoch is not None and episode.phase in EPOCH_PHASES:
        place = text("where.epoch", lang, epoch=epoch)
    elif episode.phase != "unknown":
        place = text("where.phase", lang, phase=text(f"phase.{episode.phase}", lang))
    else:
        return ""
    return SPACE[lang] + place


def best(diagnosis: Diagnosis) -> Verdict | None:
    """Return the verdict that a headline may name: the first, if it is at least likely."""
    return next((verdict for verdict in diagnosis.verdicts[:1] if verdict.verdict in NAMED_VERDICTS), None)


def candidate(diagnosis: Diagnosis) -> Verdict | None:
    """Return the possible cause if none is likely: the first one that an observation supports.

    An interrupted training that waited for something fits many causes, and so do epoch times: both are left out.
    """
    if best(diagnosis) is not None or diagnosis.episode.detector == INTERRUPTED:
        return None
    open_ones = (verdict for verdict in diagnosis.verdicts if verdict.verdict == "possible" and verdict.score > 0)
    return next((verdict for verdict in open_ones if not is_hint(verdict)), None)


def is_weighed(verdict: Verdict) -> bool:
    """Return whether an observation speaks for or against a cause: where it could occur says nothing yet."""
    return bool(verdict.against) or any(not is_condition(finding.fact) for finding in verdict.supports)


def decisive_for(cause: str) -> set[str]:
    """Return the facts that decide for a cause."""
    return {rule.fact for rule in RULES_OF.get(cause, ()) if rule.group is not None}


def is_hint(verdict: Verdict) -> bool:
    """Return whether a possible cause is supported only by epoch times, and these do not decide it."""
    supporting = {finding.fact for finding in verdict.supports}
    only_times = bool(supporting) and all(fact.startswith("epochs.") for fact in supporting)
    return verdict.verdict == "possible" and only_times and not supporting & decisive_for(verdict.cause)


def is_text(recording: Recording) -> bool:
    """Return whether the recording was read from a log or console, which shows no processes and no current state."""
    return any(
        note.what == FROM_TEXT for tick in recording.all_ticks[:1] for note in tick.events if isinstance(note, Noted)
    )


def wall_of(t_s: float, recording: Recording, lang: Lang) -> str:
    """Return the time by the clock of the log; empty if there is no clock."""
    environment = recording.environment
    if environment is None or not is_text(recording):
        return ""
    moment = datetime.fromisoformat(environment.wall_start) + timedelta(seconds=t_s)
    return "" if moment.year < FIRST_YEAR else text("target.when", lang, start=moment.strftime("%Y-%m-%d %H:%M:%S"))


def cause_sentence(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> str:
    """Return one sentence for a cause, with the exact finding, worker or file if it is known."""
    message = cause_message(diagnosis, verdict)
    said = phrase(message, lang)
    is_whole = isinstance(message, Message) and message.key.startswith("cause.")
    return said if is_whole else _sentence(said, lang)


def cause_message(diagnosis: Diagnosis, verdict: Verdict) -> Text:
    """Return ``cause_sentence`` before rendering; it may lack capital and full stop."""
    place = next((fact for fact in diagnosis.facts if fact.name == FACT_OF_HEADLINE.get(verdict.cause)), None)
    if place is not None and place.status == "known" and place.detail:
        return place.detail
    about = _subject(diagnosis, verdict)
    endings = tuple(f".{finding.text}" for finding in verdict.supports)
    return meaning_of(verdict.cause, about, endings)


def meaning_of(cause: str, about: Subject | None = None, endings: tuple[str, ...] = ()) -> Message:
    """Return the sentence that describes a cause.

    ``about``: the process that it names, if the cause has such a sentence. ``endings``: the last parts of the keys of
    more exact sentences; the first that exists is used.
    Raises:  KeyError for an unknown cause.
    """
    for ending in (*endings, ""):
        if about is not None and known(f"cause.{cause}.headline{ending}"):
            return Message(key=f"cause.{cause}.headline{ending}", values=(("subject", about),))
        if known(f"cause.{cause}.meaning{ending}"):
            return Message(key=f"cause.{cause}.meaning{ending}")
    raise KeyError(cause)


def _sentence(clause: str, lang: Lang) -> str:
    stop = "。" if lang == "zh" else "."
    return f"{clause[:1].upper()}{clause[1:]}{stop}"


def _subject(diagnosis: Diagnosis, verdict: Verdict) -> Subject | None:
    # None if several workers are named.
    values: list[Value] = [value for finding in verdict.supports for _, value in finding.values]
    if any(finding.fact.startswith("worker.") for finding in verdict.supports):
        # The worker that ended is meant, even if the training waits for another one.
        values += [fact.processes for fact in diagnosis.facts if fact.name == "worker.subject"]
    for link in reversed(diagnosis.wait_chain):
        values += [link.target, link.waiter]
    values.append(diagnosis.episode.subject)
    for value in values:
        workers = set(_workers(value))
        if workers:
            return workers.pop() if len(workers) == 1 else None
    return None


def _workers(value: Value) -> Iterator[Subject]:
    if isinstance(value, Subject):
        if value.role in WORKERS and value.pid is not None:
            yield value
    elif isinstance(value, (Message, tuple)):
        for part in value if isinstance(value, tuple) else dict(value.values).values():
            yield from _workers(part)


def how_long(episode: Episode, recording: Recording, lang: Lang) -> str | None:
    """Return how long an episode lasted; None for a death, which is a moment, and if the length is unknown."""
    is_moment = episode.kind == "death" or episode.detector in TIMELESS
    return None if is_moment else duration(end_of(episode, recording) - episode.start_s, lang)


def finding_text(finding: Finding, diagnosis: Diagnosis, lang: Lang) -> str:
    """Return a finding as text; if the catalogue does not know it, the detail of its fact."""
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
    """Return the name of a fact in sentences."""
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
        "ms": f"{1000 * number:.3g}",
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
