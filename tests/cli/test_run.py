"""``holter run`` is not to be noticed: exit codes, signals and output are those of the command."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from holter.evidence.scope import JOBS
from holter.reports.catalogue import phrase
from holter.tape import read

HOLTER = (sys.executable, "-m", "holter")


def holter(*arguments: str, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HOLTER, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False, **options
    )


def start(*command: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HOLTER, "run", "-o", "t.holter", "--", *command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )


def child_of(process: subprocess.Popen[str], name: str) -> psutil.Process:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for child in psutil.Process(process.pid).children(recursive=True):
            if name in " ".join(child.cmdline()):
                return child
        time.sleep(0.05)
    raise AssertionError(f"no child {name}")


@pytest.mark.parametrize("code", [0, 1, 3, 42])
def test_the_exit_code_is_passed_on(tmp_path, code):
    done = holter("run", "-o", "t.holter", "--", "sh", "-c", f"exit {code}", cwd=tmp_path)
    assert done.returncode == code
    assert read(tmp_path / "t.holter").finished


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "ABRT"])
def test_death_by_a_signal_is_passed_on_as_that_signal(tmp_path, name):
    done = holter("run", "-o", "t.holter", "--", "sh", "-c", f"kill -{name} $$", cwd=tmp_path)
    assert done.returncode == -getattr(signal, f"SIG{name}")


def test_output_and_input_pass_through_untouched(tmp_path):
    done = holter(
        "run", "-q", "-o", "t.holter", "--", "sh", "-c", "cat; echo warned >&2", cwd=tmp_path, input="one\ntwo\n"
    )
    assert done.stdout == "one\ntwo\n"
    assert done.stderr == "warned\n"


def test_options_of_the_command_are_not_taken_for_ours(tmp_path):
    done = holter("run", "-q", "-o", "t.holter", "--", "echo", "--help", "-o", "x", "--tape", cwd=tmp_path)
    assert done.stdout == "--help -o x --tape\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_sent_to_holter_reaches_the_command_once(tmp_path, number):
    script = f"""
import signal, sys, time
seen = []
signal.signal({int(number)}, lambda *_: seen.append(1))
print("ready", flush=True)
until = time.monotonic() + 15
while not seen and time.monotonic() < until: time.sleep(0.02)
time.sleep(0.5)
print("seen", len(seen), flush=True)
sys.exit(7)
"""
    process = start(sys.executable, "-c", script, cwd=tmp_path)
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.2)
    process.send_signal(number)
    assert process.stdout.readline() == "seen 1\n"
    assert process.wait(60) == 7
    process.communicate()


def test_a_signal_that_ended_the_command_by_way_of_holter_is_known(tmp_path, monkeypatch):
    for name in JOBS:
        monkeypatch.delenv(name, raising=False)
    process = start(sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)", cwd=tmp_path)
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.2)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == -signal.SIGTERM
    said = holter("diagnose", "t.holter", cwd=tmp_path).stdout
    assert "Holter was sent a signal to end, and passed it on to the training. Confirmed." in " ".join(said.split())
    assert "scheduler" not in said


def test_ctrl_c_in_the_terminal_reaches_the_command_once_and_holter_finishes_the_tape(tmp_path):
    script = """
import time
print("ready", flush=True)
try:
    time.sleep(30)
except KeyboardInterrupt:
    try:
        time.sleep(1)
        print("cleaned up", flush=True)
    except KeyboardInterrupt:
        print("interrupted twice", flush=True)
    raise SystemExit(5)
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [*HOLTER, "run", "-q", "-o", "t.holter", "--", sys.executable, "-c", script])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    time.sleep(1.2)
    os.write(terminal, b"\x03")
    while True:
        try:
            data = os.read(terminal, 1000)
        except OSError:
            break
        if not data:
            break
        shown += data
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(terminal)
    assert b"cleaned up" in shown
    assert b"twice" not in shown
    assert read(tmp_path / "t.holter").finished


def test_the_command_goes_on_when_holter_is_killed_and_leaves_no_helpers(tmp_path):
    process = start("sh", "-c", "sleep 4; echo done > finished", cwd=tmp_path)
    sleeper = child_of(process, "sleep 4; echo")
    time.sleep(2.5)
    children = psutil.Process(process.pid).children(recursive=True)
    helpers = [child for child in children if child.is_running() and child.name().startswith("python")]
    assert helpers, "the storage probe has children of its own"
    process.kill()
    process.wait()
    assert sleeper.is_running()
    sleeper.wait(15) if sleeper.is_running() else None
    assert (tmp_path / "finished").read_text() == "done\n"
    assert not [helper for helper in helpers if helper.is_running() and helper.status() != psutil.STATUS_ZOMBIE]
    assert read(tmp_path / "t.holter").damage is None
    process.communicate()


def test_no_helper_stays_defunct_while_the_command_runs(tmp_path):
    """Without a driver, the process that reads the GPU ends at once, and the next one is started a minute later."""
    process = start("sleep", "9", cwd=tmp_path)
    dead_since: dict[int, float] = {}
    longest_s = 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # the run has just ended
            children = psutil.Process(process.pid).children()
            dead = {child.pid for child in children if child.status() == psutil.STATUS_ZOMBIE}
            dead_since = {pid: dead_since.get(pid, time.monotonic()) for pid in dead}
            longest_s = max([longest_s, *(time.monotonic() - since for since in dead_since.values())])
        time.sleep(0.2)
    assert longest_s < 6, "the GPU is read every two seconds, and one that ends is replaced a minute later"
    process.communicate()


