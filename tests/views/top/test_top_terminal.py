"""The real thing in a real pseudo-terminal: whatever ends, the terminal is as it was before."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.views import scene
from benchmarks.views.top import Terminal

ROOT = Path(__file__).parents[3]
TAPES = ROOT / "tests" / "tapes"
# The alternate screen, the mouse and the cursor: what a program must give back.
GIVEN_BACK = (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?25h")
TOP = [sys.executable, "-m", "holter", "top"]
# Only a view that hangs takes so long; on a machine with much else to do the imports alone take half a minute.
OPENS_S = 90.0

pytestmark = pytest.mark.slow


@pytest.fixture
def over(tmp_path: Path) -> Path:
    path = tmp_path / "over.holter"
    scene.write(path, 120)
    return path


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    tape = tmp_path / "live.holter"
    words = [sys.executable, "-m", "benchmarks.views.scene", str(tape), "100"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield tape, child
        child.kill()


def opened(tape: Path, *options: str, size: tuple[int, int] = (80, 24), until: bytes = b"Hippocampus") -> Terminal:
    terminal = Terminal([*TOP, str(tape), *options], *size)
    assert terminal.read(OPENS_S, until), terminal.output[-500:]
    return terminal


def ended(terminal: Terminal, within_s: float = 30.0) -> int:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        terminal.read(0.1)
        done, status = os.waitpid(terminal.pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
    raise AssertionError("it did not end")


def is_given_back(terminal: Terminal) -> bool:
    # Of each mode the last word counts.
    return all(
        terminal.output.rfind(off) > terminal.output.rfind(off[:-1] + (b"h" if off.endswith(b"l") else b"l"))
        for off in GIVEN_BACK
    )


def test_q_quits(over: Path) -> None:
    terminal = opened(over)
    terminal.type("q")
    assert ended(terminal) == 0 and is_given_back(terminal)


# Reads the tape so and so often and then hangs, as on a file server that is gone, and never counts as one that does not
# answer; a PID is given, so it is recorded.
HANGS = """
import sys, threading
from pathlib import Path
from types import SimpleNamespace
from holter.cli import main
from holter.supervisor import in_background
from holter.views.model.run import Run
from holter.views.top import app
app.SLOW_S = 1e9
read, left = Run.poll, [{seen}]
def poll(self, *at):
    left[0] -= 1
    return read(self, *at) if left[0] >= 0 else threading.Event().wait({hangs_s})
