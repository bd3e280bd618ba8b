"""A plot that cannot be written ends the training.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`on_epoch_end` draws `progress.png` after every epoch, without a `try`. A share that is unmounted, full or read-only
for a minute ends a training of days, for a picture that the next epoch draws again.

Proposed change:
Catch `OSError` around `plot_progress_png` and print a warning.

Measured effect:
A results folder that was full, or read-only, for 40 s ended a real training (one of one each; the plot is one of the
writes at the end of an epoch) (Holter, benchmarks/RESULTS.md, "What a training survives").
"""

import tempfile
from pathlib import Path

from nnunetv2.training.logging.nnunet_logger import LocalLogger

if __name__ == "__main__":
    logger = LocalLogger()
    logger.my_fantastic_logging = {key: [0.5] for key in logger.my_fantastic_logging}  # one epoch
    folder = Path(tempfile.mkdtemp())
    folder.rmdir()  # the share is gone
    try:
        logger.plot_progress_png(str(folder))  # on_epoch_end calls it, with nothing around it
    except OSError as error:
        print("plot_progress_png raises:", type(error).__name__, "- on_epoch_end does not catch it")
        raise SystemExit(0) from None  # the fault is there
    raise SystemExit(1)
