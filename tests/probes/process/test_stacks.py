"""Stacks of real processes, rung by rung."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.probes.process.kernel_threads import KernelThreads
from holter.probes.process.py_spy import find_py_spy
from holter.probes.process.stacks import StackDumper
from holter.records import StackDump
from holter.texts.stacks import parse_faulthandler, parse_py_spy
from needs import needs
from said import english

NUMBERS_ARE_KNOWN = sys.version_info >= (3, 11)  # of a thread's task, without asking its process
NO_PY_SPY = Path("/nonexistent/py-spy")
LOCKED = """
import threading
lock = threading.Lock()
lock.acquire()
def wait_for_batch():
    lock.acquire()
threading.Thread(target=wait_for_batch, name="results_loop", daemon=True).start()
print("ready", flush=True)
lock.acquire()
"""
IN_C = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"
WITH_HANDLER = (
    """
import faulthandler, os, signal, sys
file = open(os.path.join(sys.argv[1], f"stacks-{os.getpid()}"), "a")
faulthandler.register(signal.SIGUSR2, file=file, all_threads=True)
"""
    + LOCKED
)

Start = Callable[..., subprocess.Popen[bytes]]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def refusals(dump: StackDump) -> list[str]:
    return [english(refusal) for refusal in dump.refused]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[bytes]] = []

    def begin(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        wait_until_idle(child.pid)  # it has said so, but need not yet stand where the test expects it
        return child

    yield begin
    for child in children:
        child.kill()
        child.wait()


def functions(dump: StackDump) -> set[str]:
    return {frame.function for thread in dump.threads for frame in thread.frames}


def wait_for_state(pid: int, letters: str) -> None:
    until = time.monotonic() + 30
    while KernelThreads().state(pid) not in set(letters):
        assert time.monotonic() < until
        time.sleep(0.01)


def wait_until_idle(pid: int) -> None:
    until = time.monotonic() + 30
    threads = Path("/proc", str(pid), "task")
    while any((task / "stat").read_text().rpartition(")")[2].split()[0] != "S" for task in threads.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)


needs_py_spy = needs("py-spy")


@needs_py_spy
def test_threads_of_a_locked_process_show_function_and_kernel_state(start: Start) -> None:
    child = start(LOCKED)
    (dump,) = StackDumper().dump({child.pid: "main"}, 1.5)
    assert (dump.rung, dump.role, dump.t_s, dump.refused) == ("py-spy", "main", 1.5, ())
    (waiting,) = [thread for thread in dump.threads if thread.name == "results_loop"]
    assert waiting.frames[0].function == "wait_for_batch"
    (main,) = [thread for thread in dump.threads if thread.name == "MainThread"]
    assert main.thread_id == child.pid
    for thread in (main, waiting) if NUMBERS_ARE_KNOWN else (main,):
        assert (thread.state, thread.syscall) == ("S", "futex")


@needs_py_spy
def test_a_stopped_process_is_read_and_stays_stopped(start: Start) -> None:
    child = start(LOCKED)
    child.send_signal(signal.SIGSTOP)
    wait_for_state(child.pid, "T")
    (dump,) = StackDumper().dump({child.pid: "train-worker"}, 0.0)
    assert dump.rung == "py-spy"
    assert "wait_for_batch" in functions(dump)
    assert {thread.state for thread in dump.threads if NUMBERS_ARE_KNOWN or thread.name == "MainThread"} == {"T"}
    assert KernelThreads().state(child.pid) == "T"


def test_a_process_that_is_gone_says_so() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    (dump,) = StackDumper().dump({child.pid: "main"}, 0.0)
    assert (dump.rung, dump.threads, refusals(dump)) == ("none", (), ["proc: no such process"])


def test_a_zombie_shows_its_state_and_is_not_asked() -> None:
    child = subprocess.Popen(["true"])
    wait_for_state(child.pid, "Z")
    (dump,) = StackDumper().dump({child.pid: "other"}, 0.0)
    child.wait()
    assert (dump.rung, dump.refused) == ("proc", ())
    assert [thread.state for thread in dump.threads] == ["Z"]


def test_without_py_spy_the_registered_signal_gives_the_stacks(start: Start, tmp_path: Path) -> None:
    child = start(WITH_HANDLER, str(tmp_path))
    dumper = StackDumper(scratch=tmp_path, fault_signal={child.pid: int(signal.SIGUSR2)}.get, py_spy=NO_PY_SPY)
    for _ in range(2):  # the file grows; only what is new counts
        (dump,) = dumper.dump({child.pid: "main"}, 0.0)
        assert (dump.rung, refusals(dump)) == ("faulthandler", ["py-spy: not found"])
        assert "wait_for_batch" in functions(dump)
        assert len(dump.threads) == 2
        assert [thread.name for thread in dump.threads].count("MainThread") == 1
    assert child.poll() is None


def test_no_signal_is_sent_to_a_process_without_a_handler(start: Start, tmp_path: Path) -> None:
    child = start(IN_C)
    dumper = StackDumper(scratch=tmp_path, fault_signal=lambda pid: int(signal.SIGUSR2), py_spy=NO_PY_SPY)
    (dump,) = dumper.dump({child.pid: "train-worker"}, 0.0)
    assert child.poll() is None  # the default action of SIGUSR2 would have ended it
    assert dump.rung == "proc"
    assert refusals(dump) == ["py-spy: not found", "faulthandler: the process has no handler for the signal"]
    assert dump.threads[0].syscall in ("clock_nanosleep", "nanosleep", "select", "pselect6")
    assert dump.threads[0].thread_id == child.pid


def test_no_signal_is_left_waiting_in_a_stopped_process(start: Start, tmp_path: Path) -> None:
    child = start(WITH_HANDLER, str(tmp_path))
    child.send_signal(signal.SIGSTOP)
    wait_for_state(child.pid, "T")
    dumper = StackDumper(scratch=tmp_path, fault_signal=lambda pid: int(signal.SIGUSR2), py_spy=NO_PY_SPY)
    (dump,) = dumper.dump({child.pid: "train-worker"}, 0.0)
    assert refusals(dump)[-1] == "faulthandler: process is stopped"
    assert (dump.rung, dump.threads[0].state) == ("proc", "T")
    child.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    assert (tmp_path / f"stacks-{child.pid}").read_text() == ""


def test_an_unprepared_process_falls_to_the_kernel_view(start: Start) -> None:
    child = start(LOCKED)
    (dump,) = StackDumper(py_spy=NO_PY_SPY).dump({child.pid: "main"}, 0.0)
    assert dump.rung == "proc"
    assert refusals(dump)[-1] == "faulthandler: not registered in this process"
    assert len(dump.threads) == 2
    assert {thread.syscall for thread in dump.threads} == {"futex"}


@needs_py_spy
def test_a_process_that_is_no_python_falls_to_the_kernel_view() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        (dump,) = StackDumper().dump({child.pid: "compile-worker"}, 0.0)
    finally:
        child.kill()
        child.wait()
    assert dump.rung == "proc"
    assert refusals(dump)[0] == "py-spy: not a Python process"


def test_a_py_spy_that_hangs_is_ended_at_its_deadline(start: Start, tmp_path: Path) -> None:
    hanging = tmp_path / "py-spy"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    hanging.chmod(0o755)
    child = start(IN_C)
    began = time.monotonic()
    (dump,) = StackDumper(py_spy=hanging, deadline_s=0.3).dump({child.pid: "main"}, 0.0)
    assert time.monotonic() - began < 10
    assert (dump.rung, refusals(dump)[0]) == ("proc", "py-spy: no answer within 0.3 s")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_py_spy_without_permission_is_told_in_two_words(start: Start, tmp_path: Path) -> None:
    refused = tmp_path / "py-spy"
    refused.write_text("#!/bin/sh\necho 'Error: Permission Denied: Try running again' >&2\nexit 1\n")
    refused.chmod(0o755)
    child = start(IN_C)
    (dump,) = StackDumper(py_spy=refused).dump({child.pid: "main"}, 0.0)
    assert refusals(dump)[0] == "py-spy: permission denied"


def test_a_process_whose_frames_change_while_they_are_read_is_asked_again(start: Start, tmp_path: Path) -> None:
    """On saturated cores py-spy may fail several times before it sees one consistent state."""
    unlucky = tmp_path / "py-spy"
    unlucky.write_text(
        f"#!/bin/sh\necho once >> {tmp_path}/asked\n"
        f'[ "$(wc -l < {tmp_path}/asked)" -gt 3 ] && exec {find_py_spy()} "$@"\n'
        "echo 'Error: Failed to get stack traces' >&2\nexit 1\n"
    )
    unlucky.chmod(0o755)
    child = start(IN_C)
    (dump,) = StackDumper(py_spy=unlucky, deadline_s=30.0).dump({child.pid: "main"}, 0.0)
    assert dump.rung == "py-spy", refusals(dump)


@pytest.mark.slow
def test_beside_the_caller_nothing_waits_and_everything_arrives(start: Start, tmp_path: Path) -> None:
    slow = tmp_path / "py-spy"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    children = [start(IN_C), start(IN_C)]
    dumper = StackDumper(py_spy=slow, deadline_s=0.3)
    began = time.monotonic()
    assert dumper.start({child.pid: "train-worker" for child in children}, 2.0)
    assert not dumper.start({children[0].pid: "main"}, 3.0)  # one sweep at a time
    assert dumper.collect() == ()
    assert time.monotonic() - began < 5
    dumps: list[StackDump] = []
    while len(dumps) < 2:
        assert time.monotonic() - began < 30
        dumps += dumper.collect()
        time.sleep(0.02)
    assert [dump.pid for dump in dumps] == [child.pid for child in children]
    assert dumper.collect() == ()


def test_closing_ends_a_sweep_at_once(start: Start, tmp_path: Path) -> None:
    slow = tmp_path / "py-spy"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    child = start(IN_C)
    dumper = StackDumper(py_spy=slow, deadline_s=30)
    assert dumper.start({child.pid: "main", child.pid + 10**7: "other"}, 0.0)
    time.sleep(0.2)
    dumper.close()
    until = time.monotonic() + 30
    while dumper.busy:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(dumper.collect()) <= 1
    assert not dumper.start({child.pid: "main"}, 0.0)


def test_faulthandler_text_of_old_and_new_pythons_is_read() -> None:
    text = """Thread 0x00007f46490f86c0 [results_loop] (most recent call first):
  File "/x/with blank/a.py", line 982 in run
  ...

