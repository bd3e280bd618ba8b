"""One episode, or a group of equal ones, as lines: when, who waits on whom, what was seen, what helps."""

from __future__ import annotations

from collections.abc import Iterator

from holter.history.fates import Fate, last_end
from holter.records import Diagnosis, Environment, Episode, Finding, Link, Message, Verdict
from holter.remedies.next_checks import next_checks
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best, is_weighed
from holter.reports.outcome import sentences as say
from holter.reports.outcome.groups import Group, fate_words, moments, times_of
from holter.reports.outcome.unusual import unusual
from holter.reports.outcome.wall import clocks
from holter.reports.when import TIMELESS, duration, how_long, is_text, wall_of
from holter.reports.wording import finding_text, later_lines, remedies_of, remedy_text
from holter.reports.wrapping import Line
from holter.tape import Recording

# Signs before findings: they mean the same as the colours.
SUPPORTS, AGAINST, UNKNOWN = "✓", "✗", "?"
# More causes than this are only counted: nobody reads such a long list.
MAX_NAMES = 6
# Facts that people look at to find out why a training is slow or stands still.
LOOKED_AT = frozenset(
    (
        "cpu.iowait_ratio", "cpu.run_busy_ratio", "gpu.licence_text", "gpu.licence_stage", "gpu.throttled",
        "gpu.utilization_ratio", "gpu.virtualization", "host.others_cpu_ratio", "memory.used_ratio",
        "swap.in_bytes_per_s", "gpu.memory_ratio", "symptoms", "system.virtual_machine", "epochs.minutes_to_change",
    )
)  # fmt: skip
STYLE_OF_SAFETY = {"SAFE": "green", "CONSENT": "yellow", "ADVICE": "cyan"}


def next_check_lines(diagnosis: Diagnosis, environment: Environment | None, lang: Lang) -> Iterator[Line]:
    """Yield each command with the question that it answers."""
    for number, check in enumerate(next_checks(diagnosis, environment), start=1):
        yield Line(text(f"look.{check.id}", lang), indent=2, sign=f"{number}.", sign_style="cyan")
        yield Line(check.command, indent=7, style="bold", command=True)


def notes(messages: tuple[Message, ...], lang: Lang) -> Iterator[Line]:
    """Yield one line per note."""
    for message in messages:
        yield Line(phrase(message, lang), indent=2, sign="·")


def when(group: Group, recording: Recording, lang: Lang, *, is_run: bool) -> Iterator[Line]:
    """Yield when an episode began, was noticed and ended; for a group of several, their times."""
    if len(moments(group, recording)) > 1:
        yield Line(fate_words(group, recording, lang), style="dim")
        yield Line(phrase(say.TIMES_LINE(times=times_of(group, recording, lang)), lang), style="dim")
        return
    line = _when(group.shown, recording, lang, group.fate if is_run else None)
    if line:
        yield Line(line, style="dim")


def _when(diagnosis: Diagnosis, recording: Recording, lang: Lang, fate: Fate | None) -> str:
    episode = diagnosis.episode
    if is_text(recording) or episode.detector in TIMELESS:
        return wall_of(episode.start_s, recording, lang)
    seen = seen_words(episode, recording, lang)
    return (
        text("list.comma", lang, first=seen, second=over)
        if (over := end_words(diagnosis, recording, lang, fate))
        else seen
    )


def seen_words(episode: Episode, recording: Recording, lang: Lang) -> str:
    """Return when an episode began, and how much later it was noticed."""
    start, delay = clocks(recording.environment, episode.start_s), duration(episode.alarm_s - episode.start_s, lang)
    return text("html.seen-after", lang, start=start, delay=delay)


def end_words(diagnosis: Diagnosis, recording: Recording, lang: Lang, fate: Fate | None) -> str:
    """Return how an episode ended; empty for a death after which nothing more is known."""
    lasted = how_long(diagnosis.episode, recording, lang)
    if fate == "healed":
        return phrase(say.HEALED_AFTER(lasted=lasted), lang)
    if lasted is None:
        return ""
    if diagnosis.episode.end_s is None or (fate == "open" and last_end(recording) is None):
        return phrase(say.UNTIL_THE_END(), lang) if last_end(recording) else text("html.ongoing", lang)
    if fate == "open":
        return phrase(say.UNTIL_IT_DIED(lasted=lasted), lang)
    return text("html.over-after", lang, duration=lasted)


def chain(links: tuple[Link, ...], lang: Lang) -> Iterator[Line]:
    """Yield who waits on whom: each target is indented below its waiter, with the evidence for it."""
    depth = 0
    for number, link in enumerate(links):
        follows = number > 0 and links[number - 1].target == link.waiter
        if not follows:
            depth = 0
            yield Line(phrase(link.waiter, lang), indent=2)
        depth += 1
        yield Line(phrase(link.target, lang), indent=2 * depth, sign="→")
        if link.how:
            yield Line(phrase(link.how, lang), indent=2 * depth + 2, style="dim")


