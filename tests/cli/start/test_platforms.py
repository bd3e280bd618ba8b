"""Where there is no Linux: tapes, logs and pages are read; what watches a training says that it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.tape.registry import Entry, new_file, write

CHECKOUT = Path(__file__).parents[3]
TAPE = str(CHECKOUT / "tests" / "tapes" / "worker_killed" / "frozen_and_killed.holter")
# Hides what Windows lacks. The libraries are imported before: on Windows they are others than here.
HIDDEN = """
import os, signal, sys, sysconfig
import asyncio, concurrent.futures, getpass, json, multiprocessing, shutil, socket, sqlite3, subprocess, tempfile
import webbrowser, zipfile, jinja2, msgspec, psutil, pydantic, rich.console, rich.markdown, rich.table, typer
sysconfig.get_config_vars()
pydantic.TypeAdapter(int)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog"):
    sys.modules[name] = None
for name in (
    "getuid", "geteuid", "getgid", "getpgrp", "getpgid", "tcgetpgrp", "sysconf", "sched_getaffinity", "fork", "killpg",
    "setsid", "WNOHANG", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "uname", "fchmod", "statvfs",
    "posix_fadvise", "posix_spawn", "wait4", "pipe2", "mkfifo", "getloadavg", "nice",
):
    delattr(os, name)
for name in dir(signal):
    if name.startswith(("SIG", "pthread", "sig", "setitimer", "alarm", "pause")) and name not in (
        "SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN", "signal",
    ):
        delattr(signal, name)
sys.platform = "win32"
from holter.cli import main
main()
"""


def elsewhere(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HIDDEN, *arguments],
        env={**os.environ, "PYTHONUTF8": "1", "LC_ALL": "C", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "After it"),
        (["explain", "frozen-worker", "--json"], 0, "frozen-worker"),
        (["diagnose", TAPE], 1, "was killed"),
        (["report", TAPE, "-o", "{}/r.html"], 0, "wrote"),
        (["compare", TAPE, TAPE, "-o", "{}/c.html"], 0, "as fast as"),
        (["export", TAPE, "-o", "{}/tables"], 0, "episodes.csv"),
        (["list", str(Path(TAPE).parent)], 0, "Dataset801_HolterBrain"),
        (["nosuch"], 2, "There is no command nosuch."),
    ],
)
def test_tapes_and_pages_are_read_everywhere(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    done = elsewhere(*(word.replace("{}", str(tmp_path)) for word in arguments))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    words = " ".join((done.stdout + done.stderr).split())  # lines break where this machine's paths make them
    assert said in words


def test_a_log_is_diagnosed_everywhere(tmp_path: Path) -> None:
    log = tmp_path / "console.txt"
    log.write_text("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity)\n")
    done = elsewhere("diagnose", str(log))
    assert done.returncode == 1 and "gpu-out-of-memory" in done.stdout, done.stderr


def test_runs_of_a_linux_machine_that_shares_the_home_are_listed(tmp_path: Path) -> None:
    (tmp_path / "holter").mkdir()
    entry = Entry(tape="/scratch/a.holter", host="node7", place="node7 boot pid:[1]", pid=1, began="", seen="")
    write(new_file(tmp_path / "holter", "node7", 1), entry)
    done = elsewhere("list", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0 and "the tape is on node7: /scratch/a.holter" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", ["run -- python train.py", "train 4 3d_fullres 0", "attach 1", "doctor", "demo"])
def test_what_needs_linux_says_so(command: str) -> None:
    done = elsewhere(*command.split())
    assert done.returncode == 2 and done.stderr.splitlines()[0] == (
        f"holter: cannot-do-here: holter {command.split()[0]} works on Linux only; this is win32."
    )
    assert elsewhere(command.split()[0], "--help").returncode == 0


def test_a_process_is_observed_on_linux_alone() -> None:
    done = elsewhere("diagnose", "4711")
    assert done.returncode == 2 and "A process can be observed on Linux only" in done.stderr