Current thread 0x00007f4649c34b80 [python3] (most recent call first):
  File "/x/b.py", line ??? in step
  File "/x/c.py", line 8 in <module>

Current thread's C stack trace (most recent call first):
  Binary file "/usr/bin/python3", at _Py_DumpStack+0x31 [0x55]
"""
    worker, main = parse_faulthandler(text)
    assert (worker.name, worker.frames[0].file, worker.frames[0].line) == (
        "results_loop", "/x/with blank/a.py", 982,
    )  # fmt: skip
    assert (main.name, main.thread_id, main.frames[0].line) == ("MainThread", 0x00007F4649C34B80, None)
    assert len(parse_faulthandler(text + text)) == 2
    assert parse_faulthandler("nothing of the kind") == ()


def test_an_answer_that_is_no_list_of_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="not a list of threads"):
        parse_py_spy(b'{"error": 1}')


@needs_py_spy
@pytest.mark.root
def test_another_user_is_refused_and_says_so(start: Start, tmp_path: Path) -> None:
    """As nobody, a process of root can be seen but not read."""
    child = start(IN_C)
    reader = (
        "import os, sys\n"
        "from holter.probes.process.stacks import StackDumper\n"
        "from holter.reports.catalogue import phrase\n"
        "english = lambda said: phrase(said, 'en')\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "dump = StackDumper().dump({int(sys.argv[1]): 'main'}, 0.0)[0]\n"
        "print(dump.rung, len(dump.threads), *map(english, dump.refused), sep='|')\n"
    )
    with contextlib.chdir(tmp_path) if sys.version_info >= (3, 11) else contextlib.nullcontext():
        answer = subprocess.run(
            [sys.executable, "-c", reader, str(child.pid)], capture_output=True, text=True, check=True
        ).stdout
    rung, threads, refusal, *_ = answer.strip().split("|")
    assert refusal == "py-spy: permission denied"
    assert (rung, int(threads)) == ("proc", 1)


PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17


@pytest.fixture
def seize() -> Callable[[int], None]:
    """Attach to a process as a debugger does that lets it run on."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)

    def attach(pid: int) -> None:
        if ptrace(PTRACE_SEIZE, pid, None, None) != 0:
            pytest.skip(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")

    return attach


def test_no_signal_is_sent_to_a_process_in_a_debugger(
    start: Start, tmp_path: Path, seize: Callable[[int], None]
) -> None:
    child = start(WITH_HANDLER, str(tmp_path))
    seize(child.pid)
    dumper = StackDumper(scratch=tmp_path, fault_signal={child.pid: int(signal.SIGUSR2)}.get, py_spy=NO_PY_SPY)
    (dump,) = dumper.dump({child.pid: "main"}, 0.0)
    assert refusals(dump) == ["py-spy: not found", "faulthandler: a debugger is attached to the process"]
    assert KernelThreads().state(child.pid) == "S", "the debugger would stop it at the signal"