def evidence(diagnosis: Diagnosis, verdict: Verdict | None, lang: Lang) -> Iterator[Line]:
    """Yield what was seen: for and against the named cause, or the most unusual facts if none is named."""
    if verdict is None:
        for sentence in unusual(diagnosis):
            yield Line(phrase(sentence, lang), indent=2, sign="·")
        return
    groups: tuple[tuple[str, str, tuple[Finding, ...]], ...] = (
        (SUPPORTS, "green", verdict.supports),
        (AGAINST, "red", verdict.against),
    )
    for sign, style, findings in groups:
        for finding in findings:
            yield Line(finding_text(finding, diagnosis, lang), indent=2, sign=sign, sign_style=style)


def not_known(diagnosis: Diagnosis, verdict: Verdict | None, lang: Lang) -> Iterator[Line]:
    """Yield the facts that would support or exclude the named cause but could not be read."""
    for finding in () if verdict is None else verdict.unknown:
        yield Line(finding_text(finding, diagnosis, lang), indent=2, sign=UNKNOWN, sign_style="yellow")


def remedies(diagnosis: Diagnosis, verdict: Verdict | None, lang: Lang) -> Iterator[Line]:
    """Yield the remedies of the named cause, with their commands."""
    if verdict is None:
        return
    for number, remedy in enumerate(remedies_of(diagnosis, verdict.cause), start=1):
        safety = text(f"safety.{remedy.safety}", lang)
        style = STYLE_OF_SAFETY[remedy.safety]
        line = f"{remedy_text(remedy, lang)} [{safety}]"
        yield Line(line, indent=2, sign=f"{number}.", sign_style=style)
        if remedy.command:
            yield Line(remedy.command, indent=7, style="bold", command=True)


def runners_up(diagnosis: Diagnosis, named: Verdict | None, lang: Lang) -> Iterator[Line]:
    """Yield the other causes that an observation speaks for or against, and the number of all remaining ones."""
    excluded, open_ones = [], []
    ruled_out = 0
    for verdict in diagnosis.verdicts:
        title = text(f"cause.{verdict.cause}.title", lang)
        if verdict.verdict == "excluded" and ruled_out < MAX_NAMES and _is_ruled_out(diagnosis, verdict):
            ruled_out += 1
            yield Line(_runner_up(diagnosis, verdict, title, lang), indent=2, sign="·")
        elif verdict.verdict == "excluded":
            excluded.append(title)
        elif verdict is not named and not is_weighed(verdict):
            open_ones.append(title)
        elif verdict is not named:
            yield Line(_runner_up(diagnosis, verdict, title, lang), indent=2, sign="·")
    for key, titles in (("heading.could-not-judge", open_ones), ("heading.excluded", excluded)):
        if len(titles) > MAX_NAMES:
            yield Line(text(f"{key}-many", lang, count=len(titles)), indent=2, sign="·", style="dim")
        elif titles:
            names = text("list.join", lang).join(titles)
            yield Line(text(key, lang, causes=names), indent=2, sign="·", style="dim")


# What the person's own words exclude looked alike to this person.
def _is_ruled_out(diagnosis: Diagnosis, verdict: Verdict) -> bool:
    if diagnosis.episode.detector not in TIMELESS:
        return False
    quoted = {fact.name for fact in diagnosis.facts if fact.name in LOOKED_AT and isinstance(fact.detail, str)}
    return bool(verdict.against) and verdict.against[0].fact in quoted


def _runner_up(diagnosis: Diagnosis, verdict: Verdict, title: str, lang: Lang) -> str:
    line = text("runner-up", lang, cause=title, verdict=text(f"verdict.{verdict.verdict}", lang))
    for sign, findings in ((AGAINST, verdict.against), (UNKNOWN, verdict.unknown)):
        if findings:
            return f"{line} {sign} {finding_text(findings[0], diagnosis, lang)}"
    return line


def sections(group: Group, recording: Recording, lang: Lang, *, is_run: bool) -> Iterator[tuple[str, Iterator[Line]]]:
    """Yield headings with their lines, in the order of reading."""
    diagnosis = group.shown
    verdict = best(diagnosis)
    is_past = is_run and group.fate != "open"
    yield text("heading.chain", lang), chain(diagnosis.wait_chain, lang)
    yield text("heading.evidence", lang), evidence(diagnosis, verdict, lang)
    yield phrase(say.NOT_KNOWN(), lang), not_known(diagnosis, verdict, lang)
    helps = phrase(say.IF_AGAIN(), lang) if is_past else text("heading.remedies", lang)
    yield helps, remedies(diagnosis, verdict, lang)
    yield text("heading.later", lang), (Line(line, indent=2, sign="·") for line in later_lines(diagnosis, lang))
    yield text("heading.runners-up", lang), runners_up(diagnosis, verdict, lang)
    yield text("heading.looks", lang), next_check_lines(diagnosis, recording.environment, lang)
