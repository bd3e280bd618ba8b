"""Whether the main process still stood between two steps, or had left its training, when it was last seen. Pure."""

from __future__ import annotations

from holter.records import ActionTaken, Notice, PhaseChanged
from holter.tape import Recording

# Kinds of notices: the main process stands between two batches; it goes on.
STANDS, GOES_ON = "main-stands", "main-goes-on"
# An exception has ended nnU-Net's training, and its program goes on.
LEFT = "training-left"


def standing(recording: Recording) -> Notice | None:
    """Return the notice that the main process stands, if nothing has happened since; else None."""
    last: Notice | None = None
    for event in recording.events(Notice, ActionTaken):
        if isinstance(event, Notice) and event.what == STANDS:
            last = event
        elif (isinstance(event, Notice) and event.what == GOES_ON) or (
            isinstance(event, ActionTaken) and event.action == "restart" and event.state != "proposed"
        ):
            last = None
    return last


def training_left(recording: Recording) -> Notice | None:
    """Return the notice that the program goes on without its training, if it has not trained since; else None."""
    last: Notice | None = None
    for event in recording.events(Notice, PhaseChanged, ActionTaken):
        if isinstance(event, Notice) and event.what == LEFT:
            last = event
        elif isinstance(event, PhaseChanged) or (
            isinstance(event, ActionTaken) and event.action == "restart" and event.state != "proposed"
        ):
            last = None
    return last
