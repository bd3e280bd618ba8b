"""Whether the main process still stood between two steps, or had left its training, when it was last seen. Pure."""

from __future__ import annotations

from holter.history.ranks import working
from holter.records import ActionTaken, EpochEnded, Noted, Notice
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
    for event in recording.events(Notice, Noted, EpochEnded, ActionTaken):
        if isinstance(event, Notice) and event.what == LEFT:
            last = event
        elif (
            isinstance(event, EpochEnded)
            or (isinstance(event, Noted) and event.what == "began")  # nnU-Net's loop
            or (isinstance(event, ActionTaken) and event.action == "restart" and event.state != "proposed")
        ):
            last = None
    # A checkpoint or a validation changes the phase, too: only a step shows that a loop of its own trains on.
    return None if last is None or _has_stepped(recording, last.t_s) else last


def _has_stepped(recording: Recording, since_s: float) -> bool:
    beats = (beat for tick in recording.ticks(start_s=since_s) for beat in working(tick.beats))
    return any((beat.progressed_s or 0.0) > since_s for beat in beats)
