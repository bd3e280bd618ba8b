"""The whole demo: prepare, train under supervision, inject the fault, watch, end the fault, report."""

from __future__ import annotations

import datetime
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from holter.demo.fault_injector import CURES, FaultInjector, HealingScenario, speaker
from holter.demo.faults import Context, DemoFault, find_fault, prepared
from holter.demo.prepare import prepare
from holter.errors import CannotDoHere, FolderNotWritable, TapeExists
from holter.history.fates import SAME_END_S, last_end
from holter.records import Diagnosis, Judged, Noted
from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.html import is_report, write_html
from holter.reports.json.as_json import to_json
from holter.reports.live import lines as live
from holter.reports.live.line_writer import LineWriter
from holter.reports.outcome import Outcome, outcome_of
from holter.sentences import NOTHING_STARTED, define
from holter.supervisor.recording.scratch import CANNOT_MAKE
from holter.supervisor.run import run
from holter.tape import Recording, read
from holter.tape.opening import EXISTS, NOT_TOUCHED

IMPOSSIBLE_HERE = define("error.demo.impossible-here", "The fault {fault} cannot be made here: {missing}.")
TAKE_FREEZE_WORKER = define("next.take-freeze-worker", "holter demo --fault freeze-worker needs nothing special")

CANNOT_MAKE_BELOW = define("error.demo.cannot-make-below", "Cannot make a folder below the current one: {error}.")
READ_ONLY = define("error.demo.read-only", "{folder} is read-only.")
OTHER_OUT = define("next.other-out", "Choose another --out, or add --force.")


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of the demo, for the terminal and for ``--json``."""

    fault: str
    true_cause: str | None
    tape: Path
    report: Path
    training_exit: int
    diagnoses: tuple[Diagnosis, ...]
    fault_s: float | None
    alarm_s: float | None  # from the fault
    cause_s: float | None  # from the fault
    named: str | None
    lang: Lang
    heals: bool = False
    healed: tuple[str, ...] = ()  # completed actions
    outcome: Outcome | None = None
    alarms: int = 0  # apart from one about the end of the training

    @property
    def as_expected(self) -> bool:
        """Whether the true cause was named (or no alarm raised if there was no fault) and all healing succeeded."""
        if self.heals and (self.training_exit != 0 or self.healed != CURES):
            return False
        return not self.alarms if self.true_cause is None else self.named == self.true_cause

    @property
    def ended_early(self) -> bool:
        """Whether somebody ended the training before the demo had shown what it shows: it proves nothing then."""
        if self.true_cause is None:
            return self.training_exit != 0 and not self.alarms
        by_hand = self.outcome is not None and self.outcome.state == "stopped"
        return not self.as_expected and (by_hand or self.fault_s is None)

    def as_json(self) -> dict[str, Any]:
        """Return a plain object; ``episodes`` as in ``holter diagnose --json``."""
        return {
            "fault": self.fault,
            "true_cause": self.true_cause,
            "named_cause": self.named,
            "as_expected": self.as_expected,
            "tape": str(self.tape),
            "report": str(self.report),
            "training_exit": self.training_exit,
            "healed": list(self.healed),
            "alarm_s": self.alarm_s,
            "cause_s": self.cause_s,
            "episodes": to_json(self.diagnoses, self.lang, str(self.tape))["episodes"],
        }


def show(fault_name: str, out: Path | None, lang: Lang, *, quiet: bool = False, force: bool = False) -> DemoResult:
    """Run the demo with the fault of this name in the folder ``out`` (default: a new folder below the current one).

    ``quiet``: print nothing on stderr. ``force``: replace the tape that an earlier demo of this fault left in ``out``.

    Raises:  BadInput (no such fault), CannotDoHere, DemoFailed, MissingExtra, TapeExists, FolderNotWritable.
    """
    fault = find_fault(fault_name)
    missing = fault.needs()
    if missing is not None:
        raise CannotDoHere(
            IMPOSSIBLE_HERE(fault=fault.name, missing=missing),
            safe=NOTHING_STARTED(),
            next_step=TAKE_FREEZE_WORKER(),
        )
    folder = _folder(out, fault, force)
    # The demo's training must neither wait nor end if nobody reads stderr.
    writer = LineWriter(None if quiet else sys.stderr, lambda count: live.marked(live.left_out(count, lang)))
    shows = not quiet and sys.stderr.isatty()
    with closing(writer):
        return _play(fault, folder, lang, speaker(writer, lang, shows_progress=shows), show_progress=shows, force=force)


def _play(
    fault: DemoFault, folder: Path, lang: Lang, say: Callable[[str], None], *, show_progress: bool, force: bool
) -> DemoResult:
    say(text("demo.what", lang, fault=fault.name, summary=text(f"demo.fault.{fault.name}", lang)))
    began = time.monotonic()
    material = prepare(folder / "nnunet", progress=_progress(say, lang))
    took_s = time.monotonic() - began
    say(text("demo.prepared", lang, folder=folder / "nnunet", took=round(took_s), cases=material.cases))
    shutil.rmtree(material.results, ignore_errors=True)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    context = Context(scratch=scratch, preprocessed=material.preprocessed)
    kind = HealingScenario if fault.heals else FaultInjector
    injector = kind(fault, context, lang, say, show_progress=show_progress)
    tape = folder / f"{fault.name}.holter"
    say(text("demo.training", lang, log=folder / "training-output.txt"))
    with prepared(fault, context) as extra:
        result = run(
            tuple(fault.wrap(material.command())),
            tape,
            listener=injector,
            force=force,
            variables={**os.environ, **material.environment(), **extra},
            each_tick=injector.each_tick,
            quiet_output=folder / "training-output.txt",
            end_orphans=True,
            heal=fault.heals,
        )
    return _conclude(fault, injector, tape, folder, result.returncode, say, lang, force)


def _conclude(
    fault: DemoFault,
    injector: FaultInjector,
    tape: Path,
    folder: Path,
    returncode: int,
    say: Callable[[str], None],
    lang: Lang,
    force: bool,
) -> DemoResult:
    recording = read(tape)
    diagnoses = diagnose_recording(recording, is_over=True)
    report = folder / f"{fault.name}.html"
    write_html(recording, diagnoses, report, lang, force=force or is_report(report))  # made meanwhile of this tape
    alarm_s, cause_s, named = timing(recording, diagnoses, fault.true_cause)
    result = DemoResult(
        fault=fault.name,
        true_cause=fault.true_cause,
        tape=tape,
        report=report,
        training_exit=returncode if returncode >= 0 else 128 - returncode,
        diagnoses=diagnoses,
        outcome=outcome_of(recording, diagnoses, is_over=True),
        fault_s=injector.fault_s,
        alarm_s=alarm_s,
        cause_s=cause_s,
        named=named,
        lang=lang,
        heals=fault.heals,
        healed=injector.healed if isinstance(injector, HealingScenario) else (),
        alarms=_alarms(recording, diagnoses),
    )
    _say_result(result, say, lang)
    return result


def _alarms(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> int:
    # One about a training that was ended (Ctrl-C, a signal) is right, and there is a fault only if the demo made one.
    end = last_end(recording)
    if end is None or end.is_clean:
        return len(diagnoses)
    return sum(diagnosis.episode.start_s < end.t_s - SAME_END_S for diagnosis in diagnoses)


def timing(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], true_cause: str | None
) -> tuple[float | None, float | None, str | None]:
    """Return seconds from the fault to the alarm, seconds from the fault to the named cause, and that cause.

    A value that the tape does not have is None. The episode with the true cause counts, else the first one after the
    fault: a busy machine may cause other episodes.
    """
    notes = recording.events(Noted)
    judged = recording.events(Judged)
    fault_s = next((note.t_s for note in notes if note.what == "fault"), None)
    if fault_s is None or not diagnoses:
        return None, None, diagnoses[0].verdicts[0].cause if diagnoses else None
    since = [diagnosis for diagnosis in diagnoses if diagnosis.episode.alarm_s >= fault_s]
    if not since:
        return None, None, None
    first = min(since, key=lambda diagnosis: (diagnosis.verdicts[0].cause != true_cause, diagnosis.episode.alarm_s))
    named = first.verdicts[0]
    cause_s = next((event.t_s for event in judged if event.cause == named.cause and event.t_s >= fault_s), None)
    alarm_s = first.episode.alarm_s - fault_s
    return round(alarm_s, 2), None if cause_s is None else round(cause_s - fault_s, 2), named.cause


def _say_result(result: DemoResult, say: Callable[[str], None], lang: Lang) -> None:
    if result.ended_early:
        say(text("demo.ended-early-alarm" if result.alarms else "demo.ended-early", lang))
    elif result.true_cause is None:
        say(text("demo.none-found" if result.as_expected else "demo.alarm-anyway", lang))
    elif result.named == result.true_cause:
        key = "demo.found-only" if result.alarm_s is None else "demo.found-alarm"
        key = key if result.cause_s is None else "demo.found"
        title = text(f"cause.{result.named}.title", lang)
        say(text(key, lang, cause=title, alarm=result.alarm_s, named=result.cause_s))
    else:
        say(text("demo.missed", lang, cause=result.true_cause, named=result.named or "-"))
    if result.heals and not result.ended_early:
        ended = "demo.healed" if result.healed == CURES else "demo.partly-healed"
        say(text(ended if result.training_exit == 0 else "demo.not-healed", lang))
    if result.outcome is not None:
        say(phrase(result.outcome.headline, lang))
    say(text("demo.exit", lang, code=result.training_exit))
    for path in (result.tape, result.report):
        say(live.wrote(str(path), lang))
    if result.named is not None:
        say(text("demo.next", lang, tape=shlex.quote(str(result.tape)), cause=result.named))


def _folder(out: Path | None, fault: DemoFault, force: bool) -> Path:
    try:
        folder = _new_folder() if out is None else out.absolute()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        what = CANNOT_MAKE_BELOW(error=why) if out is None else CANNOT_MAKE(folder=str(out), error=why)
        raise FolderNotWritable(what, next_step="holter demo --out FOLDER") from error
    if not os.access(folder, os.W_OK):
        raise FolderNotWritable(READ_ONLY(folder=str(folder)), next_step="holter demo --out FOLDER")
    tape = folder / f"{fault.name}.holter"
    if tape.exists() and not force:
        raise TapeExists(EXISTS(path=str(tape)), safe=NOT_TOUCHED(), next_step=OTHER_OUT())
    return folder


def _new_folder() -> Path:
    # Several demos may start in the same second.
    moment = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    name, number = f"demo-{moment}-{os.getpid()}", 1
    while True:
        folder = Path(name if number == 1 else f"{name}-{number}").absolute()
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _progress(say: Callable[[str], None], lang: Lang) -> Callable[[str, int, int | None], None]:
    # One line per stage; images are counted in steps of five.

    def tell(stage: str, done: int, total: int | None) -> None:
        if total is None or done == 0 or done == total or done % 5 == 0:
            count = "" if not total else f" {done}/{total}"
            say(text(f"demo.stage.{stage}", lang) + count)

    return tell
