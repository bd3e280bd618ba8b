"""The diagnosis on a terminal: first the result of the run, then each episode, and at the end the verdict again.

Nothing depends on colour, and everything but a command fits 80 columns, so a log file shows the same.
"""

from __future__ import annotations

from rich.console import Console

from holter.history.fates import fates
from holter.records import Diagnosis, Message
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best
from holter.reports.explain import about, docs_address
from holter.reports.headline import could_be
from holter.reports.outcome import Outcome, identity_of
from holter.reports.outcome import sentences as say
from holter.reports.outcome.closing import verdict_of_case, verdict_of_run
from holter.reports.outcome.groups import Group, group_headline, grouped, moments
from holter.reports.quiet import quiet
from holter.reports.terminal import episode, whole_run
from holter.reports.terminal.episode import notes
from holter.reports.terminal.printing import print_line, print_section
from holter.reports.wrapping import Line
from holter.tape import Recording

STYLE_OF_VERDICT = {"confirmed": "bold red", "likely": "bold yellow", "possible": "yellow", "excluded": "dim"}
# What is over is no alarm.
STYLE_OF_PAST = "bold"
GOOD, BAD, ODD = "bold green", "bold red", "bold yellow"
STYLE_OF_STATE = {"running": GOOD, "finished": GOOD, "stalled": BAD, "dead": BAD, "gave-up": BAD, "incomplete": BAD}


def print_diagnosis(
    console: Console,
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang = "en",
    *,
    is_run: bool = True,
    ran: Outcome | None = None,
    docs: str | None = None,
) -> None:
    """Print the outcome of the run, every episode with its cause (or that nothing was wrong), and the verdict.

    ``is_run``: False for a short observation or a log, which cannot show where a run's time went. ``ran``: the outcome,
    for a whole run. ``docs``: the address of the documentation; empty: name none; None: the user's.
    """
    docs = docs_address() if docs is None else docs
    if ran is not None:
        print_line(console, Line(phrase(ran.headline, lang), style=STYLE_OF_STATE.get(ran.state, ODD)))
        for line in identity_of(ran):
            print_line(console, Line(phrase(line, lang), style="dim"))
    elif not diagnoses:
        print_line(console, Line(quiet(recording, lang)))
    become = ran.fates if ran is not None else fates(recording, [diagnosis.episode for diagnosis in diagnoses])
    for number, group in enumerate(grouped(recording, diagnoses, become)):
        if number or ran is not None:
            console.print()
        _print_group(console, group, recording, lang, docs, is_run=is_run)
    for heading, section in whole_run.sections(recording, diagnoses, lang) if is_run else ():
        print_section(console, heading, section)
    if recording.damage and is_run:
        console.print()
        print_line(console, Line(text("html.damage", lang, damage=phrase(recording.damage, lang)), style="yellow"))
    if ran is not None or diagnoses:
        verdict = verdict_of_run(ran, recording) if ran is not None else verdict_of_case(diagnoses, recording)
        console.print()
        print_line(console, Line(phrase(verdict, lang), style="bold", command=True))


def print_notes(console: Console, messages: tuple[Message, ...], lang: Lang = "en") -> None:
    """Print what was read of a target, above its diagnosis; nothing if there are no notes."""
    section = tuple(notes(messages, lang))
    if section:
        print_line(console, Line(text("heading.read", lang), style="bold"))
        for line in section:
            print_line(console, line)
        console.print()


def _print_group(console: Console, group: Group, recording: Recording, lang: Lang, docs: str, *, is_run: bool) -> None:
    verdict = best(group.shown)
    style = STYLE_OF_VERDICT[verdict.verdict] if verdict and group.fate == "open" else STYLE_OF_PAST
    print_line(console, Line(group_headline(group, recording, lang), style=style))
    guess = could_be(group.shown, recording, lang)
    if guess is not None:
        sentence, command = guess
        print_line(console, Line(sentence))
        if command:
            print_line(console, Line(command, indent=2, style="bold", command=True))
    for line in episode.when(group, recording, lang, is_run=is_run):
        print_line(console, line)
    if len(moments(group, recording)) > 1:
        console.print()
        shown = say.SHOWN_OPEN if group.fate == "open" else say.SHOWN
        print_line(console, Line(phrase(shown(), lang), style="bold"))
        alone = Group((group.shown,), (group.fate,), (), group.shown)
        for line in episode.when(alone, recording, lang, is_run=is_run):
            print_line(console, line)
    for heading, section in episode.sections(group, recording, lang, is_run=is_run):
        print_section(console, heading, section)
    if verdict is not None:
        console.print()
        print_line(console, Line(about(verdict.cause, lang, docs), style="dim", command=True))
