"""Whether the main process of a program with a DataLoader still stood when it was last seen. Pure."""

from __future__ import annotations

from holter.records import ActionTaken, Notice
from holter.tape import Recording

# Kinds of notices: the main process stands between two batches; it goes on.
STANDS, GOES_ON = "main-stands", "main-goes-on"


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
