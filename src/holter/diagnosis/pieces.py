"""Several pieces of one case: a log, read-outs, an evidence file, a results folder, a tape -> one diagnosis.

Every fact says which piece it came from, and where two pieces contradict each other both values are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.words import accuses, diagnosed, recording_of, said, stated, with_words
from holter.errors import HolterError
from holter.evidence.fact_book import Value
from holter.evidence.text_facts import Found
from holter.records import Diagnosis, Message
from holter.sentences import define
from holter.texts.decode import as_utf8

FROM = define("piece.from", "{piece}: {count} facts", one="{piece}: {count} fact")
NOT_READ = define("piece.not-read", "{piece}: nothing could be read of it ({why})")
CONTRADICT = define("piece.contradict", "{fact}: {piece} says {value}, {other} says {second}; the first one counts")
# A piece of text is searched whole up to this size.
TEXT_BYTES = 1 << 20

One = Callable[[str], DiagnosisResult]


def diagnose_pieces(targets: Sequence[str], one: One) -> DiagnosisResult:
    """Diagnose all pieces together; ``one`` diagnoses a single target.

    Raises:  HolterError of the first piece if none of them can be read.
    """
    results: list[DiagnosisResult] = []
    facts: dict[str, Found] = {}
    notes: list[Message] = []
    first_error: HolterError | None = None
    for target in targets:
        words = _words(target)
        try:
            result = one(target)
        except HolterError as error:
            if not words:
                first_error = first_error or error
                notes.append(NOT_READ(piece=target, why=error.what))
                continue
        else:
            results.append(result)
            notes += result.notes
            if result.kind == "evidence":
                words = {**_of_evidence(result.diagnoses[0]), **words}
        notes += _merge(facts, words, target)
    if first_error is not None and not results and not facts:
        raise first_error
    return _together(", ".join(targets), results, facts, tuple(notes))


def _together(
    name: str, results: list[DiagnosisResult], facts: dict[str, Found], notes: tuple[Message, ...]
) -> DiagnosisResult:
    seen = [result for result in results if result.kind != "evidence" and result.diagnoses and _is_recorded(result)]
    if seen:
        base = seen[0]
        last = with_words(base.diagnoses[-1], facts, base.recording.environment)
        return DiagnosisResult(base.kind, name, base.recording, (*base.diagnoses[:-1], last), notes, base.outcome)
    if not accuses(facts):
        quiet = next((result for result in results if result.kind != "evidence"), None)
        if quiet is not None:
            return DiagnosisResult(quiet.kind, name, quiet.recording, (), notes, quiet.outcome)
    words = stated(facts)
    return DiagnosisResult("evidence", name, recording_of(words), (diagnosed(words),), notes)


# A text's own words make no recording: they are merged as facts.
def _is_recorded(result: DiagnosisResult) -> bool:
    return result.diagnoses[0].episode.detector != "evidence-file"


def _words(target: str) -> dict[str, Found]:
    path = Path(target)
    try:
        if not path.is_file() or path.suffix in (".holter", ".json"):
            return {}
        with path.open("rb") as file:
            content = file.read(TEXT_BYTES)
    except OSError:
        return {}
    return said(as_utf8(content).decode("utf-8", errors="replace"), is_prose=not path.name.startswith("training_log"))


def _of_evidence(diagnosis: Diagnosis) -> dict[str, Found]:
    return {
        fact.name: Found(fact.name, fact.value, "", 0)
        for fact in diagnosis.facts
        if fact.status == "known" and fact.value is not None
    }


def _merge(facts: dict[str, Found], words: dict[str, Found], piece: str) -> list[Message]:
    name = Path(piece).name
    notes = [FROM(piece=name, count=len(words))] if words else []
    for fact, hit in words.items():
        before = facts.get(fact)
        quoted = hit._replace(quote=f"{name}: {hit.quote}" if hit.quote else name)
        if before is None:
            facts[fact] = quoted
        elif fact == "symptoms":
            facts[fact] = before._replace(value=tuple(dict.fromkeys((*_items(before.value), *_items(hit.value)))))
        elif before.value != hit.value and fact != "episode.kind":
            notes.append(
                CONTRADICT(
                    fact=Message(key=f"fact.{fact}"),
                    piece=before.quote.partition(":")[0],
                    value=str(before.value),
                    other=name,
                    second=str(hit.value),
                )
            )
    return notes


def _items(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)
