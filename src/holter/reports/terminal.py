"""The diagnosis on a terminal: a plain sentence first, then the chain, the evidence and the remedies.

Nothing depends on colour, and everything fits 80 columns, so a log file shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from holter.history.actions import merge_events
from holter.history.goodput import account
from holter.history.recovery import check
from holter.records import Diagnosis, Finding, Link, Message, Notice, Verdict
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.headline import could_be, headline, key_facts
from holter.reports.healing import (
    action_cause,
    action_details,
    action_name,
    goodput_lines,
    listed_actions,
    outcome,
    recovery_text,
    saved_checkpoints,
    stock,
)
from holter.reports.next_checks import looks, notes
from holter.reports.quiet import quiet
from holter.reports.wording import (
    TIMELESS,
    best,
    clock,
    duration,
    fact_line,
    finding_text,
    how_long,
    is_text,
    later_lines,
    remedies_of,
    remedy_text,
    wall_of,
)
from holter.reports.wrapping import Line, wrap
from holter.tape import Recording

# Signs before findings: they mean the same as the colours.
SUPPORTS, AGAINST, UNKNOWN = "✓", "✗", "?"
# Replacements if the output's encoding lacks these characters (a log in Latin-1).
PLAIN = str.maketrans({"✓": "+", "✗": "x", "→": ">", "·": "-"})
STYLE_OF_VERDICT = {"confirmed": "bold red", "likely": "bold yellow", "possible": "yellow", "excluded": "dim"}
STYLE_OF_STATE = {"proposed": "cyan", "begun": "yellow", "done": "green", "failed": "red"}
SIGN_OF_RECOVERY = {"on-trend": (SUPPORTS, "green"), "jump": (AGAINST, "red"), "too-early": (UNKNOWN, "yellow")}
# A run that was healed more often has the same problem many times; JSON and HTML list them all.
MAX_ACTIONS = 12
# More causes than this are only counted: nobody reads such a long list.
MAX_NAMES = 6
STYLE_OF_SAFETY = {"SAFE": "green", "CONSENT": "yellow", "ADVICE": "cyan"}


def print_diagnosis(
    console: Console,
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang = "en",
    *,
    is_run: bool = True,
) -> None:
    """Print every episode with its cause, or that nothing was wrong.

    ``is_run``: False for a short observation or a log, which cannot show where a run's time went.
    """
    if not diagnoses:
        _print(console, Line(quiet(recording, lang)))
    for number, diagnosis in enumerate(diagnoses, start=1):
        if number > 1:
            console.print()
        _print_episode(console, recording, diagnosis, lang)
    if not is_run:
        return
    for heading, section in (
        ("heading.notices", _notices(recording, lang)),
        ("heading.actions", _actions(recording, diagnoses, lang)),
        ("heading.goodput", _goodput(recording, diagnoses, lang)),
        ("heading.recovery", _recovery(recording, lang)),
    ):
        _print_section(console, text(heading, lang), section)
    if recording.damage:
        console.print()
        _print(console, Line(text("html.damage", lang, damage=phrase(recording.damage, lang)), style="yellow"))


def print_notes(console: Console, messages: tuple[Message, ...], lang: Lang = "en") -> None:
    """Print what was read of a target, above its diagnosis; nothing if there are no notes."""
    section = tuple(notes(messages, lang))
    if section:
        _print(console, Line(text("heading.read", lang), style="bold"))
        for line in section:
            _print(console, line)
        console.print()


def _print_episode(console: Console, recording: Recording, diagnosis: Diagnosis, lang: Lang) -> None:
    verdict = best(diagnosis)
    style = STYLE_OF_VERDICT[verdict.verdict] if verdict else "bold"
    first_line = Line(headline(diagnosis, recording, lang), style=style)
    _print(console, first_line)
    guess = could_be(diagnosis, recording, lang)
    if guess is not None:
        _print(console, Line(guess))
    when = _when(diagnosis, recording, lang)
    if when:
        _print(console, Line(when, style="dim"))
    sections: tuple[tuple[str, Iterator[Line]], ...] = (
        ("heading.chain", _chain(diagnosis.wait_chain, lang)),
        ("heading.evidence", _evidence(diagnosis, verdict, lang)),
        ("heading.remedies", _remedies(diagnosis, verdict, lang)),
        ("heading.later", _later(diagnosis, lang)),
        ("heading.runners-up", _runners_up(diagnosis, verdict, lang)),
        ("heading.looks", looks(diagnosis, recording.environment, lang)),
    )
    for heading, section in sections:
        _print_section(console, text(heading, lang), section)


def _print_section(console: Console, heading: str, section: Iterator[Line]) -> None:
    # An empty section has no heading.
    lines = tuple(section)
    if lines:
        console.print()
        _print(console, Line(heading, style="bold"))
        for line in lines:
            _print(console, line)


def _actions(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang) -> Iterator[Line]:
    actions = merge_events(recording)
    saved = {(saved_heal.t_s, saved_heal.action): saved_heal for saved_heal in account(recording, diagnoses).saved}
    rows = listed_actions(actions)
    for action, times in rows[:MAX_ACTIONS]:
        words = text("heal.line", lang, action=action_name(action, lang), state=outcome(action, lang, times))
        why = action_cause(action, lang)
        line = text("list.comma", lang, first=words, second=why) if why else words
        yield Line(line, indent=2, sign=clock(action.begun_s), sign_style=STYLE_OF_STATE[action.state])
        for detail in action_details(action, lang):
            yield Line(detail, indent=10, style="dim")
        heal = saved.get((action.begun_s, action.action))
        if heal is not None:
            yield Line(stock(heal, lang), indent=10, sign="·", style="dim")
    if len(rows) > MAX_ACTIONS:
        yield Line(text("heal.more", lang, count=len(rows) - MAX_ACTIONS), indent=10)
    if saved_checkpoints(actions):
        yield Line(text("heal.checkpoints", lang, count=saved_checkpoints(actions)), indent=2, sign="·")


def _goodput(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang) -> Iterator[Line]:
    # Printed only if time was lost or something was healed; nothing for a program without known phases.
    time_account = account(recording, diagnoses)
    if time_account.goodput_ratio is not None and (time_account.losses or time_account.saved):
        for line in goodput_lines(time_account, lang):
            yield Line(line, indent=2)


def _recovery(recording: Recording, lang: Lang) -> Iterator[Line]:
    for recovery in check(recording):
        sign, style = SIGN_OF_RECOVERY[recovery.verdict]
        words = text(f"heal.{recovery.action}", lang)
        yield Line(
            text("runner-up", lang, cause=f"{clock(recovery.t_s)} {words}", verdict=recovery_text(recovery, lang)),
            indent=2,
            sign=sign,
            sign_style=style,
        )


def _print(console: Console, line: Line) -> None:
    # Wrapped lines are indented to the first word, not to the sign.
    line = _encodable(line, console.encoding)
    first = " " * line.indent + line.sign + (" " if line.sign else "")
    if line.command:
        # Not wrapped: a command must survive copy and paste.
        for part in line.content.splitlines():
            console.print(Text(first + part, style=line.style), soft_wrap=True)
        return
    hang = " " * cell_len(first)
    for number, part in enumerate(wrap(line.content, console.width - len(hang))):
        content = Text(hang if number else first, style=line.sign_style)
        content.append(part, style=line.style)
        console.print(content, soft_wrap=True)


def _encodable(line: Line, encoding: str) -> Line:
    # A sign that the terminal or log file cannot encode must not make the report fail.
    try:
        (line.sign + line.content).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        content, sign = (
            part.translate(PLAIN).encode("ascii", "replace").decode() for part in (line.content, line.sign)
        )
        return line._replace(content=content, sign=sign)
    return line


def _when(diagnosis: Diagnosis, recording: Recording, lang: Lang) -> str:
    episode = diagnosis.episode
    if is_text(recording) or episode.detector in TIMELESS:
        return wall_of(episode.start_s, recording, lang)
    seen = text(
        "html.seen-after",
        lang,
        start=clock(episode.start_s),
        delay=duration(episode.alarm_s - episode.start_s, lang),
    )
    lasted = how_long(episode, recording, lang)
    if lasted is None:
        return seen
    over = text("html.ongoing", lang) if episode.end_s is None else text("html.over-after", lang, duration=lasted)
    return text("list.comma", lang, first=seen, second=over)


def _chain(links: tuple[Link, ...], lang: Lang) -> Iterator[Line]:
    # Each target is indented below its waiter, with the evidence for it.
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


def _evidence(diagnosis: Diagnosis, verdict: Verdict | None, lang: Lang) -> Iterator[Line]:
    if verdict is None:
        for fact in key_facts(diagnosis):
            yield Line(fact_line(fact, lang), indent=2, sign="·")
        return
    groups: tuple[tuple[str, str, tuple[Finding, ...]], ...] = (
        (SUPPORTS, "green", verdict.supports),
        (AGAINST, "red", verdict.against),
        (UNKNOWN, "yellow", verdict.unknown),
    )
    for sign, style, findings in groups:
        for finding in findings:
            yield Line(finding_text(finding, diagnosis, lang), indent=2, sign=sign, sign_style=style)


def _remedies(diagnosis: Diagnosis, verdict: Verdict | None, lang: Lang) -> Iterator[Line]:
    if verdict is None:
        return
    for number, remedy in enumerate(remedies_of(diagnosis, verdict.cause), start=1):
        safety = text(f"safety.{remedy.safety}", lang)
        style = STYLE_OF_SAFETY[remedy.safety]
        line = f"{remedy_text(remedy, lang)} [{safety}]"
        yield Line(line, indent=2, sign=f"{number}.", sign_style=style)
        if remedy.command:
            yield Line(remedy.command, indent=7, style="bold", command=True)


def _later(diagnosis: Diagnosis, lang: Lang) -> Iterator[Line]:
    # This became known after the verdict and is no evidence for it.
    for line in later_lines(diagnosis, lang):
        yield Line(line, indent=2, sign="·")


def _notices(recording: Recording, lang: Lang) -> Iterator[Line]:
    for notice in recording.events(Notice):
        yield Line(phrase(notice.message, lang), indent=2, sign=clock(notice.t_s), sign_style="yellow")


def _runners_up(diagnosis: Diagnosis, named: Verdict | None, lang: Lang) -> Iterator[Line]:
    excluded, open_ones = [], []
    for verdict in diagnosis.verdicts:
        title = text(f"cause.{verdict.cause}.title", lang)
        if verdict.verdict == "excluded":
            excluded.append(title)
        elif verdict is not named and not (verdict.supports or verdict.against):
            open_ones.append(title)
        elif verdict is not named:
            yield Line(_runner_up(diagnosis, verdict, title, lang), indent=2, sign="·")
    for key, titles in (("heading.could-not-judge", open_ones), ("heading.excluded", excluded)):
        if len(titles) > MAX_NAMES:
            yield Line(text(f"{key}-many", lang, count=len(titles)), indent=2, sign="·", style="dim")
        elif titles:
            names = text("list.join", lang).join(titles)
            yield Line(text(key, lang, causes=names), indent=2, sign="·", style="dim")


def _runner_up(diagnosis: Diagnosis, verdict: Verdict, title: str, lang: Lang) -> str:
    line = text("runner-up", lang, cause=title, verdict=text(f"verdict.{verdict.verdict}", lang))
    for sign, findings in ((AGAINST, verdict.against), (UNKNOWN, verdict.unknown)):
        if findings:
            return f"{line} {sign} {finding_text(findings[0], diagnosis, lang)}"
    return line
