"""What became of a run, in one record: the same words on the terminal, in HTML and JSON, in messages and in lists.

For a recording whose causes are judged anyway::

    ran = outcome_of(recording, diagnose_recording(recording, is_over=over), is_over=over)
    phrase(ran.headline, lang)   # "Finished: 4 of 4 epochs. Stopped twice, healed twice, 16 s lost."

``identity_of(ran)`` are the lines below it: data set, configuration, fold, host; begin, end, exit code.

For a running tape, each second, leave the diagnoses out. No cause is judged then: the headline takes the cause that the
recorder has put on the tape (``Judged``), and the call costs a few walks through the ticks::

    ran = outcome_of(recording, is_over=False)

The recording may be a part: the environment, all events, the episodes, and only the last minutes of samples. Then
``lost_s`` counts what these samples show; pass ``lost_s`` to reuse what was counted before. ``is_over``: nobody writes
the tape any more (``diagnosis.result.is_over``); this package knows no clock. Pure.
"""

from holter.reports.outcome.identity import identity_of
from holter.reports.outcome.judge import outcome_of
from holter.reports.outcome.record import Identity, Outcome, State

__all__ = ["Identity", "Outcome", "State", "identity_of", "outcome_of"]
