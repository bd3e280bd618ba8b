"""Diagnose several pieces of one case together: logs, outputs of commands, evidence files, folders, tapes.

Every fact says which piece it came from, and where two pieces contradict each other both values are named.
"""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from holter.diagnosis.result import DiagnosisResult, of_piece
from holter.diagnosis.targets import STANDARD_INPUT, STDIN, read_pipe
from holter.diagnosis.without_runs import nothing_in
from holter.diagnosis.words import (
    SHOWN,
    accuses,
    diagnosed,
    names_of,
    recording_of,
    recording_of_outputs,
    said,
    stated,
    with_words,
)
from holter.errors import HolterError, NotALog, NotATraining
from holter.evidence.fact_book import Value
from holter.evidence.stated.read import SPECS, is_stated
from holter.evidence.text_facts import Found
from holter.evidence.text_facts.resemblance import fits
from holter.records import Diagnosis, Message, Text
from holter.reports.quiet import is_of_outputs
from holter.sentences import define
from holter.texts.decode import lines_of, lines_of_stream
from holter.texts.kernel_log import Span, sifted, span_of
from holter.texts.results_folder import find_fold

FROM = define("piece.from", "{piece}: {count} facts: {facts}", one="{piece}: {count} fact: {facts}")
NOT_READ = define("piece.not-read", "{piece}: nothing could be read of it ({why})")
CONTRADICT = define("piece.contradict", "{fact}: {piece} says {value}, {other} says {second}; the first one counts")
SIZE = define("piece.value.size", "{value:bytes}")
SHARE = define("piece.value.share", "{value:percent} %")
# A piece of text is searched whole up to this size.
TEXT_BYTES = 1 << 20
# Two read-outs of one thing are never taken at the same moment: only what differs by more contradicts.
SAME = 0.1
# Before this year a recording has no wall clock.
FIRST_YEAR = 2000

# What was read of a text's words is named with the other pieces.
OF_ONE_PIECE = ("target.from-words", "target.from-outputs")


class FromPiece(NamedTuple):
    """A fact, and the name of the piece that it was read in."""

    hit: Found
    piece: str

    def quoted(self) -> Found:
        """Return the fact with the piece named in its quotation."""
        return self.hit._replace(quote=f"{self.piece}: {self.hit.quote}" if self.hit.quote else self.piece)


One = Callable[[str], DiagnosisResult]
# Files of a folder in which somebody collected what he has; of more than so many nobody wrote each by hand.
ENDS_OF_TEXTS, MOST_TEXTS = (".txt", ".log", ".out", ".err", ".json"), 30


def with_texts(targets: Sequence[str]) -> list[str]:
    """Return the targets; a folder without a training is replaced by the texts in it, in the order of their names."""
    return [text for target in targets for text in _texts_in(Path(target)) or [target]]


def _texts_in(folder: Path) -> list[str]:
    if not os.path.isdir(folder):  # noqa: PTH112 - a message that is too long for a name is none, and no error
        return []
    try:
        find_fold(folder)
    except NotATraining:
        texts = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDS_OF_TEXTS and path.is_file())
        return [str(path) for path in texts[:MOST_TEXTS]]
    except OSError:
        return []
    return []


def diagnose_pieces(targets: Sequence[str], diagnose: One, piped: Callable[[], bytes] = bytes) -> DiagnosisResult:
    """Diagnose all pieces together; ``diagnose`` takes a single target, ``piped`` returns the input for ``-``.

    Raises:  HolterError of the first piece if none of them can be read or none shows trouble.
    """
    read = {target: _result(target, diagnose, piped) for target in dict.fromkeys(targets)}
    results = [result for result, _, _ in read.values() if result is not None]
    spans = (*map(_span_of, results), *(span_of(text) for _, _, text in read.values()))
    span = next((span for span in spans if span is not None), None)
    facts: dict[str, FromPiece] = {}
    notes: list[Message] = []
    pieces: list[tuple[Text, Found]] = []
    for target, (result, error, text) in read.items():
        name = STANDARD_INPUT() if target == STDIN else Path(target).name
        is_log = Path(target).name.startswith("training_log")
        words = said(text, name, is_prose=not is_log, span=span) if text else {}
        if result is not None:
            notes += [note for note in result.notes if note.key not in OF_ONE_PIECE]
            if result.kind == "evidence":
                words = {**_of_evidence(result.diagnoses[0]), **words}
        elif error is not None and not words:
            notes.append(NOT_READ(piece=target, why=error.what))
        if text and (result is None or not _is_recorded(result)):
            notes += [note for note in sifted(text, span).notes if note not in notes]
        notes += _merge(facts, words, name)
        is_evidence = result is not None and result.kind == "evidence"
        pieces += result.facts if result is not None and is_evidence else of_piece(name, words)
    first_error = next((error for _, error, _ in read.values() if error is not None), None)
    if first_error is not None and not results and not facts:
        raise first_error
    found = {fact: came.quoted() for fact, came in facts.items()}
    together = _together(", ".join(targets), results, found, tuple(notes), len(read))
    return together._replace(facts=tuple(pieces))


