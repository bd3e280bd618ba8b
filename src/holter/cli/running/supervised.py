"""A training command under supervision: metrics, notifications, and an exit code that late signals do not change."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    from holter.cli.running.listener import StderrListener
    from holter.supervisor.recording.tape_place import DefaultTape
    from holter.supervisor.result import RunResult

# Ignored once the training has ended: they would replace its exit code by their own.
LATE = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class Ending:
    """Keeps the training's exit code whatever signals arrive after its end.

    As a context manager around a run: once ``settle`` was called, Ctrl-C leaves the block without an exception.
    """

    def __init__(self) -> None:
        self._returncode: int | None = None

    def settle(self, returncode: int) -> None:
        """Record the training's exit code (as Popen reports it), and ignore late signals from now on."""
        self._returncode = returncode
        for name in LATE:
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def leave(self) -> NoReturn:
        """Exit with the training's code, or 2 if it is not known."""
        from holter.supervisor.signals import die_like

        sys.exit(2 if self._returncode is None else die_like(self._returncode))

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return self._returncode is not None and kind is not None and issubclass(kind, KeyboardInterrupt)


@contextmanager
def supervision(
    speaker: StderrListener,
    ending: Ending,
    lang: Literal["en", "zh"],
    *,
    metrics: Sequence[str] | None,
    notify: str | None,
    name: str,
) -> Iterator[Callable[..., RunResult]]:
    """Yield a function that runs a command under supervision, and gives its exit code to ``ending``.

    The function takes the arguments of ``holter.supervisor.run.run``. ``metrics``: values of ``--metrics``. ``notify``:
    an address; None: send nothing. ``name``: what notifications call the run.

    Raises:  BadInput, MissingExtra for an address that cannot be used; before anything is started.
    """
    from holter.cli.running.listener import listeners_for
    from holter.supervisor.run import run
    from holter.views.metrics.exporters import Exporters

    def supervise(command: Sequence[str], tape: Path | DefaultTape, *, heal: bool, **options: Any) -> RunResult:
        result = run(
            tuple(command), tape, listener=listener, heal=heal, end_orphans=heal, on_tape=exporters.start, **options
        )
        ending.settle(result.returncode)
        finish(result.returncode, result.outcome)
        return result

    with (
        Exporters(metrics or (), speaker.note) as exporters,
        listeners_for(speaker, notify, lang, name) as (listener, finish),
    ):
        yield supervise
