from __future__ import annotations

import csv
import json
import stat
import sys
from pathlib import Path

import msgspec
import pytest

from holter.errors import MissingExtra, TapeExists
from holter.evidence.words import ENDED, EXIT_CODE
from holter.records import Episode, Subject
from holter.reports.html import write_html
from holter.reports.tables.export import export_csv, export_parquet
from holter.tape import Recording
from needs import imported

TABLES = {"host", "cgroup", "process", "gpu", "storage", "beat", "events", "epochs", "probe_runs", "episodes"}


def test_every_kind_of_sample_gets_its_file(recording: Recording, tmp_path: Path) -> None:
    written = export_csv(recording, tmp_path / "out")
    assert {path.stem for path in written} == TABLES
    assert all(path.exists() for path in written)


def test_an_unknown_value_is_an_empty_cell_and_never_a_zero(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path)
    with (tmp_path / "host.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(recording.all_ticks)
    assert rows[0]["swap_used_bytes"] == ""
    assert rows[0]["cpu_count"] == "16"
    assert rows[0]["span_s"] == "0.0"


def test_events_keep_their_kind_and_details(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path)
    with (tmp_path / "events.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["event"] for row in rows}
    assert {"phase", "epoch", "exception", "process-ended", "log"} <= kinds


def test_an_episode_has_its_subject_and_reason_in_words(recording: Recording, tmp_path: Path) -> None:
    worker = Subject(role="train-worker", index=2, pid=7)
    ended = Episode(
        kind="death", start_s=1.0, alarm_s=2.0, subject=worker, reason=ENDED(who=worker, ending=EXIT_CODE(number=3))
    )
    export_csv(msgspec.structs.replace(recording, all_episodes=(ended,)), tmp_path)
    with (tmp_path / "episodes.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["subject"], row["reason"]) == ("train-worker 2 (PID 7)", "worker 2 (PID 7) ended: exit code 3")


@pytest.mark.slow
def test_nothing_is_overwritten_without_force(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path)
    with pytest.raises(TapeExists, match=r"host\.csv"):
        export_csv(recording, tmp_path)
    assert len(export_csv(recording, tmp_path, force=True)) == len(TABLES)


@pytest.mark.slow
def test_parquet_holds_the_same_rows(recording: Recording, tmp_path: Path) -> None:
    parquet = imported("pyarrow.parquet")
    export_parquet(recording, tmp_path)
    table = parquet.read_table(tmp_path / "gpu.parquet")
    assert table.num_rows == len(recording.all_ticks)
    assert table.column("power_limit_w")[0].as_py() == 230.0
    assert table.column("temperature_c")[0].as_py() is None


def test_without_pyarrow_the_command_to_install_it_is_told(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra) as told:
        export_parquet(recording, tmp_path)
    assert "pip install" in told.value.next_step


def test_epochs_have_a_table_and_every_row_the_time_of_the_clock(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path)
    with (tmp_path / "epochs.csv").open(encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    assert [row["epoch"] for row in epochs] == ["0", "1", "2"]
    assert float(epochs[2]["mean_pseudo_dice"]) == pytest.approx(sum(json.loads(epochs[2]["pseudo_dice"])) / 2)
    for name in TABLES - {"gpu", "episodes"}:
        with (tmp_path / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert all(row["wall"].startswith("2026-03-04T09:") for row in rows), name
    with (tmp_path / "episodes.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["start_wall"].startswith("2026-03-04T09:")


@pytest.mark.slow
def test_only_the_owner_can_read_what_was_written_even_over_an_open_file(recording: Recording, tmp_path: Path) -> None:
    there = tmp_path / "host.csv"
    there.write_text("old", encoding="utf-8")
    there.chmod(0o644)
    report = tmp_path / "run.html"
    written = [*export_csv(recording, tmp_path, force=True), write_html(recording, (), report)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert not list(tmp_path.glob(".*"))
