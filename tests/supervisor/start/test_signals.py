"""What a wrapper makes of signals that were meant for the training, or for nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import os, sys, time
from holter.supervisor.signals import SignalRelay
passed_on = []
with SignalRelay() as relay:
    os.kill(os.getpid(), int(sys.argv[1]))
    relay.wait(time.monotonic() + 0.2, passed_on.append)
    print([int(one) for one in passed_on], [int(one) for one in relay.seen])
"""


def relay(number: signal.Signals, *, ignored: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(int(number))],
        # Set either way: whoever runs the tests may run them under nohup.
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_passed_on_and_remembered(number):
    assert relay(number, ignored=False) == f"[{int(number)}] [{int(number)}]"


def test_a_hangup_under_nohup_means_nothing(tmp_path):
    assert relay(signal.SIGHUP, ignored=True) == "[] []"


# No descriptor is left when the relay begins.
LIMITED = """passed_on = []
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))"""
WAITING = """
import signal, sys, time
from holter.supervisor.signals import SignalRelay
passed_on = []
with SignalRelay() as relay:
    print("ready", flush=True)
    until = time.monotonic() + 1.0
    was_child = relay.wait(until, passed_on.append)
    print(was_child, passed_on, time.monotonic() >= until, flush=True)
    time.sleep(0.5)  # SIGCONT is meant for the training as well
    relay.wait(time.monotonic() + 0.5, passed_on.append)
    print([int(one) for one in passed_on])
"""


@pytest.mark.slow
@pytest.mark.parametrize("descriptors", [None, 3], ids=["signalfd", "no descriptor left"])
def test_a_stop_that_outlasts_the_wait_brings_no_signal_but_the_one_that_ends_it(descriptors):
    program = WAITING if descriptors is None else WAITING.replace("passed_on = []", LIMITED, 1)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(process.pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=60)
    first, second = said.splitlines()
    assert first.startswith("False") and first.endswith("True")
    assert second in ("[]", f"[{int(signal.SIGCONT)}]")
