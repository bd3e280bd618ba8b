"""A home on a file server that does not answer: the training starts, is watched and ends as always."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holter.supervisor.registry_process import MODULE, RemoteRegistryFile, entry_writer
from holter.tape.registry import Kept, read_all
from needs import needs
from supervisor.hung_share import Share, hung_share

TOY = Path(__file__).parents[2] / "hook" / "toy_training.py"
WITHIN_S = 60.0
# Of Holter after the end of its training: it waits two seconds for the registry.
ENDS_WITHIN_S = 20.0

pytestmark = [pytest.mark.training, pytest.mark.long]


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    with hung_share(tmp_path) as share:
        (share.behind / "home").mkdir()
        yield share
        share.answer()
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or ()
            if str(tmp_path / "go-on") in words:  # workers of a training that SIGTERM has ended
                process.kill()
            elif MODULE in words and process.environ().get("TMPDIR") == str(tmp_path):  # it ends when the disk answers
                process.wait(WITHIN_S)


class Run:
    """``holter run`` with a home on the share; everything else is on a disk that works."""

    def __init__(self, folder: Path, home: Path, *, named: bool) -> None:
        self.flag, self._lines = folder / "go-on", folder / "lines"
        self.flag.touch()
        environ = {**os.environ, "TMPDIR": str(folder), "HOME": str(home), "PYTHONNOUSERSITE": "1"}
        environ = {name: value for name, value in environ.items() if not name.startswith("XDG_")}
        if named:
            environ["XDG_STATE_HOME"] = str(home / "state")
        words = ["run", "--lang", "en", "--", sys.executable, str(TOY), "--go-on-while", str(self.flag)]
        self.began_s = time.monotonic()
        with self._lines.open("w") as lines:
            self.holter = subprocess.Popen(
                [sys.executable, "-m", "holter", *words], stdout=lines, stderr=lines, cwd=folder, env=environ
            )

    @property
    def lines(self) -> str:
        return self._lines.read_text()

    def says(self, words: str, within_s: float = WITHIN_S) -> float:
        while words not in self.lines:
            assert time.monotonic() < self.began_s + within_s, self.lines
            assert self.holter.poll() is None, self.lines
            time.sleep(0.1)
        return time.monotonic() - self.began_s

    def ends(self) -> int:
        self.flag.unlink()
        try:
            return self.holter.wait(ENDS_WITHIN_S)
        finally:
            self.holter.kill()

    def entries(self, folder: Path) -> tuple[Kept, ...]:
        return read_all([folder])


def listed(run: Run, folder: Path) -> Kept:
    end_s = time.monotonic() + WITHIN_S
    while not (kept := run.entries(folder)):
        assert time.monotonic() < end_s
        time.sleep(0.1)
    return kept[0]


def state_of(home: Path, *, named: bool) -> Path:
    return home / ("state" if named else ".local/state") / "holter"


@needs("fuse3", "dev-fuse")
@pytest.mark.parametrize("named", [False, True])
def test_a_home_that_hangs_before_the_start_costs_seconds(share: Share, tmp_path: Path, named: bool) -> None:
    share.hang()
    run = Run(tmp_path, share.mount / "home", named=named)
    print(f"ready after {run.says('ready'):.1f} s")
    assert "/home/.config/holter/holter.toml is not read: its disk does not answer" in run.lines
    time.sleep(15)
    assert run.ends() == 0, run.lines
    (kept,) = run.entries(tmp_path / f"state-of-holter-{os.getuid()}")
    assert kept.entry.ended is not None, "it is listed where a disk answers"


@needs("fuse3", "dev-fuse")
@pytest.mark.parametrize("answers", [False, True])
def test_a_home_that_dies_in_mid_run_keeps_nobody_from_ending(share: Share, tmp_path: Path, answers: bool) -> None:
    home = share.mount / "home"
    run = Run(tmp_path, home, named=False)
    run.says("ready")
    folder = state_of(share.behind / "home", named=False)
    assert listed(run, folder).entry.state == "running"
    share.hang()
    if answers:
        run.says("holter list shows an older state of this run (its disk does not answer)", 120)
        share.answer()
        time.sleep(1)
    else:
        time.sleep(2)
    began_s = time.monotonic()
    assert run.ends() == 0, run.lines
    print(f"ended after {time.monotonic() - began_s:.1f} s")
    share.answer()
    end_s = time.monotonic() + WITHIN_S
    while listed(run, folder).entry.ended is None:
        assert time.monotonic() < end_s, "the last state is written when the disk answers"
        time.sleep(0.1)
    assert len(run.entries(folder)) == 1


@needs("fuse3", "dev-fuse")
def test_ctrl_c_does_not_wait_for_a_dead_home(share: Share, tmp_path: Path) -> None:
    run = Run(tmp_path, share.mount / "home", named=False)
    run.says("ready")
    listed(run, state_of(share.behind / "home", named=False))
    share.hang()
    time.sleep(32)  # an entry waits by now
    began_s = time.monotonic()
    run.holter.terminate()
    assert run.holter.wait(ENDS_WITHIN_S) != 0, run.lines
    print(f"ended after {time.monotonic() - began_s:.1f} s")


@needs("fuse3", "dev-fuse")
def test_only_a_disk_that_may_hang_gets_a_process_for_its_entries(share: Share, tmp_path: Path) -> None:
    near = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert not isinstance(entry_writer(near), RemoteRegistryFile)
    assert isinstance(entry_writer({"XDG_STATE_HOME": str(share.mount / "state")}), RemoteRegistryFile)
    assert isinstance(entry_writer({"HOME": str(share.mount / "home")}), RemoteRegistryFile)
    (tmp_path / "link").symlink_to(share.mount / "home")
    share.hang()  # also through a link, and without an access
    assert isinstance(entry_writer({"HOME": str(tmp_path / "link")}), RemoteRegistryFile)
