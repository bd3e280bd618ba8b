"""Cases that cannot be read: tried twice, then left out, and used again as soon as they can be read."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from holter.errors import CaseUnreadable, NoReadableCase, coded
from holter.linux.mounts import mount_of_file
from holter.loader.read_errors import CaseTrouble
from holter.loader.records import ReadTrouble

# Time for a server to restart, or for a copy of the file to finish, before the second try.
RETRY_AFTER_S = 0.5
# If more cases are missing than left, the network would learn another data set.
MOST_MISSING = 0.5

Tell = Callable[[ReadTrouble], None]


class Quarantine:
    """The unreadable cases, shared by all readers. ``case in quarantine`` runs for each sample and takes no lock."""

    def __init__(self, cases: int, tell: Tell, *, is_strict: bool = False) -> None:
        self._all, self._tell, self._is_strict = cases, tell, is_strict
        self._out: dict[str, str] = {}  # case: why
        self._failed_since_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def __contains__(self, case: object) -> bool:
        return case in self._out

    @property
    def cases(self) -> dict[str, str]:
        """Return the reason for each case that is left out."""
        return dict(self._out)

    def failed(self, trouble: CaseTrouble, step: int) -> float:
        """Record that a case could not be read for the batch of this step.

        Return the seconds to wait before it is tried again, or 0 if it is left out from now on.
        Raises:  CaseUnreadable if strict; NoReadableCase if too many are out.
        """
        now_s = time.monotonic()
        with self._lock:
            since_s = self._failed_since_s.setdefault(trouble.case, now_s)
        wait_s = since_s + RETRY_AFTER_S - now_s
        if wait_s > 0:
            self._say("unreadable", trouble.case, trouble.file, trouble.detail, step)
            return wait_s
        self.put(trouble.case, trouble.file, trouble.detail, step, trouble)
        return 0.0

    def put(self, case: str, file: Path, detail: str, step: int, error: Exception | None = None) -> None:
        """Leave a case out of the training from now on. ``step``: of the batch that needed it; ``error``: what failed.

        Raises:  what ``failed`` raises.
        """
        if self._is_strict:
            raise CaseUnreadable(
                f"case {case} cannot be read: {file}: {detail}",
                safe="everything trained until now",
                next_step="preprocess it again, or train without --strict: the case is left out then",
            ) from error
        with self._lock:
            is_new = case not in self._out
            self._out[case] = f"{file}: {detail}"
        if is_new:
            self._say("quarantined", case, file, detail, step)
        if len(self._out) > self._all * MOST_MISSING:
            raise NoReadableCase(
                f"{len(self._out)} of {self._all} cases cannot be read; the last: {file}: {detail}",
                safe="everything trained until now",
                next_step=f"look at the storage: ls {shlex.quote(str(file.parent))}",
            ) from error

    def succeeded(self, case: str, step: int) -> None:
        """Record that a case was read: earlier failures are forgotten, and it is used again if it was left out."""
        if case not in self._failed_since_s and case not in self._out:
            return
        with self._lock:
            self._failed_since_s.pop(case, None)
            was_out = self._out.pop(case, None)
        if was_out is not None:
            self._say("back", case, None, coded("could-be-read", "could be read after all"), step)

    def hung(self, case: str, file: Path, waited_s: float, step: int) -> None:
        """Report a read that has taken ``waited_s`` seconds; the case is not left out by this."""
        self._say("hung", case, file, coded("read-hangs", "the read does not come back"), step, waited_s)

    def _say(
        self,
        kind: Literal["hung", "unreadable", "quarantined", "back"],
        case: str,
        file: Path | None,
        detail: str,
        step: int,
        waited_s: float | None = None,
    ) -> None:
        mount = None if file is None else mount_of_file(file)
        self._tell(
            ReadTrouble(
                kind=kind,
                case=case,
                file=None if file is None else str(file),
                mount=None if mount is None else mount.mount_point,
                fs_type=None if mount is None else mount.fs_type,
                detail=detail,
                step=step,
                waited_s=waited_s,
            )
        )
