"""A training command under supervision, with the metrics and notifications that the user asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from holter.cli.running.ending import Ending

if TYPE_CHECKING:
    from holter.cli.running.listener import StderrListener
    from holter.supervisor.recording.tape_place import DefaultTape
    from holter.supervisor.result import RunResult


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