Run.poll = poll
in_background.BackgroundAttach = lambda *_: SimpleNamespace(tape=Path({tape!r}), close=lambda: None)
sys.argv = ["holter", "top", "4194297", "--lang", "en"]
main()
"""


@pytest.mark.parametrize(("seen", "sign"), [(0, b"\x1b[?1049h"), (1, b"Hippocampus")])
def test_q_leaves_at_once_while_the_tape_hangs_and_the_recording_is_named(over: Path, seen: int, sign: bytes) -> None:
    program = HANGS.format(seen=seen, hangs_s=None, tape=str(over))
    terminal = Terminal([sys.executable, "-c", program], 80, 24)
    assert terminal.read(OPENS_S, sign)
    terminal.read(1.5)  # the next reading hangs
    terminal.type("q")
    assert ended(terminal) == 0 and is_given_back(terminal)
    assert f"The recording is in {over}" in terminal.output.decode()


def test_q_after_a_slash_is_a_letter_however_quickly_it_follows(over: Path) -> None:
    """Both keys come while the tape answers slowly, so that the search is not begun when q is pressed."""
    program = HANGS.format(seen=1, hangs_s=1.5, tape=str(over))
    terminal = Terminal([sys.executable, "-c", program], 80, 24)
    assert terminal.read(OPENS_S, b"Hippocampus")
    terminal.read(1.2)
    terminal.type("/q")
    assert terminal.read(20.0, b"Show only lines with: q")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(over: Path, number: signal.Signals) -> None:
    terminal = opened(over)
    os.kill(terminal.pid, number)
    assert ended(terminal) == 128 + number and is_given_back(terminal)


def test_a_signal_ends_a_view_whose_terminal_takes_no_bytes(over: Path) -> None:
    """As after Ctrl-S, or over a connection that hangs: the thread that draws waits for the terminal."""
    terminal = opened(over)
    for number in range(80):  # nobody reads what each size draws
        fcntl.ioctl(terminal._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24 + number % 2, 200, 0, 0))
        time.sleep(0.1)
    os.kill(terminal.pid, signal.SIGTERM)
    end_s = time.monotonic() + 30.0
    while time.monotonic() < end_s:
        done, status = os.waitpid(terminal.pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGTERM
            return
        time.sleep(0.1)
    raise AssertionError("it waits for the terminal")


def test_a_lost_connection_ends_the_view(over: Path) -> None:
    terminal = opened(over)
    terminal.hang_up()  # as sshd does when the line is dead
    end_s = time.monotonic() + 10.0
    while time.monotonic() < end_s:
        done, _ = os.waitpid(terminal.pid, os.WNOHANG)
        if done:
            return
        time.sleep(0.1)
    raise AssertionError("it runs on without a terminal")


def test_an_error_of_the_view_gives_the_terminal_back_and_is_one_line(over: Path) -> None:
    program = (
        "import sys; from holter.views.top.desk import Desk; from holter.cli import main\n"
        "def broken(*_): raise OSError('the view is broken')\n"
        "Desk.view = broken; Desk.first_width = broken\n"
        f"sys.argv = ['holter', 'top', {str(over)!r}]; main()"
    )
    terminal = Terminal([sys.executable, "-c", program], 80, 24)
    assert terminal.read(OPENS_S, b"the view is broken")
    terminal.type("q")
    assert ended(terminal) == 0 and is_given_back(terminal)
    assert b"Traceback" not in terminal.output


def test_a_killed_recorder_shows_within_three_seconds(live: tuple[Path, subprocess.Popen[str]]) -> None:
    tape, recorder = live
    terminal = opened(tape)
    terminal.read(4.0)
    assert b"No reading" not in terminal.output
    recorder.kill()
    killed_s = time.monotonic()
    assert terminal.read(10.0, b"No reading for")
    assert time.monotonic() - killed_s < 4.0  # three, and one for a busy machine
    terminal.type("q")
    assert ended(terminal) == 0 and is_given_back(terminal)


def test_a_deleted_tape_is_a_line_and_the_last_screen_stays(live: tuple[Path, subprocess.Popen[str]]) -> None:
    tape, _ = live
    terminal = opened(tape)
    tape.unlink()
    assert terminal.read(10.0, b"cannot be read any more")
    terminal.type("w")
    terminal.read(1.0)
    terminal.type("q")
    assert ended(terminal) == 0 and is_given_back(terminal) and b"Traceback" not in terminal.output


def test_keys_go_back_in_time_and_to_the_end_again(over: Path) -> None:
    terminal = opened(over)
    terminal.output = b""
    terminal.type("\x1b[D" * 3)
    assert terminal.read(5.0, b"back)")
    terminal.type("\x1b[F")
    assert terminal.read(5.0, b"END")
    terminal.type("?")
    assert terminal.read(5.0, b"No key touches the training")
    terminal.type("x/case")
    assert terminal.read(5.0, b"Show only lines with: case")
    terminal.type("q")  # a letter of the search
    assert terminal.read(5.0, b"caseq")
    terminal.type("\x1b")
    terminal.read(0.7)
    terminal.type("q")
    assert ended(terminal) == 0


def test_a_replay_runs_through_the_recording(over: Path) -> None:
    terminal = opened(over, "--replay", "40")
    assert terminal.read(5.0, "×40".encode())
    assert terminal.read(20.0, b"END")
    terminal.type("q")
    assert ended(terminal) == 0


def test_enter_opens_a_run_of_the_overview_and_escape_goes_back(tmp_path: Path) -> None:
    for number in range(3):
        scene.write(tmp_path / f"run{number}.holter", 30)
    terminal = opened(tmp_path, until=b"what it does")
    assert terminal.read(10.0, b"recording ends")
    terminal.type("\r")
    assert terminal.read(10.0, b"worker 11")
    terminal.output = b""
    terminal.type("\x1b")
    assert terminal.read(5.0, b"3 runs")
    terminal.type("q")
    assert ended(terminal) == 0


def test_no_color_sends_no_colours(over: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(["env", "NO_COLOR=1", *TOP, str(over)], 80, 24)
    assert terminal.read(OPENS_S, b"Hippocampus")
    terminal.type("q")
    assert ended(terminal) == 0
    assert b"\x1b[1;32m" not in terminal.output and b"[32m" not in terminal.output


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "LANG": "C.UTF-8", "COLUMNS": "80", "LINES": "24", **environ}
    return subprocess.run([*TOP, *words], capture_output=True, encoding="utf-8", env=variables, check=False, timeout=60)


def test_without_a_terminal_it_prints_one_screen(over: Path) -> None:
    done = run(str(over))
    assert done.returncode in (0, 1) and "worker 11" in done.stdout and "\x1b" not in done.stdout


def test_the_exit_code_of_once_says_whether_something_is_wrong() -> None:
    assert run(str(TAPES / "quiet/as_usual.holter"), "--once").returncode == 0
    assert run(str(TAPES / "external_kill/main_sigkill.holter"), "--once").returncode == 1


@pytest.mark.parametrize("words", [["/no/such/place.holter"], ["--replay", "0", "{over}"], ["{empty}"], ["{text}"]])
def test_what_cannot_be_shown_is_one_clear_error(tmp_path: Path, over: Path, words: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no tape, but long enough to be read\n")
    places = {"over": str(over), "empty": str(tmp_path / "empty"), "text": str(tmp_path / "text")}
    done = run(*(word.format(**places) for word in words))
    assert done.returncode == 2 and done.stderr.startswith("holter: ") and "Traceback" not in done.stderr
    assert "Next: " in done.stderr or "Nothing was started" in done.stderr


@pytest.mark.long
def test_plain_says_what_happens_line_by_line(tmp_path: Path) -> None:
    tape = tmp_path / "stall.holter"
    # The alarm comes some seconds after the view was opened.
    words = [sys.executable, "-m", "benchmarks.views.scene", str(tape), "155", "frozen"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.readline()
        with subprocess.Popen([*TOP, str(tape), "--plain"], stdout=subprocess.PIPE, encoding="utf-8") as view:
            time.sleep(14.0)
            view.send_signal(signal.SIGINT)
            output, _ = view.communicate(timeout=20)
        recorder.kill()
    assert "\x1b" not in output and "Stalled for" in output and "cause: Frozen data worker (confirmed)" in output
    assert output.count("Stalled for") <= 2  # again when the cause is known, and not each second
