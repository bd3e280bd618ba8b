"""``holter ask``: at most eight questions, then a diagnosis and an evidence file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Lang, chosen_language
from holter.errors import BadInput
from holter.sentences import NOTHING_CHANGED, define

EVIDENCE = Path("holter-evidence.json")

EXISTS = define("error.evidence-exists", "{path} exists; it was not overwritten.")
PICK = define("question.pick", "Number, or Enter if you do not know: ")
WRITTEN = define("question.written", "wrote {path}; holter diagnose {path} reads it again")
NO_ANSWER = define("error.no-answer", "No question was answered.")
ANSWER_SOME = define("next.answer-some", "Type the number of an answer; or give what you have: holter diagnose FILE...")
LEADING = define("question.leading", "So far: {cause}")


def register(app: typer.Typer) -> None:
    app.command("ask")(ask)


def ask(
    texts: Annotated[
        list[Path] | None, typer.Argument(metavar="[TEXT...]", help="What you have: a log, pasted text, read-outs.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The evidence file to write.")
    ] = EVIDENCE,
    force: Force = False,
    lang: Lang = None,
) -> None:
    """Ask at most eight questions about a training, each chosen by what it would tell, and name the cause."""
    from rich.console import Console

    from holter.diagnosis.questions import MOST_QUESTIONS, judged, merged, next_question
    from holter.diagnosis.targets import read_evidence
    from holter.evidence.text_facts import as_stated, facts_of
    from holter.reports.catalogue import phrase, text
    from holter.reports.terminal import print_diagnosis

    language = chosen_language(lang)
    if output.exists() and not force:
        raise BadInput(EXISTS(path=str(output)), safe=NOTHING_CHANGED(), next_step="holter ask --force")
    said = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in texts or ())
    stated = as_stated(facts_of(said)) if said else {}
    facts: dict[str, object] = {name: fact["value"] for name, fact in stated.items()}
    asked: frozenset[str] = frozenset()
    while len(asked) < MOST_QUESTIONS and (question := next_question(facts, asked)) is not None:
        asked |= {question.key}
        print(f"\n{phrase(question.words, language)}", file=sys.stderr)
        for number, choice in enumerate(question.choices, 1):
            print(f"  {number}  {phrase(choice.words, language)}", file=sys.stderr)
        print(phrase(PICK(), language), end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            break
        answer = line.strip()
        if answer.isdecimal() and 0 < int(answer) <= len(question.choices):
            facts = merged(facts, question.choices[int(answer) - 1].facts)
        leader = next((verdict for verdict in judged(facts) if verdict.score > 0), None) if facts else None
        if leader is not None:
            title = text(f"cause.{leader.cause}.title", language)
            print(phrase(LEADING(cause=title), language), file=sys.stderr)
    if not facts:
        raise BadInput(NO_ANSWER(), next_step=ANSWER_SOME())
    document = {"holter_evidence": 1, "about": "holter ask", "facts": {**facts}}
    output.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    result = read_evidence(output.read_bytes(), output.name)
    print_diagnosis(Console(), result.recording, result.diagnoses, language, is_run=False)
    print(f"\n{phrase(WRITTEN(path=str(output)), language)}", file=sys.stderr)
    sys.exit(1)
