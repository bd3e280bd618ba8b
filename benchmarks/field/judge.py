"""Holter's output for one case, and the errors in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.faultlab.score import ACTIONS, later_cause, live_cause
from benchmarks.field.case import ALWAYS, CONTAINER, Case
from benchmarks.field.play import CUT, OLDER_EPOCH, Played
from benchmarks.field.processes import PREFIX, letter_of
from holter.causes import diagnose_all
from holter.records import ActionTaken, ContractSettled
from holter.reports.live.contract import rows
from holter.tape import Recording, read

ENDS = re.compile(r"\b(?:kill|pkill|killall|scancel)\s+(?!-CONT|-0)")
GOES_ON = re.compile(r"(?<![\w-])--c(?![\w-])")
NO_TRAINING = "No training was seen: "
# Lines that name things that Holter looked for and did not find.
OF_MISSING = (
    f"{PREFIX} sees ", f"{PREFIX} If a worker freezes or dies, ", f"{PREFIX} Holter saves no checkpoints",
    f"{PREFIX} from now on without ", NO_TRAINING, "没有看到训练", "Excluded: ", "已排除",
)  # fmt: skip
ANOTHER_COMMAND = "--resume-command"  # in the line about missing things: no command is known
WIDTH = "500"
FIRST_MINUTE_S = 66.0
KINDS = (
    "exit code", "silent", "alarm", "offer", "false cause", "false confirmed", "word", "unsafe", "action",
    "cannot unsaid", "training seen", "live, later",
)  # fmt: skip


class Complaint(NamedTuple):
    """One error in the output."""

    kind: str
    what: str


class Said(NamedTuple):
    """All output, and all actions."""

    letter: str  # live
    texts: tuple[str, str]  # output of diagnose, English and Chinese
    document: dict[str, Any]
    diagnose_code: int
    recording: Recording
    played: Played

    @property
    def headlines(self) -> list[tuple[str | None, str]]:
        """Cause and text of each episode."""
        headlines = [episode["headline"] for episode in self.document["episodes"]]
        return [(headline["cause"], headline["text"]) for headline in headlines]


def listen(folder: Path, played: Played) -> Said:
    """Run the diagnosis in every form."""
    tape = str(folder / CUT)
    (code, english), (_, chinese), (_, document) = (
        _diagnose(tape, *options) for options in (("--lang", "en"), ("--lang", "zh"), ("--lang", "en", "--json"))
    )
    return Said(letter_of(folder), (english, chinese), json.loads(document), code, read(Path(tape)), played)


def _diagnose(tape: str, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "holter", "diagnose", tape, *options]
    variables = {**os.environ, "COLUMNS": WIDTH, "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1, 2) or not done.stdout:
        raise RuntimeError(f"holter diagnose {' '.join(options)}: {done.stderr.strip()[-300:]}")
    return done.returncode, done.stdout


def judge(case: Case, output: Said) -> list[Complaint]:
    """Return all errors."""
    complaints = [
        *_words(case, output),
        *_unsafe(case, output),
        *_wrong_actions(case, output),
        *_cannot(case, output),
        *_seen(case, output),
    ]
    complaints += [*_exit_code(case, output), *_later(output)]
    return complaints + ([*_silent(case, output), *_broken(case, output)] if case.broken else list(_healthy(output)))


def _exit_code(case: Case, output: Said) -> Iterator[Complaint]:
    played = output.played
    if case.ends and played.training_code not in case.exit_codes:
        yield Complaint("exit code", f"{played.training_code}, not {' or '.join(map(str, case.exit_codes))}")


def _silent(case: Case, output: Said) -> Iterator[Complaint]:
    # A fault must be reported, while it lasts and later.
    texts = (("live", output.letter), ("diagnose", output.texts[0]))
    missing = [f"{who}: {pattern}" for pattern in case.says for who, text in texts if not re.search(pattern, text)]
    if missing:
        yield Complaint("silent", "; ".join(missing))


def _healthy(output: Said) -> Iterator[Complaint]:
    for cause, text in output.headlines:
        yield Complaint("alarm", f"{cause}: {text}")
    for line in _lines(output):
        if ENDS.search(line) or GOES_ON.search(line):
            yield Complaint("offer", line)


def _broken(case: Case, output: Said) -> Iterator[Complaint]:
    for cause, text in output.headlines:
        if cause is not None and cause not in case.causes:
            yield Complaint("false cause", f"{cause}: {text}")
    for episode in output.document["episodes"]:
        for verdict in episode["diagnosis"]:
            if verdict["verdict"] == "confirmed" and verdict["cause"] not in case.causes:
                yield Complaint("false confirmed", f"{verdict['cause']} ({verdict['score']:.2f})")


def _lines(output: Said) -> list[str]:
    # The lines for the user, without those about missing things.
    lines = [line.strip() for text in (output.letter, *output.texts) for line in text.splitlines()]
    return [line for line in lines if not line.startswith(OF_MISSING) and ANOTHER_COMMAND not in line]


def _remedies(output: Said) -> Iterator[tuple[str, dict[str, Any]]]:
    # Remedies of every cause that is not excluded.
    for episode in output.document["episodes"]:
        for verdict in episode["diagnosis"]:
            if verdict["verdict"] != "excluded":
                for remedy in verdict["remedies"]:
                    yield verdict["cause"], remedy


def _words(case: Case, output: Said) -> Iterator[Complaint]:
    environment = output.recording.environment
    outside = environment is not None and environment.container in (None, "none")
    forbidden = (*ALWAYS, *case.forbidden, *(CONTAINER if outside else ()))
    lines = [
        *_lines(output),
        *(text for _, text in output.headlines),
        *(f"{cause}: {remedy['text']} {remedy['command'] or ''}" for cause, remedy in _remedies(output)),
    ]
    for line in dict.fromkeys(lines):
        words = [word for word in forbidden if word in line]
        if words:
            yield Complaint("word", f"{', '.join(words)}: {line}")


def _unsafe(case: Case, output: Said) -> Iterator[Complaint]:
    for cause, remedy in _remedies(output):
        command = remedy["command"] or ""
        if remedy["safety"] == "SAFE" and ENDS.search(command):
            yield Complaint("unsafe", f"{cause}: {command}")
        if GOES_ON.search(command) and not case.takes_c:
            yield Complaint("unsafe", f"{cause}: {command}")
    for line in _lines(output):
        if GOES_ON.search(line) and not case.takes_c:
            yield Complaint("unsafe", line)


def _wrong_actions(case: Case, output: Said) -> Iterator[Complaint]:
    for taken in output.recording.events(ActionTaken):
        acts = taken.action in ACTIONS and taken.source == "supervisor"
        # Without --heal Holter only says what it would do.
        if acts and not (taken.action in case.heals and (case.heal or taken.state == "proposed")):
            yield Complaint("action", f"{taken.action} ({taken.state}), {taken.cause}")
    beats = (beat for tick in output.recording.all_ticks for beat in tick.beats)
    if case.older and any((beat.epoch or 0) >= OLDER_EPOCH for beat in beats):
        yield Complaint("action", "it goes on from the checkpoints of an earlier training")


def _cannot(case: Case, output: Said) -> Iterator[Complaint]:
    # Holter must say what it cannot observe or do: before the start, and in the first minute.
    lines = output.letter.splitlines()
    line = next((text for text in lines if text.startswith(f"{PREFIX} sees ")), "")
    for pattern in case.at_once:
        if not any(re.search(pattern, text) for text in lines[: lines.index(line) if line else None]):
            yield Complaint("cannot unsaid", f"before the start: {pattern}")
    for pattern in case.at_end:
        if not re.search(pattern, output.letter):
            yield Complaint("cannot unsaid", f"when it matters: {pattern}")
    if not case.settles:
        return
    settled = output.recording.events(ContractSettled)
    full = [f"{name}: {words}" for name, words in rows(settled[0], "en")] if settled and line else []
    for pattern in case.sees:
        if not any(re.search(pattern, text) for text in (line, *full)):
            yield Complaint("cannot unsaid", f"{pattern} is not in: {line or 'nothing'}")
    if settled and settled[0].t_s > FIRST_MINUTE_S:
        yield Complaint("cannot unsaid", f"first after {settled[0].t_s:.0f} s")


def _seen(case: Case, output: Said) -> Iterator[Complaint]:
    # If no training was seen, Holter must not judge its health.
    if output.document["episodes"]:
        return
    expected = 0 if case.is_seen else 2
    if output.diagnose_code != expected:
        yield Complaint("training seen", f"diagnose ends with {output.diagnose_code}, not {expected}")
    if (NO_TRAINING in output.texts[0]) == case.is_seen:
        yield Complaint("training seen", output.texts[0].splitlines()[0])


def _later(output: Said) -> Iterator[Complaint]:
    for diagnosis in diagnose_all(output.recording):
        live, later = live_cause(output.recording, diagnosis), later_cause(diagnosis)
        if live != later:
            yield Complaint("live, later", f"{live}, {later}")
