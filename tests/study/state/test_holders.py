"""Who holds a fold: locks of other hosts, wrong clocks, and files that are no locks."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest
from rich.console import Console

from holter.reports.catalogue import phrase
from holter.study.state import holders
from holter.study.state.holders import QUIET_S, Silences, holder_of
from holter.study.state.survey import look, survey
from holter.study.terminal import print_status
from holter.supervisor.folds.fold_lock import FILE, STALE_S
from needs import needs
from study.conftest import World

NODE = {"host": "node7 boot space", "pid": 7, "started": 1, "token": "x"}
YEAR_S = 365 * 86400.0


def lock(folder: Path, age_s: float = 0.0, about: object = NODE) -> Path:
    file = folder / FILE
    file.write_text(json.dumps(about))
    at = time.time() - age_s
    os.utime(file, (at, at))
    return file


@pytest.mark.parametrize(
    ("age_s", "runs"), [(0, True), (STALE_S - 30, True), (STALE_S + 30, False), (-STALE_S / 2, True), (-YEAR_S, True)]
)
def test_in_one_look_the_age_decides_and_a_lock_from_the_future_is_not_called_dead(
    world: World, age_s: float, runs: bool
) -> None:
    lock(world.fold("2d", "0"), age_s)
    assert world.cells("2d")[0].state == ("running" if runs else "missing")


def trained_by_hand(world: World, fold: str, host: str, age_s: float) -> Path:
    """A fold as plain nnU-Net leaves it on a host: no lock, the host's name, a log."""
    folder = world.fold("2d", fold, "checkpoint_latest.pth")
    (folder / "debug.json").write_text(json.dumps({"hostname": host}))
    world.log(folder, 40)
    at = time.time() - age_s
    for log in folder.glob("training_log_*"):
        os.utime(log, (at, at))
    return folder


def test_a_fold_that_plain_nnunet_trains_on_another_host_runs_until_its_log_is_quiet(world: World) -> None:
    folder = trained_by_hand(world, "0", "node9", 60.0)
    trained_by_hand(world, "1", "node9", QUIET_S + 60)
    trained_by_hand(world, "2", socket.gethostname(), 60.0)
    world.entry(trained_by_hand(world, "3", "node9", 60.0), host="node9", state="stopped")
    (trained_by_hand(world, "4", "node9", 60.0) / "debug.json").write_text("[1")
    cells = world.cells("2d")
    assert [cell.state for cell in cells] == ["running", *["unfinished"] * 4]
    console = Console(record=True, width=250)
    print_status(console, cells, "en", time.time())
    assert console.export_text().count("on node9, as its training log of 1 min 0 s ago suggests; if") == 1
    world.done("2d", "0")
    assert world.cells("2d")[0].state == "done"
    (folder / "checkpoint_final.pth").unlink()
    world.log(folder, 40, seconds=600.0)
    at = time.time() - QUIET_S - 60
    os.utime(next(folder.glob("training_log_*")), (at, at))
    assert world.cells("2d")[0].state == "running", "an epoch takes ten minutes"


@pytest.mark.parametrize(("hours", "runs"), [(10, True), (12, False)])
def test_a_log_that_is_older_than_one_and_a_half_long_epochs_is_quiet(world: World, hours: int, runs: bool) -> None:
    folder = trained_by_hand(world, "0", "pod-a", 0.0)
    world.log(folder, 40, seconds=25000.0)
    at = time.time() - hours * 3600
    os.utime(next(folder.glob("training_log_*")), (at, at))
    assert (world.cells("2d")[0].state == "running") == runs


def test_a_number_in_a_log_that_is_none_ends_no_look(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.log(folder, 2)
    with next(folder.glob("training_log_*")).open("a") as log:
        log.write("2026-11-28 11:00:00.1: Epoch time: ... s\n2026-11-28 11:00:00.1: val_loss ... \n")
    cell = world.cells("2d")[0]
    assert (cell.state, cell.epochs_done, cell.epoch_s, cell.loss) == ("unfinished", 2, 60.0, -0.5)


def test_a_lock_from_the_future_is_shown_as_what_it_is(world: World) -> None:
    lock(world.fold("2d", "0"), -YEAR_S)
    lock(world.fold("2d", "1"))
    console = Console(record=True, width=250)
    print_status(console, world.cells("2d"), "en", time.time())
    assert console.export_text().count("later than the clock of this machine shows, so it may have ended") == 1


@pytest.mark.slow
def test_whoever_looks_again_believes_no_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "STALE_S", 1.0)
    ahead, behind = world.fold("2d", "0"), world.fold("2d", "1")
    lock(ahead, -YEAR_S)  # written before the clock was set back, and silent since
    silences: Silences = {}
    assert holder_of(ahead, silences) is not None
    file = lock(behind, YEAR_S)  # by a server whose clock is a year behind, and refreshed
    assert holder_of(behind, silences) is None, "the first look has only its age"
    time.sleep(1.1)
    os.utime(file, (1e9, 1e9))
    assert holder_of(ahead, silences) is None
    assert holder_of(behind, silences) is not None
    time.sleep(1.1)
    assert holder_of(behind, silences) is None, "it has ended"


@pytest.mark.slow
def test_a_look_keeps_what_the_looks_before_saw(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "STALE_S", 0.5)
    lock(world.fold("2d", "0"), -YEAR_S)
    silences: Silences = {}
    states = []
    for _ in range(2):
        states.append(survey(world.jobs("2d", folds="0"), look((), world.environ, silences))[0].state)
        time.sleep(0.6)
    assert states == ["running", "missing"]


@pytest.mark.parametrize(
    "text", ["", "\0\xff\n", "[]", "7", '{"host": 7, "pid": "seven"}', '{"pid": null}', "{" * 9999]
)
def test_a_lock_that_says_nothing_counts_and_that_is_said(world: World, text: str) -> None:
    file = world.fold("2d", "0") / FILE
    file.write_bytes(text.encode("latin-1"))
    (cell, *_) = world.cells("2d")
    assert cell.state == "running" and str(file) in phrase(cell.why, "en")


def test_what_is_no_lock_keeps_no_fold(world: World) -> None:
    (world.fold("2d", "0") / FILE).symlink_to(world.folder / "nothing")
    (world.fold("2d", "1").parent / "fold_2").write_text("a file, not a folder")
    (world.fold("2d", "1").parent / "fold_3").symlink_to(world.folder / "a-disk-that-is-gone")
    assert [cell.state for cell in world.cells("2d")] == ["missing"] * 5


def test_a_folder_that_cannot_be_read_is_named_with_the_reason(world: World) -> None:
    loop = world.fold("2d", "0").parent / "fold_1"
    loop.symlink_to(loop)
    cell = world.cells("2d")[1]
    assert cell.state == "broken" and "cannot be read: Too many levels" in phrase(cell.why, "en")


@pytest.mark.root
@needs("root")
def test_the_results_of_another_user_end_no_look(world: World) -> None:
    fold = world.done("3d_lowres", "0")
    for place in (world.folder, *world.folder.parents[:3], *world.folder.rglob("*")):
        place.chmod(place.stat().st_mode | 0o055)
    fold.chmod(0o700)
    os.seteuid(65534)
    try:
        (cell, *_) = world.cells("3d_lowres")
        cascade = world.cells("3d_cascade_fullres")
    finally:
        os.seteuid(0)
    assert cell.state == "broken" and "Permission denied" in phrase(cell.why, "en")
    assert cascade[0].state == "blocked" and "0" in phrase(cascade[0].why, "en")
