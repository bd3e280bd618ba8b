"""Equal episodes as one group: 18 equal stalls are shown once, with their times."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from holter.history.fates import SAME_STOP_S, Fate
from holter.history.phases import restarts
from holter.patterns import later
from holter.records import Diagnosis, Episode, Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best, cause_message, meaning_of
from holter.reports.headline import fact_of, headline
from holter.reports.outcome import sentences as say
from holter.reports.outcome.wall import clocks
from holter.reports.when import duration, end_of
from holter.sentences import gist
from holter.tape import Recording

# Times of a group that are listed; later ones are counted.
MOST_TIMES = 6
NUMBERS = later(r"\d+")
WORST_FIRST: tuple[Fate, ...] = ("open", "healed", "over")


class Group(NamedTuple):
    """Episodes of one kind, cause and kind of process, oldest first."""

    members: tuple[Diagnosis, ...]
    fates: tuple[Fate, ...]
    numbers: tuple[int, ...]  # of the episodes in the recording, from 1
    shown: Diagnosis  # the one to tell in full: an open one, else the longest

    @property
    def fate(self) -> Fate:
        """Return how the group ended: open if one episode is open, else healed if one was healed."""
        return next((fate for fate in ("open", "healed") if fate in self.fates), "over")


class Moment(NamedTuple):
    """One time that the training stood or was slow; episodes that overlap are one, as two workers that are stopped."""

    start_s: float
    spent_s: float
    fate: Fate


def moments(group: Group, recording: Recording) -> tuple[Moment, ...]:
    """Return the times of a group, oldest first. Each death is one of its own."""
    found: list[Moment] = []
    both = zip(group.members, group.fates, strict=True)
    for diagnosis, fate in sorted(both, key=lambda pair: pair[0].episode.start_s):
        episode = diagnosis.episode
        start_s, end_s = episode.start_s, episode.start_s + spent(recording, episode)
        last = found[-1] if found else None
        if last is None or episode.kind == "death" or start_s > last.start_s + last.spent_s + SAME_STOP_S:
            found.append(Moment(start_s, end_s - start_s, fate))
            continue
        worse = min(last.fate, fate, key=WORST_FIRST.index)
        found[-1] = Moment(last.start_s, max(last.start_s + last.spent_s, end_s) - last.start_s, worse)
    return tuple(found)


def grouped(recording: Recording, diagnoses: Sequence[Diagnosis], fates: Sequence[Fate]) -> tuple[Group, ...]:
    """Return the diagnoses in groups of equal episodes: those with an open episode first, else by time.

    ``fates``: how each episode ended, in the order of ``diagnoses``.
    """
    by_key: dict[Hashable, list[int]] = {}
    for index, diagnosis in enumerate(diagnoses):
        by_key.setdefault(_key(diagnosis), []).append(index)
    groups = []
    for indexes in by_key.values():
        longest = max(indexes, key=lambda index: (fates[index] == "open", _length(recording, diagnoses[index].episode)))
        groups.append(
            Group(
                tuple(diagnoses[index] for index in indexes),
                tuple(fates[index] for index in indexes),
                tuple(index + 1 for index in indexes),
                diagnoses[longest],
            )
        )
    return tuple(sorted(groups, key=lambda group: group.fate != "open"))


def group_headline(group: Group, recording: Recording, lang: Lang) -> str:
    """Return the headline of a group; what happened once has the headline of its episode."""
    times = moments(group, recording)
    if len(times) == 1:
        return headline(group.shown, recording, lang)
    episode, verdict = group.shown.episode, best(group.shown)
    what = fact_of(group.shown) if verdict is None else meaning_of(verdict.cause)
    if verdict is not None and len({diagnosis.episode.subject_name for diagnosis in group.members}) == 1:
        what = cause_message(group.shown, verdict)
    own = f"kind.{episode.kind}.headline"
    named = say.GROUP if verdict is not None else say.GROUP_OPEN
    spent_s = sum(moment.spent_s for moment in times)
    return phrase(
        named(
            kind=Message(key=own),
            times=len(times),
            span=spent_s or None,
            what=what,
            sure=Message(key=f"verdict.{verdict.verdict}.sentence") if verdict is not None else None,
        ),
        lang,
    )


def fate_words(group: Group, recording: Recording, lang: Lang) -> str:
    """Return how the episodes ended: "healed 15 times, went on by itself 3 times"."""
    ended = [moment.fate for moment in moments(group, recording)]
    if len(ended) == 1:
        return phrase(say.FATE_ALONE[group.fate](), lang)
    counts = [(fate, ended.count(fate)) for fate in WORST_FIRST]
    parts = [phrase(say.FATE[fate](count=count), lang) for fate, count in counts if count]
    return text("list.join", lang).join(parts)


def times_of(group: Group, recording: Recording, lang: Lang) -> str:
    """Return when each episode began and how long it lasted; of many, only the first ones and the number of others."""
    listed = []
    every = moments(group, recording)
    for moment in every[:MOST_TIMES]:
        lasted = duration(moment.spent_s, lang)
        listed.append(phrase(say.AT_FOR(at=clocks(recording.environment, moment.start_s), lasted=lasted), lang))
    more = len(every) - len(listed)
    if more:
        listed.append(text("heal.more", lang, count=more))
    return text("list.join", lang).join(listed)


def spent(recording: Recording, episode: Episode) -> float:
    """Return how many seconds an episode cost. For a death this is the time until the next process trained, else 0."""
    if episode.kind == "death" and episode.is_about_main:
        back = [
            restart.back_s
            for restart in restarts(recording)
            if restart.back_s is not None and restart.back_s > episode.start_s
        ]
        return back[0] - episode.start_s if back else 0.0
    return _length(recording, episode)


def _length(recording: Recording, episode: Episode) -> float:
    return end_of(episode, recording) - episode.start_s


def _key(diagnosis: Diagnosis) -> Hashable:
    episode, verdict = diagnosis.episode, best(diagnosis)
    subject = episode.subject if isinstance(episode.subject, str) else episode.subject.role
    if verdict is not None:
        return episode.kind, verdict.cause, subject
    return episode.kind, gist(fact_of(diagnosis), NUMBERS), subject
