"""A worker that was forked in the moment in which its main process was killed: no reading saw it, its lock shows it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from holter.probes.process.process_files import started
from holter.supervisor.folds.fold_lock import FILE, FoldLock
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
