"""Half-written files of a killed training: removed when it is certain that no process still writes them."""

from __future__ import annotations

import contextlib
from pathlib import Path

from holter.probes.training.preprocessed import Job
from holter.supervisor.folds.unchanged import Unchanged, mtime_s

# If a share does not answer for some seconds, a writer on another host may still be alive.
UNWRITTEN_S = 60.0


class TornFiles:
    """The half-written files that one job (such as unpacking the cases) has left.

    ``fresh``: a file on the same file server that was just written. Its time stamp shows the server's present time.
    """

    def __init__(self, job: Job, fresh: Path) -> None:
        self.first = ""
        self._job, self._fresh = job, fresh
        self._written = Unchanged()
        self._files: tuple[Path, ...] = ()

    def find(self) -> int:
        """Search for half-written files; return their number."""
        self._files = self._job.torn()
        self.first = str(self._files[0]) if self._files else ""
        return len(self._files)

    def are_left(self) -> bool:
        """Return whether no process writes the half-written files any more: they have not changed for UNWRITTEN_S."""
        return max(self._written.for_s(_sizes(self._files)), self._age_s()) >= UNWRITTEN_S

    def remove(self) -> int:
        """Remove the files that ``find`` has found; return how many could be removed."""
        removed = 0
        for file in self._files:
            with contextlib.suppress(OSError):
                file.unlink()
                removed += 1
        return removed

    def _age_s(self) -> float:
        now_s, written = mtime_s(self._fresh), [mtime_s(file) for file in self._files]
        return 0.0 if now_s is None else now_s - max(time_s or now_s for time_s in written)


def _sizes(files: tuple[Path, ...]) -> tuple[object, ...]:
    sizes = []
    for file in files:
        with contextlib.suppress(OSError):
            seen = file.stat()
            sizes.append((file.name, seen.st_size, seen.st_mtime_ns))
    return tuple(sizes)
