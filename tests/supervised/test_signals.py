"""What a wrapper makes of signals that were meant for the training, or for nobody."""

from __future__ import annotations

import signal
import subprocess
import sys

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
