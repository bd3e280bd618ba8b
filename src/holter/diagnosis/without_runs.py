"""Diagnose a text that holds no run of a training: words about one, outputs of commands, or a prediction."""

from __future__ import annotations

from holter.diagnosis.log_notes import of_runs
from holter.diagnosis.result import DiagnosisResult, of_piece
from holter.diagnosis.words import (
    accuses,
    diagnosed,
    names_of,
    recording_of,
    recording_of_outputs,
    reread,
    stated,
    titled,
)
from holter.errors import NotALog
from holter.evidence.text_facts import Found, has_readout, is_output, quiet_commands
from holter.evidence.text_facts.genre.events import tells_event
from holter.records import Message, TargetKind, Text
from holter.sentences import NOTHING_CHANGED, define
from holter.texts.predictions import PredictionReader
from holter.texts.recording import to_recording
from holter.texts.runs import LogRun

NO_REPORT = define(
    "error.not-a-report",
    "{name} does not look like a report of a trouble, nor like what a training printed: nothing in it tells that "
    "something happened.",
)
PASTE_INSTEAD = define(
    "next.paste-instead",
    "Give what the training printed last, or nnU-Net's training_log_*.txt; write in a sentence of your own what "
    "happens, and since when; or answer at most eight questions: holter ask",
)
NOTHING_IN_IT = define(
    "error.nothing-in-text",
    "{name} is a text, but nothing in it is known: no sentence of nnU-Net, and no error of a training.",
)
THREE_WAYS = define(
    "next.three-ways",
    "Give nnU-Net's training_log_*.txt or a text file with the console's output; answer at most eight questions: "
    "holter ask; or, while the training runs, give its process: holter diagnose PID.",
)
FROM_WORDS = define(
    "target.from-words",
    "{name}: no log of a training; {count} facts were read from its words: {facts}",
    one="{name}: no log of a training; {count} fact was read from its words: {facts}",
)
FROM_OUTPUTS = define(
    "target.from-outputs",
    "{name}: outputs of commands; {count} facts were read: {facts}",
    one="{name}: output of a command; {count} fact was read: {facts}",
)
FROM_QUIET = define("target.from-quiet", "{name}: output of {commands}; no trouble that Holter knows is in it.")
NOTHING_WRONG = define(
    "error.nothing-wrong",
    "{name}: {count} facts were read ({facts}), and none of them shows trouble.",
    one="{name}: {count} fact was read ({facts}), and it shows no trouble.",
)
SAY_WHAT_HAPPENS = define(
    "next.say-what-happens",
    "Say what happens: write a sentence into a text file and give it beside what you have (holter diagnose STORY.txt "
    "FILE); give the training's log, too; or answer at most eight questions: holter ask",
)
PREDICTED = define(
    "target.predicted",
    "{name}: a prediction; all {count} cases were predicted, without an error.",
    one="{name}: a prediction; its case was predicted, without an error.",
)
PREDICTION_CUT = define(
    "error.prediction-cut",
    "{name} is the output of a prediction that stops after {done} of {count} cases without an error: it still runs, "
    "stands still, or was ended.",
)
PREDICTION_OPEN = define(
    "error.prediction-open",
    "{name} is a part of the output of a prediction, with {done} cases done and no error; how many there are is not "
    "in it.",
)


def nothing_in(name: Text, words: dict[str, Found]) -> NotALog:
    """Return the error for a text that shows no problem; ``words``: the facts that were read from it."""
    if words:
        what = NOTHING_WRONG(name=name, count=len(words), facts=names_of(words))
        return NotALog(what, safe=NOTHING_CHANGED(), next_step=SAY_WHAT_HAPPENS())
    return NotALog(NOTHING_IN_IT(name=name), safe=NOTHING_CHANGED(), next_step=THREE_WAYS())


def of_outputs(words: dict[str, Found], name: Text, kind: TargetKind, text: str) -> DiagnosisResult:
    """Return the facts that outputs of commands hold, without a diagnosis; of a text with an error, that of its words.

    ``words``: the facts that were read of ``text``.
    Raises:  NotALog if the text is something else, and shows no problem.
    """
    commands = () if words else quiet_commands(text)
    if commands:
        note = FROM_QUIET(name=name, commands=commands)
        return DiagnosisResult(kind, name, recording_of_outputs(), (), (note,))
    if not words or not is_output(titled(text, name)):
        respelt, _ = reread(text, name, words)
        if accuses(respelt):
            return of_words(words, name, kind, text)
        if not tells_event(text) and not has_readout(text):
            raise NotALog(NO_REPORT(name=name), safe=NOTHING_CHANGED(), next_step=PASTE_INSTEAD())
        raise nothing_in(name, words)
    note = FROM_OUTPUTS(name=name, count=len(words), facts=names_of(words))
    return DiagnosisResult(kind, name, recording_of_outputs(), (), (note,), facts=of_piece(name, words))


def of_prediction(prediction: PredictionReader, runs: list[LogRun], name: Text) -> DiagnosisResult:
    """Return the result for the output of a prediction that is whole and without an error.

    Raises:  NotALog if it stops before the last case.
    """
    if not prediction.is_whole:
        raise NotALog(_said_of(prediction, name), safe=NOTHING_CHANGED(), next_step=SAY_WHAT_HAPPENS())
    notes = (*of_runs(runs), _said_of(prediction, name))
    return DiagnosisResult("log", name, to_recording(runs), (), notes)


def of_words(
    words: dict[str, Found], name: Text, kind: TargetKind, text: str, notes: tuple[Message, ...] = ()
) -> DiagnosisResult:
    """Diagnose the facts that were read of a text (``words``). ``notes``: on what else is in it."""
    words, respelt = reread(text, name, words)
    facts = stated(words)
    note = FROM_WORDS(name=name, count=facts.number, facts=names_of(words))
    notes = (note, *(() if respelt is None else (respelt,)), *notes)
    pieces = of_piece(name, words)
    return DiagnosisResult(kind, name, recording_of(facts), (diagnosed(facts),), notes, facts=pieces)


def _said_of(prediction: PredictionReader, name: Text) -> Message:
    if prediction.asked is None:
        return PREDICTION_OPEN(name=name, done=prediction.done)
    if prediction.is_whole:
        return PREDICTED(name=name, count=prediction.asked)
    return PREDICTION_CUT(name=name, done=prediction.done, count=prediction.asked)
