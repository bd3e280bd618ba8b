"""Errors of Holter's own, and a system that refuses it a thread: the training is waited for, whatever happens."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap

import pytest

from holter.tape import read

BROKEN = """
import sys
from pathlib import Path
from holter.supervisor.healing import run_loop
from holter.supervisor.recording import recorder
from holter.supervisor.healing.healer import Healer
from holter.supervisor.run import run

class Tell(recorder.Listener):
    def note(self, text):
        print(text.key, flush=True)
        Path("told").touch()

looks = 0
def see(*_):
    global looks
    looks += 1
    if looks == 2:
        raise {error}
Healer.see = see
wait = "for i in $(seq 600); do [ -e told ] && break; sleep 0.1; done"
result = run(("sh", "-c", wait + "; echo out; exit 5"), Path("t.holter"), listener=Tell())
print(result.returncode, result.tape_is_there)
"""


@pytest.mark.slow
@pytest.mark.parametrize("error", ["RuntimeError('ours')", "OSError(22, 'Invalid argument')"])
def test_an_error_of_ours_ends_the_recording_and_not_the_run(tmp_path, error):
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(error=error)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.splitlines() == ["run.no-longer-recorded", "out", "5 True"], done.stderr
    assert read(tmp_path / "t.holter").finished, "what was recorded can be read"


# Memory for the stack of a thread is refused, as the thread itself is under "ulimit -u" and a cgroup's limit.
NO_THREADS = """
import resource, sys, threading, time
held = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) << 10
threading.stack_size(256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (held + (64 << 20), -1))
try:
    threading.Thread(target=print).start()
except RuntimeError:
    print("no threads", flush=True)
"""


def without_threads(program: str) -> subprocess.CompletedProcess[str]:
    imports, _, body = textwrap.dedent(program).partition("---\n")
    done = subprocess.run(
        [sys.executable, "-c", imports + NO_THREADS + body], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.startswith("no threads"), done
    return done


def test_without_a_thread_lines_are_written_where_somebody_reads():
    done = without_threads("""
        from holter.cli.running.listener import StderrListener
        ---
        with StderrListener("en") as speaker:
            speaker.note("one")
            speaker.note("two")
    """)
    assert (done.returncode, done.stderr) == (0, "holter: one\nholter: two\n")


@pytest.mark.slow
def test_without_a_thread_a_full_pipe_is_not_waited_for():
    done = without_threads("""
        import os
        from holter.cli.running.listener import StderrListener
        ---
        reading, writing = os.pipe()
        sys.stderr = os.fdopen(writing, "w")
        with StderrListener("en") as speaker:
            for _ in range(2000):
                speaker.note("." * 100)
        print("over", flush=True)
        os._exit(0)
    """)
    assert done.stdout == "no threads\nover\n"


def test_without_a_thread_messages_are_not_sent_and_it_is_said():
    done = without_threads("""
        from holter.cli.running.listener import StderrListener, listeners_for
        ---
        with (
            StderrListener("en") as speaker,
            listeners_for(speaker, "http://127.0.0.1:9/", "en", "x") as (listener, finish),
        ):
            finish(0)
    """)
    assert done.returncode == 0
    assert "cannot be sent" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_without_a_thread_a_run_is_recorded_to_its_end(tmp_path):
    done = without_threads(f"""
        from pathlib import Path
        from holter.supervisor.run import run
        ---
        result = run(("sh", "-c", "sleep 3; exit 5"), Path({str(tmp_path)!r}) / "t.holter")
        print(result.returncode)
    """)
    assert done.stdout == "no threads\n5\n", done.stderr
    recording = read(tmp_path / "t.holter")
    assert recording.finished and len(recording.all_ticks) >= 2 and recording.duration_s >= 3.0


def test_without_a_thread_a_lock_is_taken_and_given_free(tmp_path):
    done = without_threads(f"""
        from pathlib import Path
        from holter.supervisor.folds.lock import Lock
        ---
        path = Path({str(tmp_path)!r}) / "holter.lock"
        lock = Lock(path)
        print(path.exists())
        lock.close()
        print(path.exists())
    """)
    assert done.stdout == "no threads\nTrue\nFalse\n", done.stderr


def test_without_a_thread_the_locks_of_a_fold_are_given_free_at_its_end(tmp_path):
    done = without_threads(f"""
        from pathlib import Path
        from holter.records import Beat, ProcessSample, Tick
        from holter.supervisor.folds.lock import Lock
        from holter.supervisor.folds.preparation import Preparation
        from holter.texts.training_command import parse_training_command
        ---
        training = parse_training_command(("nnUNetv2_train", "4", "3d_fullres", "0"))
        preparation = Preparation(training, {{}}, None)
        preparation._locks = [Lock(Path({str(tmp_path)!r}) / "holter-splits.lock")]
        main = ProcessSample(t_s=1.0, pid=1, role="main")
        for phase in ("startup", "train"):
            preparation.see(Tick(t_s=1.0, processes=(main,), beats=(Beat(t_s=1.0, pid=1, phase=phase),)))
        preparation.close()
        print(preparation._locks[0].path.exists())
    """)
    assert done.stdout == "no threads\nFalse\n", done.stderr


@pytest.mark.slow
def test_without_a_thread_holter_run_starts_the_command(tmp_path):
    """As the command line has it: stacks of threads that are larger than the memory that may be mapped."""
    script = tmp_path / "nnUNetv2_train"
    script.write_text("#!/bin/sh\nexit 5\n")
    script.chmod(0o755)
    (tmp_path / "Dataset004_Hippocampus").mkdir()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 30, resource.getrlimit(resource.RLIMIT_STACK)[1]))
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

    done = subprocess.run(
        [sys.executable, "-m", "holter", "run", "--", "nnUNetv2_train", "4", "3d_fullres", "0"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            **dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), str(tmp_path)),
        },
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