def _result(
    target: str, diagnose: One, piped: Callable[[], bytes]
) -> tuple[DiagnosisResult | None, HolterError | None, str]:
    content = piped() if target == STDIN else None
    try:
        text = (
            text_of(target) if content is None else first_text(lines_of_stream(io.BytesIO(content), STANDARD_INPUT()))
        )
    except NotALog:
        text = ""
    try:
        return (diagnose(target) if content is None else read_pipe(io.BytesIO(content))), None, text
    except HolterError as error:
        return None, error, text


def _together(
    name: str, results: list[DiagnosisResult], facts: dict[str, Found], notes: tuple[Message, ...], number: int
) -> DiagnosisResult:
    seen = [result for result in results if result.kind != "evidence" and result.diagnoses and _is_recorded(result)]
    if seen:
        base = seen[0]
        last = with_words(base.diagnoses[-1], facts, base.recording.environment)
        return DiagnosisResult(base.kind, name, base.recording, (*base.diagnoses[:-1], last), notes, base.outcome)
    if not accuses(facts):
        quiet = next((result for result in results if result.kind != "evidence"), None)
        if quiet is not None and not (is_of_outputs(quiet.recording) and len(results) < number):
            # Words that the times of another piece take away leave no log that could get the all-clear.
            recording = quiet.recording if _is_recorded(quiet) else recording_of_outputs()
            return DiagnosisResult(quiet.kind, name, recording, (), notes, quiet.outcome)
        if not any(result.kind == "evidence" for result in results):
            raise nothing_in(name, facts)
    words = stated(facts)
    return DiagnosisResult("evidence", name, recording_of(words), (diagnosed(words),), notes)


# A text's own words make no recording: they are merged as facts.
def _is_recorded(result: DiagnosisResult) -> bool:
    return not result.diagnoses or result.diagnoses[0].episode.detector not in ("evidence-file", SHOWN)


def _span_of(result: DiagnosisResult) -> Span | None:
    environment = result.recording.environment
    if environment is None or not environment.wall_start:
        return None
    begun = datetime.datetime.fromisoformat(environment.wall_start)
    if begun.year < FIRST_YEAR:
        return None
    begin_s = begun.replace(tzinfo=datetime.timezone.utc).timestamp()  # the clock of that machine
    return Span(begin_s, begin_s + result.recording.duration_s)


def text_of(target: str) -> str:
    """Return about the first ``TEXT_BYTES`` of a text; "" for a tape, an evidence file, or what cannot be read."""
    path = Path(target)
    try:
        if not path.is_file() or path.suffix == ".holter":
            return ""
        text = first_text(lines_of(path))
    except (NotALog, OSError):
        return ""
    return "" if is_stated(text.encode()) else text


def first_text(pieces: Iterable[list[str]]) -> str:
    """Return the lines up to about ``TEXT_BYTES``, as they are read from any log: decoded, without colours."""
    kept: list[str] = []
    size = 0
    for lines in pieces:
        kept += lines
        size += sum(map(len, lines))
        if size >= TEXT_BYTES:
            break
    return "\n".join(kept)[:TEXT_BYTES]


def _of_evidence(diagnosis: Diagnosis) -> dict[str, Found]:
    return {
        fact.name: Found(fact.name, fact.value, "", 0)
        for fact in diagnosis.facts
        if fact.status == "known" and fact.value is not None
    }


def _merge(facts: dict[str, FromPiece], words: dict[str, Found], piece: Text) -> list[Message]:
    count = sum(fact != "resembles" for fact in words)
    notes = [FROM(piece=piece, count=count, facts=names_of(words))] if count else []
    name = piece if isinstance(piece, str) else STDIN
    for fact, hit in words.items():
        before = facts.get(fact)
        if before is None:
            facts[fact] = FromPiece(hit, name)
        elif fact == "resembles":
            facts[fact] = _alike(before, FromPiece(hit, name))
        elif isinstance(hit.value, tuple):
            both = tuple(dict.fromkeys((*_items(before.hit.value), *_items(hit.value))))
            facts[fact] = before._replace(hit=before.hit._replace(value=both))
        elif _differ(before.hit.value, hit.value) and fact != "episode.kind":
            notes.append(
                CONTRADICT(
                    fact=Message(key=f"fact.{fact}"),
                    piece=before.piece,
                    value=_shown(fact, before.hit.value),
                    other=name,
                    second=_shown(fact, hit.value),
                )
            )
    return notes


# Of each cause the piece that resembles it more counts: who adds a sentence takes nothing from a clear description.
def _alike(one: FromPiece, other: FromPiece) -> FromPiece:
    named = [(fit, piece) for piece in (one, other) for fit in fits(_items(piece.hit.value))]
    named.sort(key=lambda pair: -pair[0].fit)
    best = {fit.cause: fit for fit, _ in reversed(named)}
    values = tuple(str(fit) for fit, _ in named if best[fit.cause] is fit)
    clearer = named[0][1] if named else one
    return clearer._replace(hit=clearer.hit._replace(value=values))


def _differ(one: Value, other: Value) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one != other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) > SAME * max(abs(one), abs(other))
    return one != other


def _shown(fact: str, value: Value) -> Text:
    unit = SPECS[fact].unit if fact in SPECS else ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if unit == "B":
            return SIZE(value=value)
        if unit == "ratio":
            return SHARE(value=value)
        return f"{value:g}"
    return ", ".join(_items(value))


def _items(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
