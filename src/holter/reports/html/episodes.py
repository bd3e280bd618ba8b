"""Prepare groups of equal episodes for the page: headline, times, chain, evidence, remedies, unknown facts."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len

from holter.records import Actor, Diagnosis, Episode, Fact, Text, Verdict
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best, cause_sentence, is_weighed
from holter.reports.explain import about, address
from holter.reports.headline import could_be
from holter.reports.outcome import sentences as say
from holter.reports.outcome.groups import Group, fate_words, group_headline, spent
from holter.reports.outcome.unusual import unusual
from holter.reports.outcome.wall import clocks
from holter.reports.terminal.episode import end_words, seen_words
from holter.reports.when import duration, end_of
from holter.reports.wording import fact_name, finding_text, later_lines, remedies_of, remedy_text
from holter.sentences import define
from holter.tape import Recording

# A chain is horizontal up to this many boxes, columns in all boxes, and columns at an arrow; otherwise vertical.
BOXES_ACROSS = 5
COLUMNS_ACROSS = 82
COLUMNS_AT_ARROW = 44
# Unknown facts with one reason are one line; of these lines at most so many, and so many names in each.
MOST_UNKNOWN = 6
MOST_NAMES = 4

AT_ALARM = define("episode.at-alarm", "At the alarm: {reason:clause}.")
UNKNOWN_LINE = define("unseen.grouped", "{reason}: {facts}[[ and {more} more]]")
UNKNOWN_REST = define("unseen.rest", "and {count} more facts, each for another reason", one="and one more fact")
NOT_JUDGED = define(
    "html.not-judged",
    "{count} causes could not be judged: too little is known.",
    one="One cause could not be judged: too little is known.",
)
EXCLUDED = define("html.excluded", "{count} causes are excluded.", one="One cause is excluded.")


def group_model(recording: Recording, group: Group, lang: Lang, docs: str) -> dict[str, Any]:
    """Return the values that the template shows about one group of equal episodes.

    ``docs``: the address of the documentation; empty: link nothing.
    """
    diagnosis, verdict = group.shown, best(group.shown)
    episode = diagnosis.episode
    other = [weighed for weighed in diagnosis.verdicts if weighed is not verdict and weighed.verdict != "excluded"]
    judged = [weighed for weighed in other if is_weighed(weighed)]
    excluded = sum(weighed.verdict == "excluded" for weighed in diagnosis.verdicts)
    is_alone = len(group.members) == 1
    shown = say.SHOWN_OPEN if group.fate == "open" else say.SHOWN
    return {
        "kind": episode.kind,
        "numbers": ranges(group.numbers),
        "fate": group.fate,
        "fate_words": fate_words(group, recording, lang),
        "headline": group_headline(group, recording, lang),
        "members": [] if is_alone else [_member(recording, group, index, lang) for index in range(len(group.members))],
        "shown": "" if is_alone else phrase(shown(), lang),
        "could_be": could_be(diagnosis, recording, lang),
        "when": seen_words(episode, recording, lang),
        "over": end_words(diagnosis, recording, lang, group.fate),
        "reason": phrase(AT_ALARM(reason=episode.reason), lang) if episode.reason else "",
        "window": closer(recording, episode),
        "chains": [_chain(links, lang) for links in _paths(diagnosis)],
        "verdict": _verdict(diagnosis, verdict, lang) if verdict else None,
        "about": about(verdict.cause, lang, docs) if verdict else "",
        "about_link": address(verdict.cause, lang, docs) if verdict and docs else "",
        "remedies_heading": phrase(say.IF_AGAIN(), lang) if group.fate != "open" else text("heading.remedies", lang),
        "runners_up": [_verdict(diagnosis, weighed, lang) for weighed in judged],
        "not_judged": _counted(NOT_JUDGED, len(other) - len(judged), lang),
        "excluded": _counted(EXCLUDED, excluded, lang),
        "later": later_lines(diagnosis, lang),
        "facts": [] if verdict else [phrase(sentence, lang) for sentence in unusual(diagnosis)],
        "unknown": unknown_lines(diagnosis, lang),
    }


def ranges(numbers: tuple[int, ...]) -> str:
    """Return numbers as a short list: ``1-3, 5``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def closer(recording: Recording, episode: Episode) -> tuple[float, float]:
    """Return the part of the time axis that shows an episode, with half its length (at least 20 s) on both sides."""
    end_s = end_of(episode, recording)
    margin_s = max(20.0, 0.5 * (end_s - episode.start_s))
    return max(0.0, episode.start_s - margin_s), min(max(recording.duration_s, 1.0), end_s + margin_s)


