"""Two queues of one study: what one of them finds after it has looked, and before its training has the fold's lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import pytest

from holter.cli.studies.starting import cells_of
from holter.records import Message
from holter.reports.catalogue import phrase
from holter.study.local import Session, Settings
from holter.study.queue import Slot
from holter.study.records import Job
from holter.study.trainings import Trainings
from holter.supervisor.folds.fold_lock import FoldLock
from study.conftest import DATASET, World

REASON = Message(key="outcome.gave-up", values=())


class Rival(Trainings):
    """Trainings of this queue, and a moment at which the other one acts."""

    def __init__(self, out: Path, before: Callable[[], object], after: Callable[[], object] = lambda: None) -> None:
        """``before``: called before each start, after this queue has looked; ``after``: when a training has ended."""
        super().__init__(out, ())
        self.before, self.after, self.starts = before, after, 0

    def start(self, job: Job, slot: Slot, variables: Mapping[str, str], inherited: tuple[int, ...] = ()) -> int:
        self.starts += 1
        self.before()
        return super().start(job, slot, variables, inherited)

    def ended(self) -> list[tuple[Job, int | None]]:
        over = super().ended()
        if over:
            self.after()
        return over


def session_of(
    world: World,
    trainings: Trainings,
    said: list[str],
    *,
    retry: bool = False,
    on_poll: Callable[[], None] = lambda: None,
) -> Session:
    settings = Settings((Slot("cpu-0"),), world.folder / "out", retry=retry, spacing_s=0.0)
    environ = {**os.environ, **world.environ, "HOLTER_LANG": "en"}
    cells = cells_of(world.jobs("2d", folds="0"), environ, by_log=not retry)
    return Session(cells, settings, environ, lambda message: said.append(phrase(message, "en")), on_poll, trainings)


@pytest.mark.slow
def test_a_fold_that_the_other_queue_has_trained_before_the_lock_is_taken_is_left_as_it_is(world: World) -> None:
    said: list[str] = []
    (job,) = world.jobs("2d", folds="0")
    rival = Rival(world.folder / "out", before=lambda: world.done("2d", "0"))
    session = session_of(world, rival, said)
    assert session.run() == 0, [*said, rival.console_of(job).read_text()]
    assert rival.starts == 1 and session.queue.done == [job]
    assert "nothing is left to train" in rival.console_of(job).read_text()
    assert (job.folder / "checkpoint_final.pth").read_text() == "x"
    assert not list((world.folder / "out").glob("*.holter"))


@pytest.mark.slow
@pytest.mark.parametrize("is_done", [True, False])
def test_a_training_that_was_refused_is_no_failure_if_the_other_one_has_ended_since(
    world: World, is_done: bool
) -> None:
    said: list[str] = []
    (job,) = world.jobs("2d", folds="0")
    locks: list[FoldLock] = []

    def begin() -> None:
        if rival.starts == 1:
            locks.append(FoldLock(job.folder))
        else:
            world.done("2d", "0")  # the second start finds nothing to do

    def end() -> None:
        if locks:
            if is_done:
                world.done("2d", "0")
            locks.pop().close()

    rival = Rival(world.folder / "out", before=begin, after=end)
    session = session_of(world, rival, said)
    assert session.run() == 0, [*said, rival.console_of(job).read_text()]
    assert session.queue.done == [job] and not any("set aside" in words for words in said)
    assert rival.starts == (1 if is_done else 2)
    assert "Another Holter trains" in rival.console_of(job).read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("state", "fate"), [("dead", "set aside"), ("stopped", "stopped before its end")])
def test_what_died_while_it_was_asked_to_stop_is_not_continued(world: World, state: str, fate: str) -> None:
    said: list[str] = []
    script = world.folder / "python"
    script.write_text("#!/bin/sh\nexit 75\n")
    script.chmod(0o755)

    def end() -> None:
        if rival.starts == 1:
            world.entry(
                world.fold("2d", "0", "checkpoint_latest.pth"), state=state, cause="no-trainer", headline=REASON
            )
        session.queue.stop(REASON)

    rival = Rival(world.folder / "out", before=lambda: None, after=end)
    session = session_of(world, rival, said)
    with mock.patch.object(sys, "executable", str(script)):
        session.run()
    assert rival.starts == 1 and [line for line in said if line.startswith(fate)], said


@pytest.mark.slow
def test_what_was_asked_to_stop_is_continued_also_if_its_folder_cannot_be_read_for_a_moment(world: World) -> None:
    said: list[str] = []
    script, model = world.folder / "python", world.fold("2d", "0").parent
    script.write_text("#!/bin/sh\nexit 75\n")
    script.chmod(0o755)

    def end() -> None:
        (model / "fold_0").rmdir()
        (model / "fold_0").symlink_to("fold_0")  # too many links: nobody can read it, root included
        session.queue.stop(REASON)

    rival = Rival(world.folder / "out", before=lambda: None, after=end)
    session = session_of(world, rival, said)
    with mock.patch.object(sys, "executable", str(script)):
        session.run()
    assert [line for line in said if line.startswith("stopped before its end")], said


@pytest.mark.slow
@pytest.mark.parametrize("retry", [True, False])
def test_what_another_host_only_seems_to_train_is_started_with_retry(world: World, retry: bool) -> None:
    said: list[str] = []
    folder = world.fold("2d", "0", "checkpoint_latest.pth", "debug.json")
    (folder / "debug.json").write_text('{"hostname": "pod-a"}')
    world.log(folder, 40)
    rival = Rival(world.folder / "out", before=lambda: world.done("2d", "0"))
    session = session_of(world, rival, said, retry=retry)
    if not retry:
        threading.Timer(1.0, lambda: world.done("2d", "0")).start()
    assert session.run() == 0, said
    assert rival.starts == int(retry) and ("on pod-a" in said[0]) != retry, said


@pytest.mark.parametrize("headline", [REASON, None])
def test_a_fold_that_has_failed_in_the_other_queue_meanwhile_is_not_tried_again(
    world: World, headline: Message | None
) -> None:
    said: list[str] = []
    (job,) = world.jobs("2d", folds="0")
    rival = Rival(world.folder / "out", before=lambda: None)
    session = session_of(world, rival, said)
    job.folder.mkdir(parents=True)
    world.entry(job.folder, state="gave-up", headline=headline, cause="slow-storage")
    assert session.run() == 1
    assert rival.starts == 0 and said[0].startswith("set aside: ")
    assert [aside.cause for aside in session.queue.aside] == ["slow-storage"]


def test_who_stops_a_queue_hears_which_trainings_of_others_go_on(world: World) -> None:
    said: list[str] = []
    (job,) = world.jobs("2d", folds="0")
    lock = FoldLock(job.folder)
    try:
        rival = Rival(world.folder / "out", before=lambda: None)
        session = session_of(world, rival, said, on_poll=lambda: signal.raise_signal(signal.SIGINT))
        assert session.run() == 130
    finally:
        lock.close()
    assert "runs already" in said[0] and rival.starts == 0
    assert said[1].startswith("1 training of another call, or without its Holter, goes on: ") and "fold 0" in said[1]
    assert said[2:] == ["stopped; the same command continues"], "nothing of this call was asked to end"


# As a person would type it: plain nnU-Net, until a file is gone; then it leaves what a whole training leaves, or less.
BY_HAND = """
import pathlib, sys, time
folder, hold = map(pathlib.Path, sys.argv[5:7])
folder.mkdir(parents=True, exist_ok=True)
while hold.exists():
    time.sleep(0.1)
