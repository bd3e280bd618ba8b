"""A kill while a checkpoint is written leaves neither the old nor the new one.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`save_checkpoint` is `torch.save(checkpoint, filename)`: the file is truncated first and then written. A kill, a full
disk or a lost mount in these seconds leaves a file that cannot be loaded, and `--c` then ends with an error of the
zip reader. `checkpoint_latest.pth` is written every 50 epochs (`save_every`), so up to 49 more are lost.

Proposed change:
Write to `filename + ".tmp"`, flush and `os.fsync`, then `os.replace(tmp, filename)`. `save_every` by time (every ten
minutes, say) instead of by epochs would lose less.

Measured effect:
A training that was killed while it saved ended with an unusable file. Written beside it, flushed and renamed, the
checkpoint was whole after 50 of 50 kills during saving, and the training went on from it (Holter,
benchmarks/RESULTS.md, "What a training survives").
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch


def save(file):
    torch.save({"network_weights": torch.ones(50_000_000)}, file)  # 200 MB


if __name__ == "__main__":
    if len(sys.argv) > 1:
        save(sys.argv[1])
        raise SystemExit
    file = Path(tempfile.mkdtemp()) / "checkpoint_latest.pth"
    save(file)
    whole = file.stat().st_size
    training = subprocess.Popen([sys.executable, __file__, file])
    while file.stat().st_size in (whole, 0):
        time.sleep(0.001)
    os.kill(training.pid, signal.SIGKILL)
    training.wait()
    left = file.stat().st_size
    try:
        torch.load(file)
        print(f"{left} of {whole} bytes; loaded")
        code = 1
    except (RuntimeError, EOFError, OSError) as error:
        print(f"killed while it saves: {left} of {whole} bytes are left")
        print(f"torch.load: {type(error).__name__}: {str(error)[:70]}")
        code = 0
    file.unlink()
    file.parent.rmdir()
    raise SystemExit(code)  # 0: the fault is there
