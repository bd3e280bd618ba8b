"""No file may be larger than 250 KiB (``ulimit -f``), but a checkpoint is."""

from __future__ import annotations

from benchmarks.faultlab.limits import Limited
from benchmarks.faults.outside import Outside, Printed


class SmallFiles(Limited):
    """Python ignores SIGXFSZ: the write fails with EFBIG, "File too large", and the file is truncated."""

    name = "limit-file-size"
    summary = "ulimit -f: no file may be larger than 250 KiB, and the checkpoint is"
    cause = "process-limit"
    ulimit = "-f 500"  # blocks of 512 bytes
    options = ("--save-every", "1")
    # Batches of workers are files too, in /dev/shm, and larger than the checkpoint of this small network.
    variables = {"nnUNet_n_proc_DA": "0"}

    def is_time(self, outside: Outside, printed: Printed) -> bool:
        """Count from the end of the first epoch, which is saved then."""
        return bool(printed.ended)


SCENARIO = SmallFiles
