"""A letter outside the locale's encoding ends the training when it is logged.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`print_to_log_file` opens the log in the locale's encoding. Under `LC_ALL=C` without Python's UTF-8 mode (some
schedulers), or on Windows, a folder or message with another letter raises `UnicodeEncodeError`. That is a
`ValueError`: the `except IOError` around the five attempts does not catch it.

Proposed change:
`open(self.log_file, "a+", encoding="utf-8")`.

Measured effect:
None; one letter is enough.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    if len(sys.argv) == 1:
        ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        raise SystemExit(
            subprocess.run(
                [sys.executable, __file__, "again"], env={**os.environ, **ascii_only}, check=False
            ).returncode
        )
    log = Path(tempfile.mkstemp()[1])
    trainer = SimpleNamespace(local_rank=0, log_file=str(log))
    try:
        nnUNetTrainer.print_to_log_file(trainer, "nnUNet_raw is /data/M\u00fcnchen", also_print_to_console=False)
        code = 1
    except UnicodeEncodeError as error:
        print("UnicodeEncodeError:", str(error).encode("ascii", "replace").decode())
        code = 0
    log.unlink()
    raise SystemExit(code)  # 0: the fault is there
