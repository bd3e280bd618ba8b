"""How fast counters grow, from one tick to the next."""

from __future__ import annotations

from collections.abc import Iterator

from holter.records import Tick


class Growth:
    """Computes how fast counters grow, from one tick to the next one that has them."""

    def __init__(self) -> None:
        self._totals: dict[str, tuple[float, dict[object, int]]] = {}

    def of(self, tick: Tick) -> Iterator[tuple[str, float | None]]:
        """Yield the bytes per second since the tick of the previous call; None where a counter is missing."""
        for name, totals in _counters(tick):
            yield name, self._grown(name, tick.t_s, totals)

    def _grown(self, name: str, t_s: float, totals: dict[object, int]) -> float | None:
        if not totals:
            return None
        before = self._totals.get(name)
        self._totals[name] = (t_s, totals)
        if before is None or t_s <= before[0]:
            return None
        grown = sum(max(0, total - before[1].get(who, total)) for who, total in totals.items())
        return grown / (t_s - before[0])


# Each counter with its totals: of every process, or of the machine.
def _counters(tick: Tick) -> Iterator[tuple[str, dict[object, int]]]:
    processes, host = tick.processes, tick.host
    yield "read", {each.pid: each.read_bytes_total for each in processes if each.read_bytes_total is not None}
    yield "write", {each.pid: each.write_bytes_total for each in processes if each.write_bytes_total is not None}
    if host is not None:
        for name, total in (("received", host.network_received_bytes_total), ("sent", host.network_sent_bytes_total)):
            yield name, {} if total is None else {"host": total}
