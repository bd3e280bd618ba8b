"""Diagnoses as JSON: the document that ``--json`` prints; docs/diagnosis.schema.json describes it."""

from __future__ import annotations

from typing import Any

from holter import __version__
from holter.history.goodput import Account, account
from holter.history.recovery import Recovery, check
from holter.records import ActionTaken, Diagnosis, Finding, Link, Message, Notice, Remedy, Verdict
from holter.reports.catalogue import Lang, phrase
from holter.reports.headline import headline
from holter.reports.healing import details
from holter.reports.next_checks import looks_as_json
from holter.reports.wording import best, finding_text, later_lines, remedies_of, remedy_text
from holter.tape import Recording

# Increased when a reader of the old document would misread the new one; new keys alone do not count.
SCHEMA = 1


def to_json(
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang = "en",
    tape: str | None = None,
    recording: Recording | None = None,
    target: tuple[str, str, tuple[Message, ...]] | None = None,
) -> dict[str, Any]:
    """Return the document; only ``text``, ``how`` and names depend on the language.

    With the recording it also has the actions taken, the time account, and the recovery after heals.
    ``target``: its kind, its name, and notes on what was read.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "holter": __version__}
    if tape is not None:
        document["tape"] = tape
    if target is not None:
        kind, name, notes = target
        document["target"] = {"kind": kind, "name": name, "notes": [phrase(note, lang) for note in notes]}
    environment = recording.environment if recording is not None else None
    recorded = recording or Recording(environment=environment)
    document["episodes"] = [_episode(diagnosis, recorded, lang) for diagnosis in diagnoses]
    if recording is not None and (target is None or target[0] == "tape"):
        document["notices"] = [_notice(notice, lang) for notice in recording.events(Notice)]
        document["actions"] = [_action(action, lang) for action in recording.events(ActionTaken)]
        document["goodput"] = _goodput(account(recording, diagnoses))
        document["recovery"] = [_recovery(recovery) for recovery in check(recording)]
    return document


def _action(action: ActionTaken, lang: Lang) -> dict[str, Any]:
    return {
        "t_s": action.t_s,
        "action": action.action,
        "state": action.state,
        "cause": action.cause,
        "text": details(action.said, lang),
        "settings": dict(action.settings),
        "generation": action.generation,
        "source": action.source,
    }


def _notice(notice: Notice, lang: Lang) -> dict[str, Any]:
    return {"t_s": notice.t_s, "what": notice.what, "text": phrase(notice.message, lang), "pids": list(notice.pids)}


def _goodput(time_account: Account) -> dict[str, Any]:
    parts = ("wall_s", "training_s", "validation_s", "startup_s", "checkpoint_s", "other_s", "lost_s")
    return {
        **{name: round(getattr(time_account, name), 3) for name in parts},
        "goodput_ratio": _rounded(time_account.goodput_ratio),
        "lost_ratio": _rounded(time_account.lost_ratio),
        "losses": [
            {"kind": loss.kind, "cause": loss.cause, "seconds": round(loss.seconds, 3), "times": loss.times}
            for loss in time_account.losses
        ],
        "repeated_epochs": time_account.repeated_epochs,
        "restarts": time_account.restarts,
        "saved": [
            {"t_s": heal.t_s, "action": heal.action, "cause": heal.cause, "stock": heal.stock}
            for heal in time_account.saved
        ],
    }


def _recovery(recovery: Recovery) -> dict[str, Any]:
    return {
        "t_s": recovery.t_s,
        "action": recovery.action,
        "verdict": recovery.verdict,
        "epochs_before": recovery.epochs_before,
        "epochs_after": recovery.epochs_after,
        "measures": [
            {
                "name": measure.name,
                "expected": round(measure.expected, 4),
                "seen": round(measure.seen, 4),
                "tolerance": round(measure.tolerance, 4),
                "jump": measure.jump,
            }
            for measure in recovery.measures
        ],
    }


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)


def _episode(diagnosis: Diagnosis, recording: Recording, lang: Lang) -> dict[str, Any]:
    episode, named = diagnosis.episode, best(diagnosis)
    return {
        "headline": {
            "text": headline(diagnosis, recording, lang),
            "cause": named.cause if named is not None else None,
        },
        "kind": episode.kind,
        "phase": episode.phase,
        "start_s": episode.start_s,
        "alarm_s": episode.alarm_s,
        "end_s": episode.end_s,
        "detector": episode.detector,
        "subject": episode.subject_name,
        "reason": episode.reason if isinstance(episode.reason, str) else phrase(episode.reason, lang),
        "wait_chain": [_link(link, lang) for link in diagnosis.wait_chain],
        "diagnosis": [_verdict(diagnosis, verdict, lang) for verdict in diagnosis.verdicts],
        "later": later_lines(diagnosis, lang),
        "next_looks": looks_as_json(diagnosis, recording.environment, lang),
    }


def _link(link: Link, lang: Lang) -> dict[str, str]:
    return {
        "waiter": phrase(link.waiter, lang),
        "target": phrase(link.target, lang),
        "how": phrase(link.how, lang),
    }


def _verdict(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> dict[str, Any]:
    def listed(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
        return [{"fact": finding.fact, "text": finding_text(finding, diagnosis, lang)} for finding in findings]

    return {
        "cause": verdict.cause,
        "verdict": verdict.verdict,
        "score": verdict.score,
        "supports": listed(verdict.supports),
        "against": listed(verdict.against),
        "unknown": listed(verdict.unknown),
        "remedies": [_remedy(remedy, lang) for remedy in remedies_of(diagnosis, verdict.cause)],
    }


def _remedy(remedy: Remedy, lang: Lang) -> dict[str, str | None]:
    return {
        "id": remedy.id,
        "safety": remedy.safety,
        "text": remedy_text(remedy, lang),
        "command": remedy.command,
    }
