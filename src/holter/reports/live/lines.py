"""What ``holter run`` says on stderr while it watches: plain text, a statement a line; ``marked`` marks the lines."""

from __future__ import annotations

from collections.abc import Hashable
from shutil import get_terminal_size
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from holter.history.actions import SAME_ACTION_S, is_echo
from holter.patterns import later
from holter.records import ActionTaken, ContractSettled, Diagnosis, Episode, Message, Notice, Verdict
from holter.remedies.admin_request import asked
from holter.remedies.ladder import WAIT_FOR
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.cause_words import best, cause_sentence
from holter.reports.headline import fact_of
from holter.reports.healing import ONLY_FAILURES, action_line, request
from holter.reports.live.contract import changes, contract_line
from holter.reports.live.line_writer import write_or_skip
from holter.reports.when import duration, where
from holter.reports.wording import finding_text, remedies_of, remedy_text, words_for_administrator
from holter.sentences import define, gist

# Marks our lines among those of the training.
PREFIX = "holter:"
# Live messages are short: the report has the rest.
FINDINGS_SHOWN = 2
NO_CAUSE = define("live.no-cause-seen", "{what}; no cause seen. holter diagnose shows what else was seen")
LEFT_OUT = define(
    "live.left-out", "lines left out here because nothing was reading them: {count}; their content is on the tape"
)
UNFINISHED = define("live.unfinished", "{kind}{where} was not over when the training ended, after {lasted:duration}")
FOR = define("live.for", "{kind} for {lasted}")
# Removed to compare failures: epochs and sizes differ from one to the next.
NUMBERS = later(r"\d+|checkpoint_(?:latest|best|final)")


def alarm(episode: Episode, lang: Lang) -> str:
    """Return the line for a new episode: its reason, or that the cause is being searched."""
    reason = _first_line(phrase(episode.reason, lang)) or text("live.looking", lang)
    return text("live.alarm", lang, **_kind_and_place(episode, lang), reason=reason)


def cause(diagnosis: Diagnosis, lang: Lang) -> str:
    """Return the lines that name the cause, with the strongest findings and the first remedy."""
    verdict = best(diagnosis)
    if verdict is None:
        return phrase(NO_CAUSE(what=phrase(fact_of(diagnosis), lang).rstrip(".。")), lang)
    findings = [
        "  " + text("live.because", lang, finding=_first_line(finding_text(finding, diagnosis, lang)))
        for finding in verdict.supports[:FINDINGS_SHOWN]
    ]
    named = named_cause(diagnosis, verdict, lang)
    return "\n".join([named, *_asked(diagnosis, verdict.cause, lang), *findings, *advice(diagnosis, verdict, lang)])