def test_a_command_that_does_not_exist_is_named_and_nothing_is_written(tmp_path):
    done = holter("run", "--", "nnUNetv2_trian", "4", cwd=tmp_path)
    assert done.returncode == 2
    assert "command-not-found" in done.stderr
    assert "nnUNetv2_trian" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_tape_is_refused_before_anything_starts(tmp_path):
    (tmp_path / "t.holter").write_text("precious")
    done = holter("run", "-o", "t.holter", "--", "touch", "started", cwd=tmp_path)
    assert done.returncode == 2
    assert "file-exists" in done.stderr
    assert (tmp_path / "t.holter").read_text() == "precious"
    assert not (tmp_path / "started").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = holter("run", "-o", "file/t.holter", "--", "true", cwd=tmp_path)
    assert done.returncode == 2
    assert "folder-not-writable" in done.stderr


def test_holter_within_holter_is_refused(tmp_path):
    inner = " ".join([*HOLTER, "run", "-o", "inner.holter", "--", "true"])
    done = holter("run", "-q", "-o", "t.holter", "--", "sh", "-c", inner, cwd=tmp_path)
    assert done.returncode == 2
    assert "already-recorded" in done.stderr


def test_unset_paths_are_named_but_left_to_nnunet(tmp_path):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet")}
    program = tmp_path / "nnUNetv2_train"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    train = (str(program), "4", "3d_fullres", "0")
    done = holter("run", "-o", "t.holter", "--", *train, cwd=tmp_path, env=variables)
    assert done.returncode == 0
    assert "nnunet-paths-not-set: nnUNet_raw, nnUNet_preprocessed, nnUNet_results" in done.stderr


@pytest.mark.parametrize("command", [("echo", "nnUNetv2_train"), ("sh", "-c", "true # nnUNetv2_train 4 2d 0")])
def test_paths_are_not_missed_where_nnunet_may_not_ask_for_them(tmp_path, command):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet")}
    done = holter("run", "-o", "t.holter", "--", *command, cwd=tmp_path, env=variables)
    assert (done.returncode, "nnunet-paths-not-set" in done.stderr) == (0, False)


def test_diagnose_report_and_export_of_a_tape_without_a_training(tmp_path):
    holter("run", "-q", "-o", "t.holter", "--", "sleep", "2", cwd=tmp_path)
    done = holter("diagnose", "t.holter", "--json", cwd=tmp_path)
    assert done.returncode == 2, "all is well needs a training that was seen"
    assert json.loads(done.stdout)["episodes"] == []
    told = holter("diagnose", "t.holter", cwd=tmp_path)
    assert (told.returncode, told.stdout.split(":")[0]) == (2, "No training was seen")
    assert holter("report", "t.holter", cwd=tmp_path).returncode == 0
    assert (tmp_path / "t.html").exists()
    assert holter("report", "t.holter", cwd=tmp_path).returncode == 0, "its own report is written again"
    (tmp_path / "t.html").write_text("mine")
    assert holter("report", "t.holter", cwd=tmp_path).returncode == 2, "it must not overwrite"
    assert holter("export", "t.holter", cwd=tmp_path).returncode == 0
    assert (tmp_path / "t-csv").is_dir()


def test_a_file_that_is_no_tape_gives_four_plain_lines_at_most(tmp_path):
    (tmp_path / "x.holter").write_text("hello")
    done = holter("diagnose", "x.holter", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("holter: not-a-tape: ")
    assert len(done.stderr.splitlines()) <= 4


def test_a_page_is_told_by_a_python_without_docstrings_too(tmp_path):
    command = [sys.executable, "-OO", "-m", "holter", "explain", "frozen-worker", "--lang", "en"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == holter("explain", "frozen-worker", "--lang", "en", cwd=tmp_path).stdout
    assert "SIGSTOP" in done.stdout


def test_explain_lists_and_tells_in_both_languages(tmp_path):
    listed = holter("explain", cwd=tmp_path)
    assert "frozen-worker" in listed.stdout
    assert "SIGSTOP" in holter("explain", "frozen-worker", "--lang", "en", cwd=tmp_path).stdout
    assert "数据进程" in holter("explain", "frozen-worker", "--lang", "zh", cwd=tmp_path).stdout
    wrong = holter("explain", "frozen-wroker", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "holter explain frozen-worker" in wrong.stderr
    for other, next_one in (("nosuch", "lists all"), ("gpu oom", "gpu-oom-cpu-fallback"), ("licence", "vgpu-unlic")):
        wrong = holter("explain", other, "--lang", "en", cwd=tmp_path)
        assert wrong.returncode == 2 and next_one in wrong.stderr, wrong.stderr
        assert "not-stuck" not in wrong.stderr


def test_a_way_of_sharing_tensors_is_passed_on(tmp_path):
    show = "import os; print(os.environ['HOLTER_SHARING'])"
    done = holter("run", "-o", "t.holter", "--sharing", "file_system", "--", sys.executable, "-c", show, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "file_system\n")
    wrong = holter("run", "--sharing", "floppy", "--", "true", cwd=tmp_path)
    assert wrong.returncode == 2 and "file_descriptor" in wrong.stderr


def test_what_speaks_against_a_way_of_sharing_is_said(tmp_path):
    from holter.supervisor.sharing import trouble_with

    for lang, words in (("en", "cannot be used"), ("zh", "无法使用")):
        trouble = trouble_with("file_system", tmp_path / "missing")
        assert trouble is not None and words in phrase(trouble, lang)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        trouble = trouble_with("file_descriptor")
        assert trouble is not None and "ulimit -n 1024" in phrase(trouble, "en")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
