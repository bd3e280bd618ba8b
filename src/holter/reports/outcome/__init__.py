"""The outcome of a run, in one record: the same words on the terminal, in HTML and JSON, in messages and in lists.

For a recording whose diagnoses are computed anyway::

    ran = outcome_of(recording, diagnose_recording(recording, is_over=over), is_over=over)
    phrase(ran.headline, lang)   # "Finished: 4 of 4 epochs. Stopped twice, healed twice, 16 s lost."

``identity_of(ran)`` are the lines below it: data set, configuration, fold, host; begin, end, exit code.

For a tape that is still being written, once a second, leave the diagnoses out. Then no cause is judged: the headline
has the cause that the recorder has written to the tape (``Judged``), and the call only reads through the ticks a few
times::

    ran = outcome_of(recording, is_over=False)

The recording may be incomplete: the environment, all events and episodes, but only the last minutes of samples. Then
``lost_s`` counts only these minutes; pass ``lost_s`` to use an earlier count. ``is_over``: no process writes the tape
any more (``diagnosis.result.is_over``); this package uses no clock. Pure.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holter.reports.outcome.identity import identity_of
    from holter.reports.outcome.judge import outcome_of
    from holter.reports.outcome.record import Identity, Outcome, State

__all__ = ["Identity", "Outcome", "State", "identity_of", "outcome_of"]

_FROM = {"identity_of": "identity", "outcome_of": "judge", "Identity": "record", "Outcome": "record", "State": "record"}


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for. Judging a recording needs all causes and detectors; a command that only shows a date
    # or a sentence of this package would wait for them.
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