def unknown_lines(diagnosis: Diagnosis, lang: Lang) -> list[str]:
    """Return the facts that are not known, grouped by their reason; facts that became known later are left out."""
    verdict = best(diagnosis)
    known = {fact.name for fact in (*diagnosis.facts, *diagnosis.later) if fact.status == "known"}
    unknown = [fact for fact in diagnosis.facts if fact.status == "unknown" and fact.name not in known]
    wanted = {finding.fact for finding in verdict.unknown} if verdict is not None else set()
    by_reason: dict[str, list[Fact]] = {}
    for fact in sorted(unknown, key=lambda fact: fact.name not in wanted):
        by_reason.setdefault(phrase(fact.reason or "", lang), []).append(fact)
    groups = sorted(
        by_reason.items(), key=lambda item: (wanted.isdisjoint(fact.name for fact in item[1]), -len(item[1]))
    )
    lines = [_unknown_line(reason, facts, lang) for reason, facts in groups[:MOST_UNKNOWN]]
    rest = sum(len(facts) for _, facts in groups[MOST_UNKNOWN - 1 :])
    if len(groups) > MOST_UNKNOWN:
        lines = [*lines[: MOST_UNKNOWN - 1], phrase(UNKNOWN_REST(count=rest), lang)]
    return lines


def _unknown_line(reason: str, facts: list[Fact], lang: Lang) -> str:
    names = list(dict.fromkeys(fact_name(fact.name, lang) for fact in facts))
    more = len(names) - MOST_NAMES
    shown = text("list.join", lang).join(names[:MOST_NAMES])
    return phrase(UNKNOWN_LINE(reason=reason, facts=shown, more=more if more > 0 else None), lang)


def _counted(sentence: Any, count: int, lang: Lang) -> str:
    return phrase(sentence(count=count), lang) if count else ""


def _member(recording: Recording, group: Group, index: int, lang: Lang) -> dict[str, Any]:
    episode = group.members[index].episode
    return {
        "number": group.numbers[index],
        "when": clocks(recording.environment, episode.start_s),
        "lasted": duration(spent(recording, episode), lang),
        "subject": phrase(episode.subject, lang),
        "fate": group.fates[index],
        "fate_words": phrase(say.FATE_ALONE[group.fates[index]](), lang),
        "window": closer(recording, episode),
    }


def _verdict(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> dict[str, Any]:
    groups = (("supports", verdict.supports), ("against", verdict.against))
    return {
        "cause": verdict.cause,
        "title": text(f"cause.{verdict.cause}.title", lang),
        "sentence": cause_sentence(diagnosis, verdict, lang),
        "meaning": text(f"cause.{verdict.cause}.meaning", lang),
        "verdict": verdict.verdict,
        "score": f"{verdict.score:.2f}",
        "groups": [
            (name, [finding_text(finding, diagnosis, lang) for finding in findings])
            for name, findings in groups
            if findings
        ],
        "remedies": [
            {"text": remedy_text(remedy, lang), "safety": remedy.safety, "command": remedy.command}
            for remedy in remedies_of(diagnosis, verdict.cause)
        ],
    }


def _paths(diagnosis: Diagnosis) -> list[list[tuple[Actor, Text]]]:
    # Runs of links in which each process waits for the next: (node, evidence), the first waiter included.
    runs: list[list[tuple[Actor, Text]]] = []
    for link in diagnosis.wait_chain:
        if not runs or runs[-1][-1][0] != link.waiter:
            runs.append([(link.waiter, "")])
        runs[-1].append((link.target, link.how))
    return runs


def _chain(run: list[tuple[Actor, Text]], lang: Lang) -> dict[str, Any]:
    boxes = [{"name": phrase(name, lang), "how": phrase(how, lang)} for name, how in run]
    text_columns = sum(cell_len(box["name"]) for box in boxes)
    arrow_columns = max(cell_len(box["how"]) for box in boxes)
    across = len(boxes) <= BOXES_ACROSS and text_columns <= COLUMNS_ACROSS and arrow_columns <= COLUMNS_AT_ARROW
    return {"boxes": boxes, "down": not across}
