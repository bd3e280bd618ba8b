"""``holter ask``: at most eight questions, then a diagnosis and an evidence file."""

from __future__ import annotations

import json
import select
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holter.cli.options import Force, Json, Lang, chosen_language
from holter.errors import BadInput
from holter.sentences import NOTHING_CHANGED, define

if TYPE_CHECKING:
    from holter.diagnosis.question_table import Question
    from holter.reports.catalogue import Lang as Language

EVIDENCE = Path("holter-evidence.json")
BACK = ("b", "back", "返回", "上一个", "上一步")
# Lines of one paste arrive together; a person needs longer for the next line.
PASTE_S = 0.05

EXISTS = define("error.evidence-exists", "{path} exists; it was not overwritten.")
COUNT = define("question.count", "{number} of at most {most}: {question}")
PICK = define("question.pick", "Number, your own words or a pasted line; Enter if you do not know, b to go back: ")
STOPPED = define(
    "question.stopped",
    "Stopped: nothing was written. Ctrl-D instead of Ctrl-C ends the questions, and the answers so far are judged.",
)
AGAIN = define("question.again", "Nothing was read of that. Type a number from 1 to {most}, or only Enter.")
NOTED = define("question.noted", "Read: {facts}")
WRITTEN = define("question.written", "wrote {path}; holter diagnose {path} reads it again")
NOT_WRITTEN = define("question.not-written", "{path} could not be written: {error}")
NO_ANSWER = define("error.no-answer", "No question was answered.")
ANSWER_SOME = define("next.answer-some", "Type the number of an answer; or give what you have: holter diagnose FILE...")
LEADING = define("question.leading", "So far: {cause}")
CANNOT_READ_TEXT = define("error.ask-text", "{path} cannot be read: {error}.")


def ask(
    texts: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[TEXT...]", readable=False, help="What you have: a log, pasted text, read-outs."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The evidence file to write.")
    ] = EVIDENCE,
    as_json: Json = False,
    force: Force = False,
    lang: Lang = None,
) -> None:
    """Ask at most eight questions about a training, each time the most useful one, and name the cause."""
    from rich.console import Console

    from holter.diagnosis.targets import read_evidence
    from holter.reports.catalogue import phrase
    from holter.reports.json.as_json import to_json
    from holter.reports.terminal import print_diagnosis

    language = chosen_language(lang)
    if output.exists() and not force:
        raise BadInput(EXISTS(path=str(output)), safe=NOTHING_CHANGED(), next_step="holter ask --force")
    try:
        facts = _dialogue(_read(texts or ()), language)
    except KeyboardInterrupt:
        print(f"\n{phrase(STOPPED(), language)}", file=sys.stderr)
        raise
    if not facts:
        raise BadInput(NO_ANSWER(), next_step=ANSWER_SOME())
    content = json.dumps({"holter_evidence": 1, "about": "holter ask", "facts": facts}, ensure_ascii=False, indent=2)
    result = read_evidence(content.encode(), output.name)
    try:
        output.write_text(content + "\n", encoding="utf-8")
        said = WRITTEN(path=shlex.quote(str(output)))
    except OSError as error:  # the answers are worth more than the file
        said = NOT_WRITTEN(path=str(output), error=error.strerror or str(error))
    print(f"\n{phrase(said, language)}\n", file=sys.stderr, flush=True)
    if as_json:
        target = (result.kind, result.name, result.notes)
        print(json.dumps(to_json(result.diagnoses, language, None, result.recording, target=target), indent=2))
    else:
        print_diagnosis(Console(), result.recording, result.diagnoses, language, is_run=False)
    sys.exit(1)


def _read(texts: tuple[Path, ...] | list[Path]) -> dict[str, object]:
    from holter.diagnosis.pieces import first_text
    from holter.diagnosis.words import said
    from holter.evidence.text_facts import as_stated
    from holter.texts.decode import lines_of

    facts: dict[str, object] = {}
    for path in texts:
        try:
            text = first_text(lines_of(path))
        except OSError as error:
            what = CANNOT_READ_TEXT(path=str(path), error=error.strerror or str(error))
            raise BadInput(what, safe=NOTHING_CHANGED()) from error
        for name, fact in as_stated(said(text, path.name, is_prose=True)).items():
            facts.setdefault(name, fact["value"])
    return facts


def _dialogue(facts: dict[str, object], language: Language) -> dict[str, object]:
    from holter.diagnosis.questions import MOST_QUESTIONS, answered, judged, merged, next_question
    from holter.reports.catalogue import phrase, text

    asked: frozenset[str] = frozenset()
    before: list[tuple[dict[str, object], frozenset[str]]] = []
    while len(asked) < MOST_QUESTIONS and (question := next_question(facts, asked)) is not None:
        _show(question, len(asked) + 1, MOST_QUESTIONS, language)
        while (line := _line()) is not None and not _is_back(line) and (answer := answered(question, line)) is None:
            print(phrase(AGAIN(most=len(question.choices)), language), file=sys.stderr)
            print(phrase(PICK(), language), end="", file=sys.stderr, flush=True)
        if line is None:  # the end of the input
            break
        if _is_back(line):
            facts, asked = before.pop() if before else (facts, asked)
            continue
        before.append((facts, asked))
        asked |= {question.key}
        if answer and not line.strip().isdecimal():
            names = ", ".join(text(f"fact.{name}", language) for name in answer)
            print(phrase(NOTED(facts=names), language), file=sys.stderr)
        facts = merged(facts, answer or {})
        leader = next(
            (verdict for verdict in judged(facts) if verdict.verdict != "excluded" and verdict.score > 0), None
        )
        if leader is not None and answer:
            title = text(f"cause.{leader.cause}.title", language)
            print(phrase(LEADING(cause=title), language), file=sys.stderr)
    return facts


def _show(question: Question, number: int, most: int, language: Language) -> None:
    from holter.reports.catalogue import phrase

    heading = COUNT(number=number, most=most, question=question.words)
    print(f"\n{phrase(heading, language)}", file=sys.stderr)
    for place, choice in enumerate(question.choices, 1):
        print(f"  {place:2}  {phrase(choice.words, language)}", file=sys.stderr)
    print(phrase(PICK(), language), end="", file=sys.stderr, flush=True)


def _is_back(line: str) -> bool:
    return line.strip().lower() in BACK


# None at the end of the input. In a terminal, the lines of one paste are one answer.
def _line() -> str | None:
    line = sys.stdin.readline()
    if not line:
        return None
    if sys.stdin.isatty():
        while select.select([sys.stdin], [], [], PASTE_S)[0] and (more := sys.stdin.readline()):
            line += more
    return line
