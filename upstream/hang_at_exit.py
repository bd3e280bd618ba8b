"""An interrupted training may hang at its exit, in the destructor of the augmenter.

For: batchgenerators 0.25.5, https://github.com/MIC-DKFZ/batchgenerators

At exit Python terminates daemon processes (SIGTERM), and then the augmenters are deleted: `__del__` → `_finish` →
`abort_event.set()`. If a worker was terminated while it was inside `abort_event.is_set()`, it held the event's lock,
which nobody releases any more, and `set()` waits without a limit. The interpreter never ends; neither does the job.

Proposed change:
Set the event before daemons are terminated (`atexit.register` in `_start`; atexit functions that were registered
later run earlier), or acquire the event's lock with a timeout in `_finish`.

Measured effect:
Seen once in some dozens of interrupted nnU-Net trainings (Holter, docs/upstream.md). The program makes the worker ask
all the time, so that few tries are needed.
"""

import multiprocessing
import os
import threading
import time


def worker(event):
    while not event.is_set():  # as producer does, but without the work in between
        pass


if __name__ == "__main__":
    for attempt in range(1, 31):
        event = multiprocessing.Event()
        process = multiprocessing.Process(target=worker, args=(event,), daemon=True)
        process.start()
        time.sleep(0.3)
        process.terminate()  # as Python does at exit with daemon processes
        process.join()
        setting = threading.Thread(target=event.set, daemon=True)
        setting.start()
        setting.join(5)
        if setting.is_alive():
            print(f"attempt {attempt}: abort_event.set() has not returned after 5 s; the process with its lock is gone")
            os._exit(0)  # the fault is there
    print("not seen in 30 attempts")
    raise SystemExit(1)
