"""The validation waits forever if an export process dies after the last case was handed out.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`perform_actual_validation` checks whether the export processes live only while it hands out cases. Then it collects:
`_ = [r.get() for r in results]`. A `multiprocessing.Pool` replaces a process that died (the OOM killer takes the
largest, and these are large), but not the result that it owed, so `get()` never returns. The training is done and the
job sits there until its time limit.

Proposed change:
As prediction does (`predict_from_raw_data.py`: `ret[i] = result.get(timeout=0.1)` in a loop): a short timeout, and
each time a check whether the processes that the pool had at the start still live. It can name the case, and compute
it again in the main process.

Measured effect:
Real trainings whose export process was killed, by a signal or for lack of memory: 3 of 3 hung in the final validation
(Holter, benchmarks/RESULTS.md, "What a training survives").
"""

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

WAIT_S = 20


def export(case, folder):
    (folder / f"{case}.{os.getpid()}").touch()
    time.sleep(5)
    (folder / f"{case}.done").touch()


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        workers = list(pool._pool)  # as nnU-Net keeps them
        results = [pool.starmap_async(export, ((case, folder),)) for case in range(2)]
        while len(list(folder.iterdir())) < 2:  # both cases are handed out, and begun
            time.sleep(0.1)
        os.kill(int(next(folder.glob("0.*")).suffix[1:]), signal.SIGKILL)
        unreturned = []
        for case, result in enumerate(results):
            try:
                result.get(timeout=WAIT_S)  # nnU-Net: no timeout
            except multiprocessing.TimeoutError:
                unreturned.append(case)
        print(f"after {WAIT_S} s no result of case {unreturned}")
        print(f"processes of the pool alive: {[p.is_alive() for p in pool._pool]}")
        print(f"the processes that nnU-Net kept: {[p.is_alive() for p in workers]}")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    raise SystemExit(0 if unreturned else 1)  # 0: the fault is there
