"""Print each incident once: if a dozen workers stop together, there are a dozen episodes but one alarm line.

Of a cause that comes back, only the first time within half an hour is reported with reasons and advice.
"""

from __future__ import annotations

import dataclasses

import msgspec

from holter.records import Diagnosis, Episode, Message, Text
from holter.reports.catalogue import Lang, phrase
from holter.reports.cause_words import best
from holter.reports.live import lines as live
from holter.sentences import define

# Between the first and the last of several processes that are found by the same detector: a few of its ticks.
TOGETHER_S = 3.0
# As long as for equal notifications: who looks later finds the whole again.
WHOLE_EVERY_S = 1800.0
AS_BEFORE = define("live.as-before", "{named}; reasons and advice as before")


@dataclasses.dataclass(slots=True)
class _Kind:
    # The incident of one kind: episodes that overlap.
    running: dict[tuple[str, str, float], Episode] = dataclasses.field(default_factory=dict)
    start_s: float = float("inf")
    causes: set[str] = dataclasses.field(default_factory=set)  # what was printed


class Incidents:
    """Decides which lines about alarms, causes and ends are new."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    @property
    def newest(self) -> Episode | None:
        """The open episode with the latest alarm; None if all are over."""
        running = [episode for kind in self._kinds.values() for episode in kind.running.values()]
        return max(running, key=lambda episode: episode.alarm_s, default=None)

    def is_new_alarm(self, episode: Episode) -> bool:
        """Record an alarm; return False if the same alarm was printed for another process just before."""
        kind = self._kinds.setdefault(episode.kind, _Kind())
        is_repeated = any(
            (other.detector, _key(other.reason)) == (episode.detector, _key(episode.reason))
            and abs(other.alarm_s - episode.alarm_s) <= TOGETHER_S
            for other in kind.running.values()
        )
        kind.running[episode.identity] = episode
        kind.start_s = min(kind.start_s, episode.start_s)
        return not is_repeated

    def is_new_cause(self, diagnosis: Diagnosis, words: str) -> bool:
        """Record the words about a cause; return False if they were printed already for the same incident."""
        kind = self._kinds.get(diagnosis.episode.kind)
        if kind is None or not kind.running:
            return True
        is_new = words not in kind.causes
        kind.causes.add(words)
        return is_new

    def ended(self, episode: Episode) -> Episode | None:
        """Record the end of an episode; if its whole incident is over now, return it as one episode, else None."""
        kind = self._kinds.get(episode.kind, _Kind())
        kind.running.pop(episode.identity, None)
        if kind.running:
            return None
        self._kinds.pop(episode.kind, None)
        return msgspec.structs.replace(episode, start_s=min(kind.start_s, episode.start_s))


def _key(reason: Text) -> str:
    return reason.key if isinstance(reason, Message) else reason


class KnownCauses:
    """Remembers with which advice a cause was reported; its lines have PIDs, so other advice is new."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], float] = {}

    def words(self, diagnosis: Diagnosis, lang: Lang) -> str:
        """Return the lines that name the cause: all of them, or one if the others were printed a short time ago."""
        verdict = best(diagnosis)
        whole = live.cause(diagnosis, lang)
        if verdict is None:
            return whole
        advice = (verdict.cause, "\n".join(live.advice(diagnosis, verdict, lang)))
        now_s = diagnosis.episode.alarm_s
        reported_s = self._reported.get(advice)
        if reported_s is not None and diagnosis.episode.start_s > reported_s and now_s - reported_s < WHOLE_EVERY_S:
            return phrase(AS_BEFORE(named=live.named_cause(diagnosis, verdict, lang)), lang)
        self._reported[advice] = now_s
        return whole
