"""The long tape of the benchmarks is written in a short way; a view cannot tell it from the long way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from benchmarks.views import scene

SECONDS = 2400  # minutes that are means, and the last ones as they were read


def _rows(tape: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(tape)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.slow
def test_a_thin_tape_has_the_rows_of_a_whole_one(tmp_path: Path) -> None:
    whole, thin = tmp_path / "whole.holter", tmp_path / "thin.holter"
    scene.write(whole, SECONDS)
    scene.write(thin, SECONDS, thin=True)
    for query in (
        "SELECT t_ms, data FROM event ORDER BY rowid",
        "SELECT t_ms, kind FROM rollup ORDER BY t_ms, kind",
        "SELECT t_ms, kind FROM reading ORDER BY t_ms, kind",
    ):
        assert _rows(thin, query) == _rows(whole, query)
    assert len(_rows(whole, "SELECT DISTINCT t_ms FROM rollup")) > 10
