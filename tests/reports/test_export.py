from __future__ import annotations

import csv
import sys
from pathlib import Path

import msgspec
import pytest

from holter.errors import MissingExtra, TapeExists
from holter.evidence.words import ENDED, EXIT_CODE
from holter.records import Episode, Subject
from holter.reports.export import export_csv, export_parquet
from holter.tape import Recording
from needs import imported

TABLES = {"host", "cgroup", "process", "gpu", "storage", "beat", "events", "probe_runs", "episodes"}


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


def test_nothing_is_overwritten_without_force(recording: Recording, tmp_path: Path) -> None:
    export_csv(recording, tmp_path)
    with pytest.raises(TapeExists, match=r"host\.csv"):
        export_csv(recording, tmp_path)
    assert len(export_csv(recording, tmp_path, force=True)) == len(TABLES)


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
