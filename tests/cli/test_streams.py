"""Standard streams that are closed, or that nobody reads: the training's exit code counts, and it is recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holter.errors import TapeError
from holter.tape import read
from needs import imported

HOLTER = f"{sys.executable} -m holter"
# Says what it finds of its own standard streams; has something to say of nnU-Net's paths, so that Holter has.
LOOK = "import os\nfor n in (0, 1, 2):\n try: os.fstat(n); print(n, 'open')\n except OSError: print(n, 'closed')"


def shell(script: str, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet")}
    return subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=variables,
        **options,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code_and_are_closed_for_the_training(tmp_path, closed):
    look = f"import sys\nsys.stdout = open('seen', 'w')\n{LOOK}\nsys.stdout.flush()\nraise SystemExit(5)"
    (tmp_path / "nnunet_look.py").write_text(look)
    shell(f"{sys.executable} nnunet_look.py {closed}; mv seen alone", tmp_path)
    done = shell(f"{HOLTER} run -o t.holter -- {sys.executable} nnunet_look.py {closed}", tmp_path)
    assert done.returncode == 5
    assert done.stdout == "", "our lines are for stderr alone"
    assert read(tmp_path / "t.holter").finished
    assert (tmp_path / "seen").read_text() == (tmp_path / "alone").read_text()


@pytest.mark.long
def test_nothing_of_ours_is_opened_under_the_number_of_a_closed_stream(start, tmp_path):
    for closed in (0, 1, 2):
        process = start(
            "run", "-o", f"t{closed}.holter", "--", "sleep", "3", stdout=None, stderr=None,
            preexec_fn=lambda closed=closed: os.close(closed),
        )  # fmt: skip
        while not (tmp_path / f"t{closed}.holter").exists():
            time.sleep(0.05)
        time.sleep(1.5)
        assert Path(f"/proc/{process.pid}/fd/{closed}").readlink() == Path("/dev/null")
        assert process.wait(60) == 0


def test_a_reader_who_goes_away_changes_no_exit_code(tmp_path):
    run = f"{HOLTER} run -o t.holter -- sh -c 'sleep 3; : nnunet; exit 6' 2>&1 > /dev/null"
    shell(f"{{ {run}; echo $? > rc; }} | head -n 1", tmp_path)
    assert (tmp_path / "rc").read_text() == "6\n"
    assert read(tmp_path / "t.holter").finished


@pytest.mark.parametrize("command", ["explain", "explain frozen-worker", "--help", "config"])
def test_a_command_whose_reader_has_gone_ends_in_silence(tmp_path, command):
    done = shell(f"{{ sleep 0.2; {HOLTER} {command}; echo $? > rc; }} | true", tmp_path)
    assert (tmp_path / "rc").read_text() == "1\n"
    assert done.stderr in ("", b"")


@pytest.mark.parametrize("command", ["explain", "config", "list"])
def test_an_output_that_is_full_is_one_line_and_exit_code_2(tmp_path, command):
    done = shell(f"{HOLTER} {command} > /dev/full", tmp_path)
    assert done.returncode == 2
    said = done.stderr if isinstance(done.stderr, str) else done.stderr.decode()
    assert said == "holter: No space left on device\n"


def test_an_error_at_the_start_is_exit_code_2_with_closed_streams_too(tmp_path):
    assert shell(f"{HOLTER} run -- no-such-command 2>&- >&-", tmp_path).returncode == 2
    assert shell(f"{HOLTER} run -- no-such-command 2> >(true); exit $?", tmp_path).returncode == 2


def full_pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"." * 4096)
    os.set_blocking(writing, True)
    return reading, writing


@pytest.mark.sample
def test_a_stderr_that_nobody_reads_stops_nothing(start, tmp_path):
    reading, writing = full_pipe()
    process = start("run", "-o", "t.holter", "--", "sh", "-c", "sleep 4; echo nnunet; exit 7", stderr=writing)
    assert process.wait(60) == 7
    assert os.get_blocking(writing), "the training shares it, and expects it to block"
    recording = read(tmp_path / "t.holter")
    assert recording.finished
    assert len(recording.all_ticks) >= 5
    os.close(reading)


def test_a_demo_that_nobody_reads_goes_on(start, tmp_path):
    imported("nnunetv2")
    imported("nilearn")
    _, writing = full_pipe()
    process = start("demo", "--fault", "freeze-worker", "--out", "d", stderr=writing)
    until_s = time.monotonic() + 60
    while not list((tmp_path / "d").glob("nnunet/nnUNet_raw/*/imagesTr/*")):
        assert process.poll() is None and time.monotonic() < until_s, "it waits for a reader"
        time.sleep(0.2)


def test_what_was_not_read_comes_as_soon_as_somebody_reads(start, tmp_path):
    reading, writing = full_pipe()
    process = start("run", "--heal", "-o", "t.holter", "--", "sh", "-c", "sleep 3; exit 7", stderr=writing)
    os.close(writing)
    time.sleep(2.5)
    said = b""
    while data := os.read(reading, 65536):
        said += data
    assert process.wait(60) == 7
    lines = said.lstrip(b".").decode().splitlines()
    assert "cannot start it again" in lines[0]
    assert lines[-1] == "holter: wrote t.holter"


def is_finished(tape: Path) -> bool:
    try:
        return read(tape).finished
    except TapeError:
        return False


def test_a_terminal_that_was_stopped_with_ctrl_s_stops_nothing_and_shows_all_after_ctrl_q(terminal, tmp_path):
    command = f"{HOLTER} run --heal -o t.holter -- sh -c 'sleep 4; exit 7'"
    terminal.type(f"{command}; echo rc=$? > rc\n")
    terminal.wait_for("cannot start it again")
    terminal.type("\x13")
    until_s = time.monotonic() + 60
    while not is_finished(tmp_path / "t.holter"):
        assert time.monotonic() < until_s, "it waits for the terminal"
        time.sleep(0.2)
    recording = read(tmp_path / "t.holter")
    assert recording.finished
    assert len(recording.all_ticks) >= 5
    terminal.type("\x11")
    terminal.wait_for("wrote t.holter")
    until_s = time.monotonic() + 30
    while not (tmp_path / "rc").exists() or not (tmp_path / "rc").read_text():
        assert time.monotonic() < until_s, "it does not end"
        time.sleep(0.1)
    assert (tmp_path / "rc").read_text() == "rc=7\n"


def test_a_terminal_that_stops_background_output_does_not_stop_the_training(terminal, tmp_path):
    """``stty tostop``: a line of ours would stop the whole job, though the training itself writes to a file."""
    terminal.type("stty tostop\n")
    command = f"{HOLTER} run -o t.holter -- sh -c 'sleep 3; : nnunet; echo over > over; exit 7' > out"
    terminal.type(f"{command} & wait $!; echo rc=$?\n")
    assert terminal.wait_for(r"\nrc=(\d+)")[1] == "7"
    assert (tmp_path / "over").read_text() == "over\n"


def test_the_tape_tells_what_nobody_read(start, tmp_path):
    reading, writing = full_pipe()
    script = "import os, signal, time; time.sleep(2); os.kill(os.getpid(), signal.SIGSEGV)"
    process = start("run", "-o", "t.holter", "--", sys.executable, "-c", script, stderr=writing)
    assert process.wait(60) == -signal.SIGSEGV
    assert [episode.kind for episode in read(tmp_path / "t.holter").all_episodes] == ["death"]
    os.close(reading)
