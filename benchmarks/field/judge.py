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

from benchmarks.faultlab.score import DEEDS, live_cause, told_cause
from benchmarks.field.case import ALWAYS, CONTAINER, Case
from benchmarks.field.play import CUT, OLDER_EPOCH, PREFIX, Played, letter_of
from holter.causes import diagnose_all
from holter.records import ActionTaken, ContractSettled
from holter.tape import Recording, read

ENDS = re.compile(r"\b(?:kill|pkill|killall|scancel)\s+(?!-CONT|-0)")
GOES_ON = re.compile(r"(?<![\w-])--c(?![\w-])")
NO_TRAINING = "No training was seen: "
# Lines that name things that Holter looked for and did not find.
OF_MISSING = (f"{PREFIX} sees ", NO_TRAINING, "没有看到训练", "Excluded: ", "已排除", f"{PREFIX} from now on without ")
ANOTHER_COMMAND = "--resume-command"  # in the line about missing things: no command is known
WIDTH = "500"
FIRST_MINUTE_S = 66.0
KINDS = (
    "exit code", "silent", "alarm", "offer", "false cause", "false confirmed", "word", "unsafe", "deed",
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
        told = [episode["headline"] for episode in self.document["episodes"]]
        return [(one["cause"], one["text"]) for one in told]


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


def judge(case: Case, said: Said) -> list[Complaint]:
    """Return all errors."""
    found = [*_words(case, said), *_unsafe(case, said), *_deeds(case, said), *_cannot(case, said), *_seen(case, said)]
    found += [*_exit_code(case, said), *_later(said)]
    return found + ([*_silent(case, said), *_broken(case, said)] if case.broken else list(_healthy(said)))


def _exit_code(case: Case, said: Said) -> Iterator[Complaint]:
    played = said.played
    if case.ends and played.training_code not in case.exit_codes:
        yield Complaint("exit code", f"{played.training_code}, not {' or '.join(map(str, case.exit_codes))}")


def _silent(case: Case, said: Said) -> Iterator[Complaint]:
    # A fault must be reported, while it lasts and later.
    if case.may_be_silent and not said.headlines:
        return
    told = (("live", said.letter), ("diagnose", said.texts[0]))
    missing = [f"{who}: {pattern}" for pattern in case.says for who, text in told if not re.search(pattern, text)]
    if missing:
        yield Complaint("silent", "; ".join(missing))


def _healthy(said: Said) -> Iterator[Complaint]:
    for cause, text in said.headlines:
        yield Complaint("alarm", f"{cause}: {text}")
    for line in _lines(said):
        if ENDS.search(line) or GOES_ON.search(line):
            yield Complaint("offer", line)


def _broken(case: Case, said: Said) -> Iterator[Complaint]:
    for cause, text in said.headlines:
        if cause is not None and cause not in case.causes:
            yield Complaint("false cause", f"{cause}: {text}")
    for episode in said.document["episodes"]:
        for one in episode["diagnosis"]:
            if one["verdict"] == "confirmed" and one["cause"] not in case.causes:
                yield Complaint("false confirmed", f"{one['cause']} ({one['score']:.2f})")


def _lines(said: Said) -> list[str]:
    # The lines for the user, without those about missing things.
    lines = [line.strip() for text in (said.letter, *said.texts) for line in text.splitlines()]
    return [line for line in lines if not line.startswith(OF_MISSING) and ANOTHER_COMMAND not in line]


def _remedies(said: Said) -> Iterator[tuple[str, dict[str, Any]]]:
    # Remedies of every cause that is not excluded.
    for episode in said.document["episodes"]:
        for one in episode["diagnosis"]:
            if one["verdict"] != "excluded":
                for remedy in one["remedies"]:
                    yield one["cause"], remedy


def _words(case: Case, said: Said) -> Iterator[Complaint]:
    environment = said.recording.environment
    outside = environment is not None and environment.container in (None, "none")
    forbidden = (*ALWAYS, *case.forbidden, *(CONTAINER if outside else ()))
    lines = [
        *_lines(said),
        *(text for _, text in said.headlines),
        *(f"{cause}: {remedy['text']} {remedy['command'] or ''}" for cause, remedy in _remedies(said)),
    ]
    for line in dict.fromkeys(lines):
        words = [word for word in forbidden if word in line]
        if words:
            yield Complaint("word", f"{', '.join(words)}: {line}")


def _unsafe(case: Case, said: Said) -> Iterator[Complaint]:
    for cause, remedy in _remedies(said):
        command = remedy["command"] or ""
        if remedy["safety"] == "SAFE" and ENDS.search(command):
            yield Complaint("unsafe", f"{cause}: {command}")
        if GOES_ON.search(command) and not case.takes_c:
            yield Complaint("unsafe", f"{cause}: {command}")
    for line in _lines(said):
        if GOES_ON.search(line) and not case.takes_c:
            yield Complaint("unsafe", line)


def _deeds(case: Case, said: Said) -> Iterator[Complaint]:
    for taken in said.recording.events(ActionTaken):
        acts = taken.action in DEEDS and taken.source == "supervisor"
        # Without --heal Holter only says what it would do.
        if acts and not (taken.action in case.heals and (case.heal or taken.state == "proposed")):
            yield Complaint("deed", f"{taken.action} ({taken.state}), {taken.cause}")
    beats = (beat for tick in said.recording.all_ticks for beat in tick.beats)
    if case.older and any((beat.epoch or 0) >= OLDER_EPOCH for beat in beats):
        yield Complaint("deed", "it goes on from the checkpoints of an earlier training")


def _cannot(case: Case, said: Said) -> Iterator[Complaint]:
    # Holter must say what it cannot observe or do: before the start, and in the first minute.
    lines = said.letter.splitlines()
    line = next((one for one in lines if one.startswith(f"{PREFIX} sees ")), "")
    for pattern in case.at_once:
        if not any(re.search(pattern, one) for one in lines[: lines.index(line) if line else None]):
            yield Complaint("cannot unsaid", f"before the start: {pattern}")
    for pattern in case.at_end:
        if not re.search(pattern, said.letter):
            yield Complaint("cannot unsaid", f"when it matters: {pattern}")
    if not case.settles:
        return
    for pattern in case.sees:
        if not re.search(pattern, line):
            yield Complaint("cannot unsaid", f"{pattern} is not in: {line or 'nothing'}")
    settled = said.recording.events(ContractSettled)
    if settled and settled[0].t_s > FIRST_MINUTE_S:
        yield Complaint("cannot unsaid", f"first after {settled[0].t_s:.0f} s")


def _seen(case: Case, said: Said) -> Iterator[Complaint]:
    # If no training was seen, Holter must not judge its health.
    if said.document["episodes"]:
        return
    expected = 0 if case.is_seen else 2
    if said.diagnose_code != expected:
        yield Complaint("training seen", f"diagnose ends with {said.diagnose_code}, not {expected}")
    if (NO_TRAINING in said.texts[0]) == case.is_seen:
        yield Complaint("training seen", said.texts[0].splitlines()[0])


def _later(said: Said) -> Iterator[Complaint]:
    for diagnosis in diagnose_all(said.recording):
        live, later = live_cause(said.recording, diagnosis), told_cause(diagnosis)
        if live != later:
            yield Complaint("live, later", f"{live}, {later}")
