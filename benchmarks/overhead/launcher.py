"""Start a training, with idle companion processes if asked, and write the CPU time it took.

``python -I -S launcher.py USAGE.json COMPANIONS CMD …``; without ``site`` this process itself loads no hook.
The companions do a little of everything that a probe reads, so that their readings keep changing.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

# A companion works a hundredth of the time: twelve of them take little CPU from the training, which is timed elsewhere.
PAUSE_S = 0.5
WORK_S = 0.005


def main() -> int:
    """Run the training; return its exit code."""
    usage_file, count, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    companions = [start_companion() for _ in range(int(count))]
    training = subprocess.Popen(command)
    try:
        _, status, used = os.wait4(training.pid, 0)
    except BaseException:
        training.terminate()
        raise
    finally:
        for pid in companions:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    everything = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    usage = {
        "training_cpu_s": used.ru_utime + used.ru_stime,
        "all_cpu_s": sum(each.ru_utime + each.ru_stime for each in everything),
    }
    with open(usage_file, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double this process's start
        json.dump(usage, file)
    return os.waitstatus_to_exitcode(status)


def start_companion() -> int:
    """Start a process that works, sleeps and reads until it is killed; return its PID."""
    pid = os.fork()
    if pid:
        return pid
    random.seed(os.getpid())
    kept: list[bytes] = []
    while True:
        end_s = time.monotonic() + WORK_S * random.uniform(0.2, 2)
        while time.monotonic() < end_s:
            kept.append(os.urandom(random.randrange(20_000)))
        del kept[: random.randrange(len(kept))]
        time.sleep(PAUSE_S * random.uniform(0.5, 1.5))


if __name__ == "__main__":
    sys.exit(main())
