"""Turn diagnoses into the JSON document that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
from holter.reports import json_records
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best
from holter.reports.headline import headline
from holter.reports.healing import details
from holter.reports.outcome import Outcome
from holter.reports.outcome.wall import iso, wall_at
from holter.reports.wording import finding_text, later_lines, remedies_of, remedy_text
from holter.tape import Recording


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


def _ability(ability: Ability, lang: Lang) -> json_records.Ability:
    why_not = None if ability.why_not is None else phrase(ability.why_not, lang)
    return json_records.Ability(name=ability.name, can=ability.can, what=ability.what, why_not=why_not)


def _outcome(ran: Outcome, lang: Lang) -> json_records.RunOutcome:
    return json_records.RunOutcome(
        text=phrase(ran.headline, lang),
        state=ran.state,
        good=ran.is_good,
        since_s=ran.since_s,
        trouble=ran.trouble,
        cause=ran.cause,
        epochs_done=ran.epochs_done,
        epochs_planned=ran.epochs_planned,
        epoch=ran.epoch,
        stopped=ran.stopped,
        healed=ran.healed,
        over_by_itself=ran.over,
        slowed=ran.slowed,
        lost_s=ran.lost_s,
        orphans=list(ran.orphans),
        identity=json_records.RunIdentity(**msgspec.structs.asdict(ran.identity)),
        started=ran.started,
        ended=ran.ended,
        read=ran.read,
        wall_s=round(ran.wall_s, 3),
        exit_code=ran.exit_code,
        exit_signal=ran.exit_signal,
        next_command=ran.next_command,
    )


def _action(action: ActionTaken, lang: Lang) -> json_records.Action:
    return json_records.Action(
        t_s=action.t_s,
        action=action.action,
        state=action.state,
        cause=action.cause,
        text=details(action.said, lang),
        settings=dict(action.settings),
        generation=action.generation,
        source=action.source,
    )


def _notice(notice: Notice, lang: Lang) -> json_records.Notice:
    return json_records.Notice(
        t_s=notice.t_s, what=notice.what, text=phrase(notice.message, lang), pids=list(notice.pids)
    )


def _goodput(account: goodput.Account) -> json_records.Goodput:
    return json_records.Goodput(
        wall_s=round(account.wall_s, 3),
        training_s=round(account.training_s, 3),
        validation_s=round(account.validation_s, 3),
        startup_s=round(account.startup_s, 3),
        checkpoint_s=round(account.checkpoint_s, 3),
        other_s=round(account.other_s, 3),
        lost_s=round(account.lost_s, 3),
        goodput_ratio=_rounded(account.goodput_ratio),
        lost_ratio=_rounded(account.lost_ratio),
        losses=[
            json_records.Loss(kind=loss.kind, cause=loss.cause, seconds=round(loss.seconds, 3), times=loss.times)
            for loss in account.losses
        ],
        repeated_epochs=account.repeated_epochs,
        restarts=account.restarts,
        saved=[
            json_records.Saved(t_s=heal.t_s, action=heal.action, cause=heal.cause, stock=heal.stock)
            for heal in account.saved
        ],
    )


def _recovery(checked: recovery.Recovery) -> json_records.Recovery:
    return json_records.Recovery(
        t_s=checked.t_s,
        action=checked.action,
        verdict=checked.verdict,
        epochs_before=checked.epochs_before,
        epochs_after=checked.epochs_after,
        measures=[
            json_records.Measure(
                name=measure.name,
                expected=round(measure.expected, 4),
                seen=round(measure.seen, 4),
                tolerance=round(measure.tolerance, 4),
                jump=measure.jump,
            )
            for measure in checked.measures
        ],
    )


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)


def _episode(diagnosis: Diagnosis, recording: Recording, lang: Lang, fate: Fate | UnsetType) -> json_records.Episode:
    episode, named = diagnosis.episode, best(diagnosis)
    return json_records.Episode(
        headline=json_records.Headline(
            text=headline(diagnosis, recording, lang), cause=named.cause if named is not None else None
        ),
        kind=episode.kind,
        phase=episode.phase,
        start_s=episode.start_s,
        alarm_s=episode.alarm_s,
        end_s=episode.end_s,
        start_wall=_wall(recording, episode.start_s),
        end_wall=_wall(recording, episode.end_s),
        fate=fate,
        detector=episode.detector,
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
            json_records.NextCheck(
                id=check.id, text=text(f"look.{check.id}", lang), command=check.command, facts=list(check.facts)
            )
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

    return json_records.Verdict(
        cause=verdict.cause,
        verdict=verdict.verdict,
        score=verdict.score,
        supports=listed(verdict.supports),
        against=listed(verdict.against),
        unknown=listed(verdict.unknown),
        remedies=[_remedy(remedy, lang) for remedy in remedies_of(diagnosis, verdict.cause)],
    )


def _remedy(remedy: Remedy, lang: Lang) -> json_records.Remedy:
    return json_records.Remedy(
        id=remedy.id, safety=remedy.safety, text=remedy_text(remedy, lang), command=remedy.command
    )
