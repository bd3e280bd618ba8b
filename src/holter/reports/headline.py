"""The first sentence of a diagnosis: what happened, where, for how long, and the cause if one is likely.

Without a likely cause the headline is the observed fact; a possible cause has its own line, only in ``diagnose``.
"""

from __future__ import annotations

from typing import cast, get_args

from holter.evidence.words import shown_ending
from holter.records import Diagnosis, Fact, Message, Role, Subject, Text
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import Lang, known, phrase, text
from holter.reports.catalogue.filling import clause
from holter.reports.cause_words import best, candidate, cause_sentence, decisive_for
from holter.reports.when import TIMELESS, epoch_at, how_long, where
from holter.sentences import define
from holter.tape import Recording

FACT = define("headline.fact", "{kind}{where}{lasted}: {what}. No cause seen.")
COULD_BE = define("headline.could-be", "Could be: {cause}. To check:")
COULD_BE_ALONE = define("headline.could-be-alone", "Could be: {cause}")
RAISED = define("headline.raised", "{role} raised {error}")
MAIN_ENDED = define("headline.main-ended", "the main process ended: {ending}")
WORKER_ENDED = define("headline.worker-ended", "{worker} ended: {ending}")
# Only the first line of an exception is shown, cut to this length.
MOST_CHARS = 160


def headline(diagnosis: Diagnosis, recording: Recording, lang: Lang) -> str:
    """Return the sentence above a diagnosis: what happened, to whom and when, and the cause if one is named."""
    episode = diagnosis.episode
    own_kind = f"kind.{episode.detector}.headline"
    lasted = how_long(episode, recording, lang)
    values = {
        "kind": text(own_kind if known(own_kind) else f"kind.{episode.kind}.headline", lang),
        "where": where(episode, epoch_at(recording, episode.start_s), lang),
        "lasted": text("headline.lasted", lang, duration=lasted) if lasted else "",
    }
    verdict = best(diagnosis)
    if verdict is None:
        return _of_fact(diagnosis, values, lang)
    what = cause_sentence(diagnosis, verdict, lang)
    if lang == "en":
        what = clause(what) + "."
    return text("headline.known", lang, **values, what=what, verdict=text(f"verdict.{verdict.verdict}.sentence", lang))


def could_be(diagnosis: Diagnosis, recording: Recording, lang: Lang) -> tuple[str, str] | None:
    """Return the possible cause, and the command whose output decides whether it is the cause ("" if there is none).

    None if a cause is named or none is possible.
    """
    verdict = candidate(diagnosis)
    if verdict is None:
        return None
    title = text(f"cause.{verdict.cause}.title", lang)
    open_ones = {finding.fact for finding in verdict.unknown} & decisive_for(verdict.cause)
    look = next((check for check in next_checks(diagnosis, recording.environment) if open_ones & {*check.facts}), None)
    if look is None:
        return phrase(COULD_BE_ALONE(cause=title), lang), ""
    return phrase(COULD_BE(cause=title), lang), look.command


def fact_of(diagnosis: Diagnosis) -> Text:
    """Return what was seen in an episode of unknown cause."""
    facts = {fact.name: fact for fact in diagnosis.facts if fact.status == "known"}
    if diagnosis.episode.kind == "death":
        ended = _ending(facts)
        if ended is not None:
            return ended
    stands = facts.get("main.stands_at") or facts.get("workers.stand_at")
    if diagnosis.episode.kind in ("stall", "slow-down") and stands is not None and stands.detail:
        return stands.detail
    return diagnosis.episode.reason


def _ending(facts: dict[str, Fact]) -> Text | None:
    first, role = facts.get("exception.first"), facts.get("exception.role")
    if first is not None and role is not None:
        who: Subject | str = Subject(role=cast("Role", role.value)) if role.value in get_args(Role) else str(role.value)
        error = first.words if isinstance(first.words, Message) else str(first.value).splitlines()[0][:MOST_CHARS]
        return RAISED(role=who, error=error)
    main, worker, subject = (facts.get(name) for name in ("main.ending", "worker.ending", "worker.subject"))
    if worker is not None and subject is not None:
        ended: Subject | str = next(iter(subject.processes), str(subject.value))
        return WORKER_ENDED(worker=ended, ending=shown_ending(str(worker.value)))
    return None if main is None else MAIN_ENDED(ending=shown_ending(str(main.value)))


def _of_fact(diagnosis: Diagnosis, values: dict[str, str], lang: Lang) -> str:
    what = phrase(fact_of(diagnosis), lang).rstrip(".。")
    if not what or diagnosis.episode.detector in TIMELESS:
        # A log or an evidence file: its text is quoted above, or was written by the user.
        return text("headline.open", lang, **values)
    return phrase(FACT(**values, what=what), lang)
