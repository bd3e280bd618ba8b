"""Of a cause that comes back, only the first time within half an hour is reported with reasons and advice."""

from __future__ import annotations

from holter.records import Diagnosis
from holter.reports.catalogue import Lang, phrase
from holter.reports.cause_words import best
from holter.reports.live import lines as live
from holter.sentences import define

# As long as for equal notifications: who looks later finds the whole again.
WHOLE_EVERY_S = 1800.0
AS_BEFORE = define("live.as-before", "{named}; reasons and advice as before")


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
