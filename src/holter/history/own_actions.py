"""Which processes ended on purpose: Holter ended them, or the training did. Such an end is no evidence. Pure.

The kernel uses a PID again, on a busy machine within hours. So an action explains the end of a process only until its
PID is born again, and where no births are recorded only an end that follows soon.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from holter.records import ActionTaken, Event, ExceptionSeen, ProcessBorn, ProcessEnded

# Holter's SIGTERM is followed by SIGKILL after 5 s, and the end is read some seconds later. A process in the kernel
# (state D) ends when the kernel lets it go.
ENDS_WITHIN_S = 60.0


class OwnActions:
    """The processes that Holter ended, and when. Events are added in order of time."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._spans: dict[int, list[tuple[float, float]]] = defaultdict(list)  # by PID: begin, and end of its effect
        self._born: set[int] = set()
        for event in events:
            self.see(event)

    def see(self, event: Event) -> None:
        """Add an event; others change nothing."""
        if isinstance(event, ActionTaken) and event.state == "begun":
            for pid in event.pids:
                within_s = float("inf") if pid in self._born else ENDS_WITHIN_S
                self._spans[pid].append((event.t_s, event.t_s + within_s))
        elif isinstance(event, ActionTaken) and event.state == "failed":
            self._last_until(event.pids, float("inf"))
        elif isinstance(event, ProcessBorn):
            self._born.add(event.pid)
            if self._spans.get(event.pid):
                began_s, until_s = self._spans[event.pid][-1]
                self._last_until((event.pid,), min(until_s, max(began_s + ENDS_WITHIN_S, event.t_s)))

    def explain(self, event: ProcessEnded | ExceptionSeen) -> bool:
        """Return whether Holter was ending this process then."""
        return any(begin_s <= event.t_s <= end_s for begin_s, end_s in self._spans.get(event.pid or 0, ()))

    def _last_until(self, pids: Iterable[int], until_s: float) -> None:
        for pid in pids:
            if self._spans.get(pid):
                self._spans[pid][-1] = (self._spans[pid][-1][0], until_s)


class Wanted:
    """The ends that the training, or Holter, brought about on purpose."""

    def __init__(self, events: Iterable[Event]) -> None:
        known = sorted(events, key=lambda event: event.t_s)
        self._own = OwnActions(known)
        self._on_purpose: dict[int, list[float]] = defaultdict(list)  # by PID, as the training reported
        self._born: dict[int, list[float]] = defaultdict(list)
        for event in known:
            if isinstance(event, ProcessEnded) and (event.by_parent or event.expected):
                self._on_purpose[event.pid].append(event.t_s)
            elif isinstance(event, ProcessBorn):
                self._born[event.pid].append(event.t_s)

    def __contains__(self, event: ProcessEnded) -> bool:
        """Several sources report one end, and only the hook knows that it was wanted."""
        wanted = self._on_purpose.get(event.pid, ())
        return self._own.explain(event) or any(self._is_same_process(event.pid, t_s, event.t_s) for t_s in wanted)

    def _is_same_process(self, pid: int, one_s: float, other_s: float) -> bool:
        # A new process is found some seconds after its start, perhaps after the report of its own end.
        first_s, last_s = min(one_s, other_s), max(one_s, other_s)
        return not any(first_s + ENDS_WITHIN_S < born_s <= last_s for born_s in self._born.get(pid, ()))
