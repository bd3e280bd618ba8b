"""A tape on a file server that does not answer any more: the training is watched and ended as always."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from holter.demo.prepare import Prepared
from holter.errors import FolderNotWritable, TapeExists
from holter.linux.procfs import is_ending, read_text
from holter.records import Message, Noted, ProcessEnded
from holter.supervisor.recording.tape_place import DefaultTape, open_tape
from holter.tape import read
from holter.tape.remote_writer import MODULE, NO_ANSWER, OPENED_WITHIN_S, WRITER_ENDED, RemoteWriter, new_writer
from holter.tape.writer import TapeWriter
from needs import needs
from supervisor.hung_share import Share, hung_share

TOY = Path(__file__).parents[2] / "hook" / "toy_training.py"
WITHIN_S = 60.0
NOTE = Noted(t_s=1.0, what="test", text="a note")


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    with hung_share(tmp_path) as share:
        yield share


class Run:
    """``holter run`` of a training, whose lines go to a file."""

    def __init__(self, tape: Path, folder: Path, training: Sequence[str], cwd: Path, **variables: str) -> None:
        self._lines = folder / "lines"
        self.words = list(training)
        words = ["run", "--lang", "en", "-o", str(tape), "--", *training]
        environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(folder), **variables}
        with self._lines.open("w") as lines:
            self.holter = subprocess.Popen(
                [sys.executable, "-m", "holter", *words], stdout=lines, stderr=lines, cwd=cwd, env=environ
            )

    @property
    def lines(self) -> str:
        return self._lines.read_text()

    @property
    def training(self) -> psutil.Process:
        (found,) = (
            child for child in psutil.Process(self.holter.pid).children() if child.cmdline()[1:] == self.words[1:]
        )
        return found

    def says(self, words: str) -> None:
        end_s = time.monotonic() + WITHIN_S
        while words not in self.lines:
            assert time.monotonic() < end_s, self.lines
            assert self.holter.poll() is None, self.lines
            time.sleep(0.1)


@pytest.fixture
def toy(share: Share, tmp_path: Path) -> Run:
    (flag := tmp_path / "go-on").touch()
    run = Run(share.mount / "t.holter", tmp_path, (sys.executable, str(TOY), "--go-on-while", str(flag)), tmp_path)
    run.says("ready")
    time.sleep(5)
    return run


def finished(tape: Path) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not read(tape).finished:
        assert time.monotonic() < end_s
        time.sleep(0.1)


@pytest.mark.training
@pytest.mark.long
@pytest.mark.sample
@needs("fuse3", "dev-fuse")
def test_alarm_and_signal_do_not_wait_for_the_disk(share: Share, tmp_path: Path, brain: Prepared) -> None:
    """Tape, results and current folder are on the disk that hangs."""
    training = brain.command("--epochs", "400", "--iterations", "20", "--no-validation")
    variables = {**brain.environment(), "nnUNet_results": str(share.mount / "results"), "PYTHONUNBUFFERED": "1"}
    run = Run(Path("t.holter"), tmp_path, training, share.mount, **variables)
    run.says("Epoch 2")
    workers = run.training.children()
    share.hang()
    for worker in workers[:2]:
        worker.suspend()
    run.says("the tape cannot be written (its disk does not answer)")
    run.says("Stalled during training: worker")
    began_s = time.monotonic()
    run.holter.send_signal(signal.SIGTERM)
    assert run.holter.wait(WITHIN_S) == -signal.SIGTERM, run.lines
    print(f"ended {time.monotonic() - began_s:.1f} s after the signal")
    assert "writes the rest of the tape" in run.lines
    share.answer()
    finished(share.behind / "t.holter")
    tape = read(share.behind / "t.holter")
    assert "stall" in [episode.kind for episode in tape.episodes()]
    assert any(event.role == "main" for event in tape.events(ProcessEnded))
    for worker in workers:  # two are stopped, and one may wait for room in its queue
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.kill()
    psutil.wait_procs(workers, 10)


@pytest.mark.training
@needs("fuse3", "dev-fuse")
def test_a_short_silence_leaves_no_gap(share: Share, toy: Run, tmp_path: Path) -> None:
    share.hang()
    toy.says("the tape cannot be written (its disk does not answer)")
    share.answer()
    toy.says("the tape can be written again")
    (tmp_path / "go-on").unlink()
    assert toy.holter.wait(WITHIN_S) == 0, toy.lines
    tape = read(share.behind / "t.holter")
    seconds = [tick.t_s for tick in tape.ticks()]
    assert tape.finished and max(after - before for before, after in itertools.pairwise(seconds)) < 5
    assert not [note for note in tape.events(Noted) if note.what == "tape-gap"]


@pytest.mark.training
@needs("fuse3", "dev-fuse")
def test_a_killed_recorder_leaves_an_unfinished_tape(share: Share, toy: Run, tmp_path: Path) -> None:
    children = psutil.Process(toy.holter.pid).children()
    (writer,) = (child for child in children if MODULE in child.cmdline())
    training = toy.training
    toy.holter.kill()
    toy.holter.wait()
    psutil.wait_procs([writer], 10)
    assert not writer.is_running()
    tape = read(share.mount / "t.holter")
    assert not tape.finished and tape.duration_s > 1
    (tmp_path / "go-on").unlink()
    psutil.wait_procs([training], WITHIN_S)


@needs("fuse3", "dev-fuse")
def test_only_a_disk_that_may_hang_gets_a_process(share: Share, tmp_path: Path) -> None:
    near, far = new_writer(tmp_path / "near.holter"), new_writer(share.mount / "far.holter")
    assert isinstance(near, TapeWriter) and isinstance(far, RemoteWriter)
    for writer in (near, far):
        writer.write_events([NOTE])
        writer.close(2.0)
    assert near.is_there and far.is_there
    for tape in (near.path, far.path):
        assert read(tape).events(Noted) == (NOTE,) and read(tape).finished


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_writing_process_that_is_killed_or_stopped_costs_only_the_tape(share: Share, number: signal.Signals) -> None:
    writer = new_writer(share.mount / "t.holter")
    assert isinstance(writer, RemoteWriter)
    writer.write_events([NOTE])
    process = writer._process
    process.send_signal(number)
    if number == signal.SIGKILL:
        process.wait()
    end_s = time.monotonic() + WITHIN_S
    while writer.problem != WRITER_ENDED():
        assert time.monotonic() < end_s
        writer.write_events([Noted(t_s=2.0, what="test", text="x" * 100_000)])
    writer.write_events([NOTE])
    assert writer.lost_rows
    process.kill()
    writer.close(3.0)


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_disk_that_hangs_already_gets_no_tape_and_costs_seconds(share: Share, tmp_path: Path) -> None:
    before = psutil.Process().children()
    share.hang()
    began_s = time.monotonic()
    with pytest.raises(FolderNotWritable) as refused:
        new_writer(share.mount / "t.holter")
    assert time.monotonic() - began_s < 2 * OPENED_WITHIN_S
    assert dict(refused.value.what.values)["why"] == NO_ANSWER()
    share.answer()
    end_s = time.monotonic() + WITHIN_S
    while any(child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process().children() if child not in before):
        assert time.monotonic() < end_s
        time.sleep(0.1)
    assert list(share.behind.iterdir()) == [], "nobody waits for it any more"


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
def test_a_default_tape_goes_where_a_disk_answers(
    share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder and the home hang."""
    (share.behind / "here").mkdir()
    monkeypatch.chdir(share.mount / "here")
    share.hang()
    said: list[Message] = []
    folders = [Path(), share.mount / "state", tmp_path / "state"]
    writer = open_tape(DefaultTape("t.holter", folders), force=False, say=said.append)
    monkeypatch.undo()
    try:
        assert writer.path == tmp_path / "state" / "t.holter" and writer.is_there
        (message,) = said
        assert message.key == "tape.elsewhere" and message.value("folder") == str(tmp_path / "state")
    finally:
        writer.close(1.0)


