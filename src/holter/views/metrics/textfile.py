"""One file for each run in the folder of the node exporter's textfile collector.

The collector reads ``*.prom`` at each scrape, whatever their age: a file that is not removed shows its run forever. So
the file is removed when the run ends well. If it does not, what stays true (no last step, no GPU) is left, so that an
alert can be seen; the next run of the fold, or any run three days later, removes it.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from holter.views.metrics import names

PREFIX = "holter-"
SUFFIX = ".prom"
UNFINISHED = ".prom.tmp"
# A file that was not written for so long has no living writer.
DEAD_AFTER_S = 300.0
# A death of Friday night is seen on Monday.
KEPT_S = 3 * 86_400.0
# The exporter runs as another user; there is nothing in the file that this user may not know.
MODE = 0o644


class TextFile:
    """The ``.prom`` file with the metrics of one run; ``run`` is the run's name, from ``exposition.run_name``."""

    def __init__(self, folder: Path, run: str) -> None:
        self._file = folder / f"{PREFIX}{run}{SUFFIX}"
        clear(folder, run)

    def write(self, text: bytes) -> bool:
        """Replace the file in one step, so that nobody reads half of it; return False if it cannot be written now."""
        # Not "*.prom": the exporter must never read half a file.
        new = self._file.with_name(self._file.name.removesuffix(SUFFIX) + UNFINISHED)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
                os.fchmod(descriptor, MODE)  # independent of the umask
                file.write(text)
            new.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            return False
        return True

    def remove(self) -> None:
        """Remove the file; do nothing if that fails."""
        with contextlib.suppress(OSError):
            self._file.unlink()


def clear(folder: Path, run: str) -> None:
    """Remove the metrics files that no run writes any more: those of the same fold, and others after ``KEPT_S``."""
    fold = run.rpartition("-")[0]
    for suffix in (SUFFIX, UNFINISHED):
        for file in sorted(folder.glob(f"{PREFIX}*{suffix}")):
            with contextlib.suppress(OSError):
                if file.stat().st_uid == os.geteuid() and _is_useless(file, suffix, fold):
                    file.unlink()


def _is_useless(file: Path, suffix: str, fold: str) -> bool:
    age_s = time.time() - file.stat().st_mtime
    is_same_fold = file.name.removeprefix(PREFIX).removesuffix(suffix).rpartition("-")[0] == fold
    if is_same_fold and suffix == SUFFIX and names.ENDED.name.encode() in file.read_bytes():
        return True
    return age_s > (DEAD_AFTER_S if is_same_fold or suffix == UNFINISHED else KEPT_S)
