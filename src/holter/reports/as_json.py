"""Diagnoses for machines: the document that ``--json`` prints; docs/diagnosis.schema.json describes it."""

from __future__ import annotations

from typing import Any

from holter import __version__
from holter.records import Diagnosis, Finding, Link, Remedy, Verdict
from holter.reports.catalogue import Lang, phrase
from holter.reports.wording import finding_text, remedies_of, remedy_text

# Grows when a reader of the old document would misread the new one; new keys alone do not count.
SCHEMA = 1


def to_json(diagnoses: tuple[Diagnosis, ...], lang: Lang = "en", tape: str | None = None) -> dict[str, Any]:
    """Return the document; only ``text``, ``how`` and names depend on the language."""
    document: dict[str, Any] = {"schema": SCHEMA, "holter": __version__}
    if tape is not None:
        document["tape"] = tape
    document["episodes"] = [_episode(diagnosis, lang) for diagnosis in diagnoses]
    return document


def _episode(diagnosis: Diagnosis, lang: Lang) -> dict[str, Any]:
    episode = diagnosis.episode
    return {
        "kind": episode.kind,
        "phase": episode.phase,
        "start_s": episode.start_s,
        "alarm_s": episode.alarm_s,
        "end_s": episode.end_s,
        "detector": episode.detector,
        "subject": episode.subject,
        "reason": episode.reason,
        "wait_chain": [_link(link, lang) for link in diagnosis.wait_chain],
        "diagnosis": [_verdict(diagnosis, verdict, lang) for verdict in diagnosis.verdicts],
    }


def _link(link: Link, lang: Lang) -> dict[str, str]:
    return {
        "waiter": phrase(link.waiter, lang),
        "target": phrase(link.target, lang),
        "how": phrase(link.how, lang),
    }


def _verdict(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> dict[str, Any]:
    def told(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
        return [{"fact": finding.fact, "text": finding_text(finding, diagnosis, lang)} for finding in findings]

    return {
        "cause": verdict.cause,
        "verdict": verdict.verdict,
        "score": verdict.score,
        "supports": told(verdict.supports),
        "against": told(verdict.against),
        "unknown": told(verdict.unknown),
        "remedies": [_remedy(remedy, lang) for remedy in remedies_of(diagnosis, verdict.cause)],
    }


def _remedy(remedy: Remedy, lang: Lang) -> dict[str, str | None]:
    return {
        "id": remedy.id,
        "safety": remedy.safety,
        "text": remedy_text(remedy, lang),
        "command": remedy.command,
    }
