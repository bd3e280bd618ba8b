"""Which processes that have a lock open are orphaned: a wrong answer kills a living training's workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from holter.probes.process.lock_holders import orphaned_holders

# A training opens and closes files all the time; its worker keeps the lock open.
BUSY = """
import os, sys
lock = os.dup2(int(sys.argv[1]), 60)
os.close(int(sys.argv[1]))
worker = os.fork()
if worker == 0:
    import time
    time.sleep(600)
print(worker, flush=True)
while True:
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    for file in files:
        os.close(file)
"""


def test_a_training_that_closes_files_meanwhile_still_holds_the_lock(tmp_path):
    path = tmp_path / "holter.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    training = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(descriptor)], pass_fds=(descriptor,), stdout=subprocess.PIPE, text=True
    )
    os.close(descriptor)
    worker = int(training.stdout.readline())
    try:
        assert [orphaned_holders(str(path)) for _ in range(100)] == [()] * 100
    finally:
        training.kill()
        training.wait()
        os.kill(worker, signal.SIGKILL)


def test_a_child_of_ours_that_has_not_started_its_program_yet_is_no_orphan(tmp_path):
    path = tmp_path / "holter.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    try:
        assert orphaned_holders(str(path)) == ()
    finally:
        os.close(descriptor)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
