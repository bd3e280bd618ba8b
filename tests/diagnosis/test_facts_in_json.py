"""``holter diagnose --json`` lists each fact with the words that it came from, and the piece that holds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app

STORY = "Training stands still after 5 epochs. GPU utilization is 0 %. We use docker.\n"
DF = (
    "$ df -h /dev/shm\nFilesystem      Size  Used Avail Use% Mounted on\n"
    "shm              64M   64M     0 100% /dev/shm\n"
)  # fmt: skip


def document(*targets: Path) -> dict[str, object]:
    done = CliRunner().invoke(app, ["diagnose", "--json", *map(str, targets)])
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def facts(*targets: Path) -> list[dict[str, object]]:
    return document(*targets)["target"]["facts"]  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    return path


def test_a_fact_of_a_text_has_its_words(story: Path) -> None:
    by_name = {fact["fact"]: fact for fact in facts(story)}
    assert by_name["system.container"] == {
        "fact": "system.container", "value": "docker", "words": "We use docker.", "piece": "story.txt",
    }  # fmt: skip
    assert by_name["gpu.utilization_ratio"]["words"] == "GPU utilization is 0 %."
    assert "resembles" not in by_name


def test_of_several_pieces_each_fact_names_its_own(story: Path, tmp_path: Path) -> None:
    output, evidence = tmp_path / "df.txt", tmp_path / "facts.json"
    output.write_text(DF)
    evidence.write_text(
        json.dumps({"facts": {"workers.count": 12, "storage.fs_type": {"value": "nfs4", "detail": "mount says nfs4"}}})
    )
    read = {(fact["piece"], fact["fact"]): fact for fact in facts(story, output, evidence)}
    assert read["story.txt", "system.container"]["words"] == "We use docker."
    assert "64M" in str(read["df.txt", "shm.total_bytes"]["words"])
    assert read["facts.json", "workers.count"]["words"] == ""
    assert read["facts.json", "storage.fs_type"]["words"] == "mount says nfs4"


def test_nothing_with_the_score_0_is_listed_but_what_is_excluded(story: Path) -> None:
    for episode in document(story)["episodes"]:  # type: ignore[attr-defined]
        assert all(entry["score"] > 0 or entry["verdict"] == "excluded" for entry in episode["diagnosis"])
