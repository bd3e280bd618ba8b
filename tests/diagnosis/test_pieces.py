"""Several pieces of one case, and the questions of ``holter ask``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.diagnosis.pieces import diagnose_pieces
from holter.diagnosis.questions import MOST_QUESTIONS, next_question
from holter.diagnosis.targets import diagnose_target
from holter.reports.catalogue import phrase

LOG = (
    "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus error. It is possible that dataloader's "
    "workers are out of shared memory. Please try to raise your shared memory limit.\n"
)
DF = "Filesystem      Size  Used Avail Use% Mounted on\nshm              64M   64M     0 100% /dev/shm\n"


def pieces(folder: Path, **texts: str):
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    targets = [str(folder / f"{name}.txt") for name in texts]
    return diagnose_pieces(targets, lambda target: diagnose_target(target, tell_observed=lambda _: None))


def test_pieces_become_one_case_and_each_fact_says_where_it_is_from(tmp_path: Path) -> None:
    result = pieces(tmp_path, log=LOG, df=DF)
    (diagnosis,) = result.diagnoses
    assert diagnosis.verdicts[0].cause == "shm-too-small"
    size = next(fact for fact in diagnosis.facts if fact.name == "shm.total_bytes")
    assert (size.value, "df.txt" in str(size.detail)) == (67108864.0, True)
    assert any(phrase(note, "en").startswith("df.txt: ") for note in result.notes)


def test_pieces_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    result = pieces(tmp_path, one=DF, two=DF.replace("64M", "16G").replace("100%", "3%"))
    notes = [phrase(note, "en") for note in result.notes]
    assert any("one.txt" in note and "two.txt" in note and "the first one counts" in note for note in notes)


def test_a_piece_that_cannot_be_read_is_named_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    result = pieces(tmp_path, log=LOG, empty="")
    assert result.diagnoses
    assert any("empty.txt" in phrase(note, "en") for note in result.notes)


def test_each_question_is_one_that_moves_the_ranking(tmp_path: Path) -> None:
    facts: dict[str, object] = {}
    asked: frozenset[str] = frozenset()
    first = next_question(facts, asked)
    assert first is not None and first.key == "kind"
    facts = dict(first.choices[0].facts)
    second = next_question(facts, frozenset({"kind"}))
    assert second is not None and second.key != "kind"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ask_ends_in_an_evidence_file_and_a_diagnosis(
    tmp_path: Path, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask", "--lang", lang], input="1\n" * MOST_QUESTIONS)
    assert done.exit_code == 1
    facts = json.loads((tmp_path / "holter-evidence.json").read_text())["facts"]
    assert facts["episode.kind"] == "stall"
    again = CliRunner().invoke(app, ["diagnose", "holter-evidence.json", "--json"])
    assert json.loads(again.stdout)["episodes"]
    refused = CliRunner().invoke(app, ["ask"], input="1\n")
    assert refused.exception is not None and "exists" in str(refused.exception)


def test_without_an_answer_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["ask"], input="\n" * 20)
    assert done.exception is not None
    assert list(tmp_path.iterdir()) == []
