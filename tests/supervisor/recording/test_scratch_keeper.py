"""A clean-up of /tmp takes Holter's folder: it is made anew, or it is said what cannot be done any more."""

from __future__ import annotations

import shutil

import pytest

from holter.supervisor.recording.scratch import LOCK_NAME, Scratch, ScratchKeeper


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "holter-x").mkdir(mode=0o700)
    scratch = Scratch(tmp_path / "holter-x", owned=True)
    yield scratch
    scratch.close()


def told(keeper: ScratchKeeper) -> list[str]:
    return [notice.message.key for notice in keeper.see(1.0)]


def test_a_folder_that_is_there_is_left_alone(scratch):
    keeper = ScratchKeeper(scratch)
    assert told(keeper) == told(keeper) == []


def test_a_removed_folder_is_made_anew_and_locked_again(scratch):
    keeper = ScratchKeeper(scratch)
    shutil.rmtree(scratch.folder)
    assert told(keeper) == ["notice.scratch-gone"]
    assert (scratch.folder / LOCK_NAME).exists()
    assert scratch.folder.stat().st_mode & 0o777 == 0o700
    assert told(keeper) == []


def test_a_clean_up_that_takes_the_files_alone_is_mended_too(scratch):
    keeper = ScratchKeeper(scratch)
    (scratch.folder / LOCK_NAME).unlink()
    assert told(keeper) == ["notice.scratch-gone"]
    assert (scratch.folder / LOCK_NAME).exists()


def test_what_cannot_be_made_anew_is_said_once_and_tried_again(scratch):
    keeper = ScratchKeeper(scratch)
    shutil.rmtree(scratch.folder)
    scratch.folder.write_text("somebody else's")
    assert told(keeper) == ["notice.scratch-lost"]
    assert (told(keeper), keeper.is_lost) == ([], True)
    scratch.folder.unlink()
    assert told(keeper) == ["notice.scratch-gone"]
    assert not keeper.is_lost
