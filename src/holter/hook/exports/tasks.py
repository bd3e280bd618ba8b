"""The tasks of an export pool and their results."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .. import control
from ..remarks import Remark, remark
from ..runtime import RUNTIME

ACTION = "export-again"
POLL_S = 0.1  # the waiting process may have to compute a case itself
# Position of the argument that names the case, in the functions that nnU-Net gives to its pools.
NAMED_BY = {"export_prediction_from_logits": 5, "resample_and_save": 2, "compute_metrics": 1}


class Task:
    """One call to be made.

    Its arguments are kept until it is settled. Tensors among them cost no extra memory: they are in memory shared with
    the worker.
    """

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = (function, arguments, keywords)
        self.function = getattr(function, "__name__", "")
        position = NAMED_BY.get(self.function, len(arguments))
        self.output = str(arguments[position]) if position < len(arguments) else ""
        self.name = self.output.rpartition("/")[2] or self.function
        self.losses = 0
        self.done = threading.Event()
        self.ok = False
        self.value: Any = None
        self._trouble: Remark = remark("no-exporter")  # the failure of the previous attempt
        self._began = 0.0

    def compute(self) -> None:
        """Make the call in this process."""
        if self.call is None:
            raise RuntimeError("settled before")
        torch = sys.modules.get("torch")
        threads = torch.get_num_threads() if torch is not None else 0
        function, arguments, keywords = self.call
        try:
            self.settle(True, function(*arguments, **keywords))
        except Exception as error:
            self.settle(False, error)
        finally:
            if torch is not None:  # an export changes the thread count, and does not restore it after an error
                torch.set_num_threads(threads)

    def settle(self, ok: bool, value: Any) -> None:
        """Store the value that the call returned or, if not ``ok``, its exception; wake the waiting thread."""
        self.ok, self.value, self.call = ok, value, None
        if self.losses:
            took_s = time.monotonic() - self._began
            remarks = [self._case(), remark(f"computed-{self._where()}", took=took_s)]
            if ok:
                control.tell(ACTION, "done", *remarks)
            else:
                control.tell(ACTION, "failed", *remarks, remark("raised", error=repr(value)))
        self.done.set()

    def lost(self, trouble: Remark) -> None:
        """Record that an attempt to make the call failed, and why; the call will be tried again."""
        self.losses += 1
        self._trouble, self._began = trouble, time.monotonic()
        control.tell(ACTION, "begun", self._case(), remark(f"compute-{self._where()}"))

    def _case(self) -> Remark:
        return remark("export-lost", case=self.name, trouble=self._trouble)

    def _where(self) -> str:
        return "alone" if self.losses == 1 else "in-main"


class Result:
    """The return value of ``apply_async`` and ``starmap_async``; like multiprocessing's own."""

    def __init__(self, attend: Callable[[], None], tasks: list[Task], *, single: bool) -> None:
        """``attend`` computes the tasks that are left to this process."""
        self._attend, self._tasks, self._single = attend, tasks, single

    def ready(self) -> bool:
        """Whether all tasks are computed. Tasks that no worker can compute are computed now."""
        self._attend()
        return all(task.done.is_set() for task in self._tasks)

    def successful(self) -> bool:
        """Return whether no task raised an exception; raise ValueError if the tasks are not finished."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return all(task.ok for task in self._tasks)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for at most ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while not self.ready():
                left = POLL_S if end is None else min(POLL_S, end - time.monotonic())
                if left <= 0:
                    return
                if RUNTIME.page.waits == 0:
                    RUNTIME.wait_for("export-result")
                self._last().done.wait(left)
        finally:
            RUNTIME.wait_over()

    def _last(self) -> Task:
        return next((task for task in self._tasks if not task.done.is_set()), self._tasks[-1])

    def get(self, timeout: float | None = None) -> Any:
        """Return what the function returned, or raise what it raised; TimeoutError after ``timeout`` seconds."""
        self.wait(timeout)
        if not self.ready():
            raise multiprocessing.TimeoutError
        for task in self._tasks:
            if not task.ok:
                raise task.value
        values = [task.value for task in self._tasks]
        return values[0] if self._single else values
