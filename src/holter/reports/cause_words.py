"""Which cause a headline may name, and the sentence that names it."""

from __future__ import annotations

from collections.abc import Iterator

from holter.causes import RULES_OF, stated
from holter.evidence.facts.training.progress import INTERRUPTED
from holter.evidence.vocabulary import is_condition
from holter.records import WORKERS, Diagnosis, Message, Subject, Text, Value, Verdict
from holter.reports.catalogue import Lang, known, phrase

# Causes for which a fact is more exact than any sentence of the catalogue: it has the place.
FACT_OF_HEADLINE: dict[str, str] = stated("FACT_OF_HEADLINE")
# Verdicts that a headline may name as the cause.
NAMED_VERDICTS = ("confirmed", "likely")


def best(diagnosis: Diagnosis) -> Verdict | None:
    """Return the verdict that a headline may name: the first, if it is at least likely."""
    return next((verdict for verdict in diagnosis.verdicts[:1] if verdict.verdict in NAMED_VERDICTS), None)


def candidate(diagnosis: Diagnosis) -> Verdict | None:
    """Return the first possible cause that an observation supports; None if a cause is likely, or no observation does.

    Not returned are causes that only epoch times support, and any cause of an interruption: these fit many causes.
    """
    if best(diagnosis) is not None or diagnosis.episode.detector == INTERRUPTED:
        return None
    open_ones = (verdict for verdict in diagnosis.verdicts if verdict.verdict == "possible" and verdict.score > 0)
    return next((verdict for verdict in open_ones if not is_hint(verdict)), None)


def is_weighed(verdict: Verdict) -> bool:
    """Return whether an observation speaks for or against a cause; circumstances in which it could occur do not."""
    return bool(verdict.against) or any(not is_condition(finding.fact) for finding in verdict.supports)


def decisive_for(cause: str) -> set[str]:
    return {rule.fact for rule in RULES_OF.get(cause, ()) if rule.group is not None}


def is_hint(verdict: Verdict) -> bool:
    """Return whether a possible cause is supported only by epoch times, and these do not decide it."""
    supporting = {finding.fact for finding in verdict.supports}
    only_times = bool(supporting) and all(fact.startswith("epochs.") for fact in supporting)
    return verdict.verdict == "possible" and only_times and not supporting & decisive_for(verdict.cause)


def cause_sentence(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> str:
    """Return one sentence for a cause, with the exact finding, worker or file if it is known."""
    message = cause_message(diagnosis, verdict)
    said = phrase(message, lang)
    is_whole = isinstance(message, Message) and message.key.startswith("cause.")
    return said if is_whole else _sentence(said, lang)


def cause_message(diagnosis: Diagnosis, verdict: Verdict) -> Text:
    """Return what ``cause_sentence`` says, before rendering: the detail of the cause's main fact, or its sentence.

    A detail may lack the capital letter and the full stop, which ``cause_sentence`` adds.
    """
    place = next((fact for fact in diagnosis.facts if fact.name == FACT_OF_HEADLINE.get(verdict.cause)), None)
    if place is not None and place.status == "known" and place.detail:
        return place.detail
    about = _subject(diagnosis, verdict)
    endings = tuple(f".{finding.text}" for finding in verdict.supports)
    return meaning_of(verdict.cause, about, endings)


def meaning_of(cause: str, about: Subject | None = None, endings: tuple[str, ...] = ()) -> Message:
    """Return the sentence that describes a cause.

    ``about``: a process to name, if the cause has a sentence that names one. ``endings``: last parts of keys of more
    exact sentences; the first one that exists is used.
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
