"""Files of a folder by a pattern: an unreadable folder is an error, in every Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.texts.results_folder import matching


def test_the_files_of_a_pattern_are_found(tmp_path: Path) -> None:
    for name in ("checkpoint_best.pth", "checkpoint_best.pth.tmp", "other.pth"):
        (tmp_path / name).touch()
    assert matching(tmp_path, "checkpoint_*.pth") == [tmp_path / "checkpoint_best.pth"]


def test_what_is_not_there_or_no_folder_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert matching(tmp_path / "absent", "*") == matching(tmp_path / "file", "*") == []


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        matching(tmp_path / ("x" * 300), "*")
