"""Files that a training was killed over, half written: removed when it is certain that nobody writes them any more."""

from __future__ import annotations

import contextlib
from pathlib import Path

from holter.probes.training.preprocessed import Job
from holter.supervisor.folds.unchanged import Unchanged, mtime_s

# A share that does not answer for some seconds is no end of a writer whom we do not see.
UNWRITTEN_S = 60.0


class TornFiles:
    """Those of one job. ``fresh``: a file beside them that was made just now, by the same server's clock."""

    def __init__(self, job: Job, fresh: Path) -> None:
        self.first = ""
        self._job, self._fresh = job, fresh
        self._written = Unchanged()
        self._files: tuple[Path, ...] = ()

    def look(self) -> int:
        """How many there are now."""
        self._files = self._job.torn()
        self.first = str(self._files[0]) if self._files else ""
        return len(self._files)

    def are_left(self) -> bool:
        """Whether nobody has written to any of them for a while: since before we came, or while we watch."""
        return max(self._written.for_s(_sizes(self._files)), self._age_s()) >= UNWRITTEN_S

    def remove(self) -> int:
        """Remove them; how many went."""
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
    found = []
    for file in files:
        with contextlib.suppress(OSError):
            seen = file.stat()
            found.append((file.name, seen.st_size, seen.st_mtime_ns))
    return tuple(found)
