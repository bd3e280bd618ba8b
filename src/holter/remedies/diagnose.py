"""Recording -> diagnoses with remedies: the same answer live, from a tape, from a log and in a report. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from holter.causes import diagnose_all, judged
from holter.evidence.fact_book import Evidence
from holter.records import ContractSettled, Diagnosis, Environment, Episode
from holter.remedies import propose
from holter.tape import Recording


def diagnose_recording(
    recording: Recording,
    episodes: Sequence[Episode] | None = None,
    *,
    is_over: bool,
    is_live: bool = False,
    contract: ContractSettled | None = None,
) -> tuple[Diagnosis, ...]:
    """Return a diagnosis with verdicts and remedies for each episode.

    ``episodes``: None: the recorded ones, or those detected in the ticks.
    ``is_over``: as in ``propose``.
    ``is_live``: judge by everything that is recorded; otherwise by what was known at the verdict.
    ``contract``: None: the last one of the recording. A recorder may know a newer one.
    """
    terms = recording.contract() if contract is None else contract
    return tuple(
        propose(diagnosis, recording.environment, terms, is_over=is_over)
        for diagnosis in diagnose_all(recording, episodes, is_live=is_live)
    )


def diagnose_evidence(
    evidence: Evidence, episode: Episode, environment: Environment, *, is_over: bool = False
) -> Diagnosis:
    """Return a diagnosis with verdicts and remedies of facts without a recording; the run may still be alive."""
    return propose(judged(evidence, episode), environment, is_over=is_over)