@pytest.mark.slow
@needs("fuse3", "dev-fuse")
@pytest.mark.parametrize("how", ["killed", "killed, then it answers", "exists", "forced", "numbered"])
def test_whether_a_tape_is_there_is_never_guessed(share: Share, how: str) -> None:
    path = share.mount / "t.holter"
    if how in ("exists", "forced", "numbered"):
        new_writer(path).close(1.0)
        if how == "exists":
            with pytest.raises(TapeExists):
                new_writer(path)
            return
        writer = new_writer(path, force=how == "forced", numbered=how == "numbered")
        assert isinstance(writer, RemoteWriter)
        assert writer.is_there
        assert writer.path == (path if how == "forced" else share.mount / "t-2.holter")
        writer.close(1.0)
        assert writer.is_there and read(writer.path).finished
        return
    writer = new_writer(path)
    assert isinstance(writer, RemoteWriter)
    assert writer.is_there
    share.hang()
    writer._process.kill()  # the kernel ends it when the disk answers
    end_s = time.monotonic() + WITHIN_S
    while writer.problem != WRITER_ENDED():
        assert time.monotonic() < end_s
        writer.write_events([NOTE])
        time.sleep(0.1)
    began_s = time.monotonic()
    assert not writer.is_there
    assert time.monotonic() - began_s < 10
    if how != "killed":
        share.answer()
        assert writer.is_there, "cut, and readable"
    writer.close(1.0)


@pytest.mark.training
@pytest.mark.long
@needs("fuse3", "dev-fuse", "root")
@pytest.mark.parametrize("answers", [False, True])
def test_the_first_process_of_a_container_says_what_is_lost(share: Share, tmp_path: Path, answers: bool) -> None:
    """The kernel ends the writing process together with Holter, in a PID namespace of its own."""
    tape, lines, flag = share.mount / "t.holter", tmp_path / "lines", tmp_path / "go-on"
    flag.touch()
    words = ["run", "--lang", "en", "-o", str(tape), "--", sys.executable, str(TOY), "--go-on-while", str(flag)]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)}
    with lines.open("w") as out:
        holter = subprocess.Popen(
            ["unshare", "-pf", "--mount-proc", sys.executable, "-m", "holter", *words],
            stdout=out,
            stderr=out,
            env=environ,
        )
    run = Run.__new__(Run)
    run._lines, run.holter = lines, holter
    run.says("ready")
    time.sleep(5)
    share.hang()
    run.says("the tape cannot be written (its disk does not answer)")
    flag.unlink()
    run.says("Holter waits for it for up to 30 s")
    if not answers:  # the kernel ends the namespace when it could end the writing process
        run.says("of the recording are lost")
        (first,) = psutil.Process(holter.pid).children()
        end_s = time.monotonic() + WITHIN_S
        while not is_ending(read_text(f"/proc/{first.pid}/stat"), None):
            assert time.monotonic() < end_s, run.lines
            time.sleep(0.1)
    share.answer()
    assert holter.wait(2 * WITHIN_S) == 0, run.lines
    assert "writes the rest of the tape" not in run.lines
    assert ("the tape is complete" in run.lines) == answers, run.lines
    assert ("of the recording are lost" in run.lines) != answers, run.lines
    assert read(share.behind / "t.holter").finished == answers