(folder / "validation").mkdir()
for name in sys.argv[7:]:
    (folder / name).write_text("x")
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_done", [True, False])
def test_a_fold_that_is_trained_by_hand_with_plain_nnunet_is_waited_for(world: World, is_done: bool) -> None:
    said: list[str] = []
    (job,) = world.jobs("2d", folds="0")
    program, hold = world.folder / "nnUNetv2_train", world.folder / "hold"
    program.write_text(BY_HAND)
    hold.touch()
    left = ("checkpoint_final.pth", "validation/summary.json") if is_done else ("checkpoint_latest.pth",)
    rival = Rival(world.folder / "out", before=lambda: world.done("2d", "0"))
    session = session_of(world, rival, said)  # nobody trains it yet
    words = [sys.executable, str(program), DATASET, "2d", "0", "--npz", str(job.folder), str(hold), *left]
    by_hand = subprocess.Popen(words, env={**os.environ, **world.environ})
    try:
        until_s = time.monotonic() + 60
        while world.cells("2d", folds="0")[0].state != "running":
            assert time.monotonic() < until_s
            time.sleep(0.1)
        threading.Timer(2.0, hold.unlink).start()
        assert session.run() == 0, said
    finally:
        hold.unlink(missing_ok=True)
        by_hand.wait()
    assert "runs already" in said[0] and "without Holter" in said[0]
    assert rival.starts == (0 if is_done else 1) and session.queue.done == [job]
