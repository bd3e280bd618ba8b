"""Judge the episodes of a run, again when more is known, and report each verdict that is new."""

from __future__ import annotations

from typing import Literal

import msgspec

from holter.records import ContractSettled, Diagnosis, Episode, Event, Judged, Message, Noted
from holter.remedies.diagnose import diagnose_recording
from holter.sentences import define
from holter.tape import Recording

CAUSE_NAMED = define("note.cause-named", "{cause}, {verdict} ({kind}, {subject})")

Key = tuple[str, str, float]


class Judgement:
    """Keeps the latest diagnosis of each episode."""

    def __init__(self) -> None:
        self.diagnoses: dict[Key, Diagnosis] = {}
        self._unsaid: set[Key] = set()  # deaths without a cause so far

    def is_open(self, episode: Episode) -> bool:
        """Return whether no verdict on the episode was reported yet."""
        return episode.identity not in self.diagnoses or self.is_unsaid(episode)

    def is_unsaid(self, episode: Episode) -> bool:
        """Return whether the episode is a death whose report waits until its cause is known."""
        return episode.identity in self._unsaid

    def learn(self, episode: Episode) -> None:
        """Keep the newest state of an episode in its diagnosis: one that is over must not count as open."""
        diagnosis = self.diagnoses.get(episode.identity)
        if diagnosis is not None:
            self.diagnoses[episode.identity] = msgspec.structs.replace(diagnosis, episode=episode)

    def judge(
        self, recording: Recording, episode: Episode, contract: ContractSettled | None, t_s: float, *, is_last: bool
    ) -> tuple[list[Event], Diagnosis | None]:
        """Search the cause of an episode; return the events for the tape, and the diagnosis if it should be reported.

        The diagnosis is None if it names the same cause as the last one. It is also None for a death without a known
        cause, because the last lines of a console arrive after the process has ended: it is reported when a later call
        finds a cause, or with ``is_last``. ``contract``: what can be observed and done; None: not settled yet.
        """
        key = episode.identity
        (diagnosis,) = diagnose_recording(recording, (episode,), is_over=False, is_live=True, contract=contract)
        before = self.diagnoses.get(key)
        self.diagnoses[key] = diagnosis
        cause, verdict = _headline(diagnosis)
        judged = Judged(
            t_s=t_s,
            detector=episode.detector,
            subject=episode.subject_name,
            start_s=episode.start_s,
            cause=cause,
            verdict=verdict,
        )
        if before is None and cause is None and episode.kind == "death" and not is_last:
            self._unsaid.add(key)
            return [judged], None
        if before is not None and _headline(before) == (cause, verdict) and key not in self._unsaid:
            return [judged], None
        self._unsaid.discard(key)
        if cause is None or verdict is None:
            return [judged], diagnosis
        return [judged, Noted(t_s=t_s, what="cause-named", message=_named(cause, verdict, episode))], diagnosis


def _named(cause: str, verdict: str, episode: Episode) -> Message:
    return CAUSE_NAMED(
        cause=Message(key=f"cause.{cause}.title"),
        verdict=Message(key=f"verdict.{verdict}"),
        kind=Message(key=f"kind.{episode.kind}"),
        subject=episode.subject,
    )


def _headline(diagnosis: Diagnosis) -> tuple[str | None, Literal["confirmed", "likely"] | None]:
    # Possible causes are not reported.
    best = diagnosis.verdicts[0]
    return (best.cause, best.verdict) if best.verdict in ("confirmed", "likely") else (None, None)
