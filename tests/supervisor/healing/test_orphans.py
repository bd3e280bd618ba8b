"""A worker that was forked in the moment in which its main process was killed: no reading saw it, its lock shows it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
from pathlib import Path

import psutil
import pytest

from holter.probes.process.process_files import started
from holter.records import ProcessSample, Tick
from holter.supervisor.folds.fold_lock import FILE, FoldLock
from holter.supervisor.healing import training_state
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.recording.sources import Left, left_of
from holter.supervisor.run import run

SCRIPT = """
import os, signal, sys, time
worker = os.fork()
if worker:
    open(sys.argv[1], "w").write(str(worker))
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(600)
"""


@pytest.mark.slow
def test_it_is_ended_with_the_run_and_the_fold_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    lock = FoldLock(tmp_path / "fold_0")
    result = run(
        (sys.executable, "-c", SCRIPT, str(tmp_path / "worker")),
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
        end_orphans=True,
        keep_fds=(lock.fd,),
    )
    worker = int((tmp_path / "worker").read_text())
    assert result.returncode == -9
    assert started(worker) is None
    lock.close()
    assert not (tmp_path / "fold_0" / FILE).exists()


UPLOADS = """
import os, sys, time
upload = os.fork()
if upload:
    open(sys.argv[1], "w").write(str(upload))
    time.sleep(3)  # long enough to be taken for a worker, from outside
    sys.exit(0)
os.setsid()
time.sleep(600)
"""


@pytest.mark.slow
def test_what_a_training_leaves_behind_at_a_good_end_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    lock = FoldLock(tmp_path / "fold_0")
    result = run(
        (sys.executable, "-c", UPLOADS, str(tmp_path / "upload")),
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
        end_orphans=True,
        keep_fds=(lock.fd,),
    )
    upload = int((tmp_path / "upload").read_text())
    try:
        assert result.returncode == 0
        assert started(upload) is not None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(upload, signal.SIGKILL)
        lock.close()


RANKS = """
import multiprocessing, os, pathlib, sys, time
def rank(folder, number):
    worker = os.fork()
    if worker == 0:
        time.sleep(600)
    (folder / f"worker-{number}").write_text(str(worker))
    while not (folder / "fails").exists():
        time.sleep(0.1)
    os._exit(1)
if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    if (folder / "once").exists():
        sys.exit(0)
    (folder / "once").touch()
    context = multiprocessing.get_context("spawn")
    ranks = [context.Process(target=rank, args=(folder, number)) for number in (0, 1)]
    for each in ranks:
        each.start()
    for each in ranks:
        each.join()
    sys.exit(1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("heal", [False, True])
def test_workers_of_ranks_that_failed_are_named_and_end_before_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heal: bool
) -> None:
    """No rank has a heartbeat, so that from outside its workers have no role."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(training_state, "OWN_WORKS_AFTER_S", 2.0)
    (tmp_path / "ranks.py").write_text(RANKS)
    seen: list[int] = []

    def look(recorder: Recorder, tick: Tick) -> None:
        workers = [int(file.read_text() or 0) for file in tmp_path.glob("worker-?")]
        if len(workers) == 2 and {*workers} <= {process.pid for process in tick.processes}:
            seen.append(1)
        if len(seen) == 5:
            (tmp_path / "fails").touch()

    command = (sys.executable, str(tmp_path / "ranks.py"), str(tmp_path))
    result = run(
        command,
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
        each_tick=look,
        heal=heal,
        resume=shlex.join(command) if heal else None,
    )
    workers = tuple(sorted(int((tmp_path / f"worker-{number}").read_text()) for number in (0, 1)))
    try:
        assert result.returncode == (0 if heal else 1)
        assert tuple(sorted(result.orphans)) == (() if heal else workers)
        if heal:
            assert [worker for worker in workers if started(worker) is not None] == []
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


BACKGROUND = """
import os, sys, time
if os.fork():
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(600)
time.sleep(600)
"""


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]


@pytest.mark.slow
def test_a_training_that_a_script_left_in_the_background_keeps_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "train.py").write_text(BACKGROUND)
    script = f"{sys.executable} {tmp_path / 'train.py'} {tmp_path / 'main'} & sleep 4; exit 0"
    result = run(
        ("bash", "-c", script),
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
        end_orphans=True,
    )
    main = int((tmp_path / "main").read_text())
    try:
        assert (result.returncode, result.goes_on, result.orphans) == (0, (main,), ())
        assert len(children(main)) == 1, "its worker lives"
        assert list((tmp_path / "tmp").glob("holter-*/recorder.lock")), "its pages have a place"
    finally:
        for pid in (*children(main), main):
            os.kill(pid, signal.SIGKILL)


DAEMON = """
import os, pathlib, sys, time
own = pathlib.Path(sys.argv[1]) / "own"
own.write_text(str(os.getpid()))
own.rename(own.with_name("main"))
time.sleep(600)
"""


@pytest.mark.slow
def test_a_training_in_the_background_is_named_though_no_reading_saw_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "train.py").write_text(DAEMON)
    # It has left the tree of processes at once.
    script = f"setsid -f {sys.executable} {tmp_path / 'train.py'} {tmp_path}; until [ -e {tmp_path}/main ]; do :; done"
    result = run(
        ("bash", "-c", script),
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
    )
    main = int((tmp_path / "main").read_text())
    try:
        assert (result.returncode, result.goes_on, result.orphans) == (0, (main,), ())
    finally:
        os.kill(main, signal.SIGKILL)


LEAVES = """
import os, pathlib, signal, subprocess, sys, time
own = pathlib.Path(sys.argv[1])
helper = "import time; time.sleep(600)  # multiprocessing.resource_tracker"
tracker = subprocess.Popen([sys.executable, "-c", helper], start_new_session=True)
worker = os.fork() if sys.argv[2] == "worker" else tracker.pid
if worker == 0:
    time.sleep(600)
(own / "left").write_text(f"{tracker.pid} {worker}")
time.sleep(4)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["worker", "tracker"])
def test_what_a_killed_training_leaves_is_no_process_that_goes_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    result = run(
        (sys.executable, "-c", LEAVES, str(tmp_path), kind),
        tmp_path / "run.holter",
        variables=dict(os.environ),
        quiet_output=tmp_path / "output.txt",
    )
    tracker, worker = map(int, (tmp_path / "left").read_text().split())
    try:
        assert (result.goes_on, result.orphans) == ((), (worker,) if kind == "worker" else ())
    finally:
        for pid in {tracker, worker}:
            os.kill(pid, signal.SIGKILL)


def process(pid: int, ppid: int, role: str) -> ProcessSample:
    return ProcessSample(t_s=0.0, pid=pid, ppid=ppid, role=role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("processes", "left"),
    [
        ([process(7, 1, "main"), process(8, 7, "train-worker")], Left((7,), ())),
        ([process(8, 1, "train-worker"), process(9, 1, "other")], Left((), (8,))),
        # A server of forks is between them; with its main process gone it is left as well.
        ([process(7, 1, "main"), process(8, 7, "other"), process(9, 8, "train-worker")], Left((7,), ())),
        ([process(8, 1, "other"), process(9, 8, "train-worker")], Left((), (9,))),
        # Of two ranks one has died.
        ([process(7, 1, "main"), process(8, 7, "train-worker"), process(9, 1, "val-worker")], Left((7,), (9,))),
        ([process(8, 9, "train-worker"), process(9, 8, "other")], Left((), (8,))),  # a PID that was given again
    ],
)
def test_workers_of_a_living_main_process_are_no_orphans(processes: list[ProcessSample], left: Left) -> None:
    assert left_of(processes) == left