def named_cause(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> str:
    """Return the sentence that names a cause, and how sure it is."""
    sure = text(f"verdict.{verdict.verdict}.sentence", lang).rstrip(".。")
    what = cause_sentence(diagnosis, verdict, lang)
    return text("live.cause", lang, what=what, verdict=sure, score=f"{verdict.score:.2f}")


def advice(diagnosis: Diagnosis, verdict: Verdict, lang: Lang) -> list[str]:
    """Return the lines with the first remedy of a cause and its command."""
    lines = []
    for remedy in remedies_of(diagnosis, verdict.cause)[:1]:
        lines.append("  " + text("live.remedy", lang, remedy=remedy_text(remedy, lang)))
        if remedy.command:
            lines.extend(f"    {part}" for part in remedy.command.splitlines())
    return lines


def _asked(diagnosis: Diagnosis, cause_id: str, lang: Lang) -> list[str]:
    # A cause that Holter waits for has its request printed when the wait begins.
    values = asked(diagnosis, cause_id)
    words = words_for_administrator(values, lang) if values and cause_id not in WAIT_FOR else None
    return [] if words is None else ["  " + text("action.ask", lang), "    " + words]


def _first_line(words: str) -> str:
    # The text of an exception can have many; the report quotes all of them.
    first, _, more = words.partition("\n")
    return f"{first.rstrip()} …" if more else first


def over(episode: Episode, lang: Lang) -> str:
    lasted = (episode.end_s if episode.end_s is not None else episode.alarm_s) - episode.start_s
    return text("live.over", lang, **_kind_and_place(episode, lang), duration=duration(lasted, lang))


def unfinished(episode: Episode, lang: Lang) -> str:
    """Return the line for an episode that was not over when the training ended."""
    lasted = (episode.end_s if episode.end_s is not None else episode.alarm_s) - episode.start_s
    return phrase(UNFINISHED(**_kind_and_place(episode, lang), lasted=lasted), lang)


def status_of(episode: Episode, t_s: float, lang: Lang) -> str:
    """Return the text of the status line about an episode that is not over."""
    kind = text(f"kind.{episode.kind}.headline", lang)
    return phrase(FOR(kind=kind, lasted=duration(max(0.0, t_s - episode.start_s), lang)), lang)


def action(taken: ActionTaken, lang: Lang) -> str | None:
    """Return the line for an action, done or proposed; None for one that needs no report."""
    first_line = action_line(taken, lang)
    if first_line is None:
        return None
    lines = [first_line]
    asked = request(taken, lang)
    if asked is not None:
        lines += ["  " + asked[0], "    " + asked[1]]
    return "\n".join(lines)


def notice(noticed: Notice, lang: Lang) -> str:
    return phrase(noticed.message, lang)


def contract(settled: ContractSettled, before: ContractSettled | None, lang: Lang) -> str | None:
    """Return the lines about what Holter can observe and do, or what has changed; None if nothing has."""
    lines = [contract_line(settled, lang)] if before is None else changes(settled, before, lang)
    return "\n".join(lines) or None


class RepeatFilter:
    """Filters repeated actions: hook and supervisor both report an action, and a full disk fails in every epoch."""

    def __init__(self) -> None:
        self._printed: list[ActionTaken] = []
        self._failing: dict[str, Hashable] = {}

    def is_new(self, taken: ActionTaken) -> bool:
        """Record an action; return False if the same one was reported before."""
        self._printed = [earlier for earlier in self._printed if taken.t_s - earlier.t_s <= SAME_ACTION_S]
        echo = next((earlier for earlier in self._printed if is_echo(taken, earlier)), None)
        if echo is not None:
            self._printed.remove(echo)
            return False
        if any(_is_proposed_again(taken, earlier) for earlier in self._printed):
            return False
        self._printed.append(taken)
        return not self._fails_again(taken)

    def _fails_again(self, taken: ActionTaken) -> bool:
        # The same failure as last time, numbers ignored; a success resets this.
        before = self._failing.pop(taken.action, None)
        if taken.action not in ONLY_FAILURES or taken.state != "failed":
            return False
        self._failing[taken.action] = gist(taken.said, NUMBERS)
        return before == self._failing[taken.action]


def _is_proposed_again(taken: ActionTaken, earlier: ActionTaken) -> bool:
    # A worker died, then the main process: one restart is proposed, not two.
    same = (taken.action, taken.state, taken.generation) == (earlier.action, earlier.state, earlier.generation)
    return taken.state == "proposed" and same and taken.cause in (None, earlier.cause)


class Progress:
    """A temporary progress line on a terminal; a file gets nothing.

    The line is skipped if the terminal cannot accept it now: nothing waits for it.
    """

    def __init__(self, out: TextIO, lang: Lang) -> None:
        self._out, self._lang = out, lang
        self._shown = ""

    def reading(self, name: str, percent: int) -> None:
        """Show how much of a log was read."""
        self._show(text("target.reading", self._lang, name=name, percent=percent))

    def observing(self, target: str, t_s: float, of_s: float) -> None:
        """Show how long a process has been observed."""
        self._show(text("target.looking", self._lang, pid=target, seen=t_s, whole=of_s))

    def waiting(self, message: Message) -> None:
        """Show a message that says what Holter is waiting for."""
        line = marked(phrase(message, self._lang))
        self._show(set_cell_size(line, min(cell_len(line), get_terminal_size().columns - 1)))

    def clear(self) -> None:
        self._show("")

    def _show(self, line: str) -> None:
        if line == self._shown or not self._out.isatty():
            return
        blank = " " * cell_len(self._shown)
        if write_or_skip(self._out, f"\r{blank}\r{line}"):
            self._shown = line


def left_out(count: int, lang: Lang) -> str:
    """Return the line that stands for dropped lines, which the reader was too slow to take."""
    return phrase(LEFT_OUT(count=count), lang)


def wrote(path: str, lang: Lang) -> str:
    """Return the line that names a file that was written."""
    return text("cli.wrote", lang, path=path)


def _kind_and_place(episode: Episode, lang: Lang) -> dict[str, str]:
    return {
        "kind": text(f"kind.{episode.kind}.headline", lang),
        "where": where(episode, None, lang),
    }


def marked(message: str) -> str:
    """Return the message with the prefix on each of its lines."""
    return "\n".join(f"{PREFIX} {line}" for line in message.splitlines() or [""])
