"""`signal.sigtimedwait` returns a signal that was never sent if the process was stopped meanwhile.

For: CPython 3.10 to 3.13, https://github.com/python/cpython

After an interruption (`EINTR`) `sigtimedwait` goes on to wait, unless the time is over: then it leaves its loop and
returns `si`, which the kernel has not filled in. Stopping the process (SIGSTOP, Ctrl-Z) for longer than the timeout
is enough. The result is memory of the stack: an impossible number, or a signal that an earlier call had received.

Proposed change:
In `signal_sigtimedwait_impl`: where the time is over after `EINTR`, `Py_RETURN_NONE`, as for `EAGAIN`.

Measured effect:
Seen on 3.10.13, 3.11.7, 3.12.1 and 3.13.0 (Holter, docs/upstream.md).
"""

import os
import signal
import subprocess
import sys
import time

WAIT = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("waits", flush=True)
print(signal.sigtimedwait({signal.SIGUSR1}, 2), flush=True)
"""

if __name__ == "__main__":
    process = subprocess.Popen([sys.executable, "-c", WAIT], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.kill(process.pid, signal.SIGCONT)
    answer = process.communicate(timeout=60)[0].strip()
    print("Python", sys.version.split()[0], "- no signal was sent; sigtimedwait returns", answer)
    raise SystemExit(0 if answer != "None" else 1)  # 0: the fault is there
