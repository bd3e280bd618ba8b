"""Turn diagnoses into the JSON document that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from holter import __version__
from holter.evidence.text_facts import Found
from holter.history import goodput, recovery
from holter.history.fates import Fate
from holter.records import (
    Ability,
    ActionTaken,
    Diagnosis,
    Finding,
    Link,
    Message,
    Notice,
    Remedy,
    TargetKind,
    Text,
    Verdict,
)
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best
from holter.reports.headline import headline
from holter.reports.healing import details
from holter.reports.json import json_records
from holter.reports.outcome import Outcome
from holter.reports.outcome.wall import iso, wall_at
from holter.reports.wording import finding_text, later_lines, remedies_of, remedy_text
from holter.tape import Recording

R = TypeVar("R", bound=json_records.JsonRecord)


def to_json(
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang = "en",
    tape: str | None = None,
    recording: Recording | None = None,
    target: tuple[TargetKind, Text, tuple[Message, ...]] | None = None,
    ran: Outcome | None = None,
    facts: Iterable[tuple[Text, Found]] = (),
) -> dict[str, Any]:
    """Return the document as dictionaries; only ``text``, ``how`` and names depend on the language.

    With the recording it also has the actions taken, the time account, and the recovery after heals.
    ``target``: kind and name of what was diagnosed, and notes on reading it. ``ran``: the outcome of a run.
    ``facts``: what was read of texts, each with the piece that it came from.
    """
    document = json_records.Document(
        schema=json_records.SCHEMA,
        holter=__version__,
        episodes=[
            _episode(diagnosis, recording or Recording(), lang, ran.fates[index] if ran is not None else UNSET)
            for index, diagnosis in enumerate(diagnoses)
        ],
    )
    if tape is not None:
        document = msgspec.structs.replace(document, tape=tape)
    if target is not None:
        document = msgspec.structs.replace(document, target=_target(*target, lang, facts))
    if ran is not None:
        document = msgspec.structs.replace(document, outcome=_outcome(ran, lang))
    if recording is not None and (target is None or target[0] == "tape"):
        document = _with_history(document, recording, diagnoses, lang)
    content: dict[str, Any] = msgspec.to_builtins(document)
    return content


def _target(
    kind: TargetKind, name: Text, notes: tuple[Message, ...], lang: Lang, facts: Iterable[tuple[Text, Found]]
) -> json_records.Target:
    read = [
        json_records.ReadFact(
            fact=hit.name,
            value=list(map(str, hit.value)) if isinstance(hit.value, tuple) else hit.value,
            words=hit.quote,
            piece=phrase(piece, "en"),
        )
        for piece, hit in facts
    ]
    said = [phrase(note, lang) for note in notes]
    return json_records.Target(kind=kind, name=phrase(name, "en"), notes=said, facts=read or UNSET)


def _with_history(
    document: json_records.Document, recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang
) -> json_records.Document:
    contract = recording.contract()
    return msgspec.structs.replace(
        document,
        contract=UNSET
        if contract is None
        else [_ability(ability, lang) for ability in (*contract.sees, *contract.does)],
        notices=[_notice(notice, lang) for notice in recording.events(Notice)],
        actions=[_action(action, lang) for action in recording.events(ActionTaken)],
        goodput=_goodput(goodput.account(recording, diagnoses)),
        recovery=[_recovery(checked) for checked in recovery.check(recording)],
    )


def _record(kind: type[R], source: object, **own: Any) -> R:
    # The fields of the same names, and ``own`` for those that are made or rounded here.
    return kind(**{name: getattr(source, name) for name in kind.__struct_fields__ if name not in own}, **own)


def _ability(ability: Ability, lang: Lang) -> json_records.Ability:
    why_not = None if ability.why_not is None else phrase(ability.why_not, lang)
    return _record(json_records.Ability, ability, why_not=why_not)


def _outcome(ran: Outcome, lang: Lang) -> json_records.RunOutcome:
    return _record(
        json_records.RunOutcome,
        ran,
        text=phrase(ran.headline, lang),
        good=ran.is_good,
        over_by_itself=ran.over,
        orphans=list(ran.orphans),
        identity=_record(json_records.RunIdentity, ran.identity),
        wall_s=round(ran.wall_s, 3),
    )


def _action(action: ActionTaken, lang: Lang) -> json_records.Action:
    return _record(json_records.Action, action, text=details(action.said, lang), settings=dict(action.settings))


def _notice(notice: Notice, lang: Lang) -> json_records.Notice:
    return _record(json_records.Notice, notice, text=phrase(notice.message, lang), pids=list(notice.pids))


def _goodput(account: goodput.Account) -> json_records.Goodput:
    spans = (name for name in json_records.Goodput.__struct_fields__ if name.endswith("_s"))
    return _record(
        json_records.Goodput,
        account,
        **{name: round(getattr(account, name), 3) for name in spans},
        goodput_ratio=_rounded(account.goodput_ratio),
        lost_ratio=_rounded(account.lost_ratio),
        losses=[_record(json_records.Loss, loss, seconds=round(loss.seconds, 3)) for loss in account.losses],
        saved=[_record(json_records.Saved, heal) for heal in account.saved],
    )


def _recovery(checked: recovery.Recovery) -> json_records.Recovery:
    measures = [
        _record(
            json_records.Measure,
            measure,
            **{name: round(getattr(measure, name), 4) for name in ("expected", "seen", "tolerance")},
        )
        for measure in checked.measures
    ]
    return _record(json_records.Recovery, checked, measures=measures)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)


def _episode(diagnosis: Diagnosis, recording: Recording, lang: Lang, fate: Fate | UnsetType) -> json_records.Episode:
    episode, named = diagnosis.episode, best(diagnosis)
    return _record(
        json_records.Episode,
        episode,
        headline=json_records.Headline(
            text=headline(diagnosis, recording, lang), cause=named.cause if named is not None else None
        ),
        start_wall=_wall(recording, episode.start_s),
        end_wall=_wall(recording, episode.end_s),
        fate=fate,
        subject=episode.subject_name,
        reason=phrase(episode.reason, lang),
        wait_chain=[_link(link, lang) for link in diagnosis.wait_chain],
        diagnosis=[
            _verdict(diagnosis, verdict, lang)
            for verdict in diagnosis.verdicts
            if verdict.score > 0 or verdict.verdict == "excluded"  # of the others nothing is known
        ],
        later=later_lines(diagnosis, lang),
        next_looks=[
            _record(json_records.NextCheck, check, text=text(f"look.{check.id}", lang), facts=list(check.facts))
            for check in next_checks(diagnosis, recording.environment)
        ],
    )


def _wall(recording: Recording, t_s: float | None) -> str | UnsetType:
    return UNSET if t_s is None else iso(wall_at(recording.environment, t_s)) or UNSET


def _link(link: Link, lang: Lang) -> json_records.Link:
    return json_records.Link(
        waiter=phrase(link.waiter, lang), target=phrase(link.target, lang), how=phrase(link.how, lang)
    )


def _verdict(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> json_records.Verdict:
    def listed(findings: tuple[Finding, ...]) -> list[json_records.Finding]:
        return [
            json_records.Finding(fact=finding.fact, text=finding_text(finding, diagnosis, lang)) for finding in findings
        ]

    return _record(
        json_records.Verdict,
        verdict,
        supports=listed(verdict.supports),
        against=listed(verdict.against),
        unknown=listed(verdict.unknown),
        remedies=[_remedy(remedy, lang) for remedy in remedies_of(diagnosis, verdict.cause)],
    )


def _remedy(remedy: Remedy, lang: Lang) -> json_records.Remedy:
    return _record(json_records.Remedy, remedy, text=remedy_text(remedy, lang))
