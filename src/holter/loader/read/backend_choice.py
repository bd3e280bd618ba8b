"""Find out which backend works here, without hanging if reading the first file hangs."""

from __future__ import annotations

import threading
import time

from holter.errors import coded
from holter.loader.plan.dataset import Catalogue
from holter.loader.quarantine import Quarantine
from holter.loader.read.backend import COST, Backend, default_backend
from holter.loader.read_errors import CaseTrouble, in_case, touched_by

THREAD_NAME = "holter-try"
# A dead mount hangs with every file. The readers' watchdog then waits for it and reports it; trying hundreds of cases
# first would gain nothing.
MOST_HUNG = 2


class _Attempt(threading.Thread):
    """Tries one case; if its read hangs, the thread is left behind."""

    def __init__(self, catalogue: Catalogue, case: str) -> None:
        super().__init__(name=THREAD_NAME, daemon=True)
        self._catalogue, self._case = catalogue, case
        self.found: Backend | None = None  # None: not yet, or the case is damaged
        self.error: BaseException | None = None

    def run(self) -> None:
        """Try the case once."""
        try:
            with in_case(self._case):
                self.found = default_backend(self._catalogue.files(self._case).image)
        except BaseException as error:  # noqa: BLE001 -- it is raised again in the trainer's thread
            self.error = error


def try_out(catalogue: Catalogue, limit_s: float, quarantine: Quarantine) -> Backend:
    """Return the backend for the first case that can be read. ``limit_s``: seconds after which a read counts as hung.

    Damaged and hung cases are left to the readers.
    """
    hung = 0
    for case in catalogue.identifiers:
        attempt = _Attempt(catalogue, case)
        attempt.start()
        attempt.join(limit_s)
        if attempt.is_alive():
            _tell(attempt, case, quarantine)
            hung += 1
            if hung == MOST_HUNG:
                break
        elif attempt.found is not None:
            return attempt.found
        elif isinstance(attempt.error, CaseTrouble):
            catalogue.forget(case)
        elif attempt.error is not None:
            raise attempt.error
    if hung:
        text = f"no case could be tried, reads do not come back: python-blosc2 is used; {COST}"
        return Backend("numpy", coded("no-case-tried", text, cost=COST))
    return Backend("numpy", coded("no-case-read", "no case can be read"))


def _tell(attempt: _Attempt, case: str, quarantine: Quarantine) -> None:
    touch = touched_by(attempt)
    if touch is not None:  # else the read has just returned; the readers will notice
        quarantine.hung(case, touch.file, time.monotonic() - touch.since_s, 0)
