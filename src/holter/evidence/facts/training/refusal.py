"""Facts about memory that the system refused to give, and about data that is mapped read-only."""

from __future__ import annotations

import re

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import Noted, Tick
from holter.sentences import define

# The requested size: PyTorch ("you tried to allocate 8192000 bytes"), numpy ("Unable to allocate 1.2 GiB").
ASKED = later(
    r"(?:tried to allocate|Unable to allocate|unable to mmap) (\d+(?:\.\d*)?) ?(bytes|[KMGT]iB)?", re.IGNORECASE
)
UNITS = {"bytes": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
# Free memory must exceed the request by this factor: other processes allocate and free memory between two samples.
TIMES_FREE = 3
MUCH_FREE_BYTES = 2 << 30
BEFORE_S = 15.0
# The hook's notes about a read-only part of a case: passed on unchanged, or copied.
READ_ONLY, COPIED = "read-only-data", "read-only-data-copied"

REFUSED = define("memory.refused", "{asked:bytes} were asked for, at least {free:bytes} were free")
REFUSED_SOME = define("memory.refused-some", "at least {free:bytes} were free")
NOT_ASKED = define("memory.not-refused", "no exception says that memory was refused")
NOT_SAID = define("memory.asked-not-said", "the error does not say how much was asked for")
NOT_READ = define("memory.free-not-read", "how much memory was free was not read")
HANDED_ON = define("data.handed-on", "a part of a read-only memory map was given to the transforms")
WAS_COPIED = define("seen.data.read-only-copied", "parts of read-only memory maps are copied first")
NEVER_SEEN = define("data.read-only-not-seen", "no part of a read-only memory map was seen")


def collect(window: Window, book: FactBook) -> None:
    """State whether memory was refused while enough was free, and whether read-only data is passed on."""
    notes = [note for note in window.recording.events(Noted, end_s=window.end_s) if note.what in (READ_ONLY, COPIED)]
    if not notes:
        book.not_applicable("data.read_only", NEVER_SEEN())
    elif notes[-1].what == READ_ONLY:
        book.known("data.read_only", True, HANDED_ON())
    else:
        book.known("data.read_only", False, WAS_COPIED())
    if book.value("exception.kind") != "memory":
        book.not_applicable(("memory.refused", "memory.asked_bytes"), NOT_ASKED())
        return
    asked = asked_bytes(str(book.value("exception.first")))
    book.known("memory.asked_bytes", asked, unless=NOT_SAID())
    free = [room for tick in window.all if abs(tick.t_s - window.episode.start_s) <= BEFORE_S and (room := _free(tick))]
    if not free:
        book.unknown("memory.refused", NOT_READ())
        return
    least = min(free)
    was_free = least >= MUCH_FREE_BYTES if asked is None else least >= TIMES_FREE * asked
    is_short = bool(book.value("oom.kills"))
    detail = REFUSED_SOME(free=least) if asked is None else REFUSED(asked=asked, free=least)
    book.known("memory.refused", was_free and not is_short, detail)


def asked_bytes(text: str) -> float | None:
    """Return the number of bytes that the failed allocation asked for; None if the exception does not say."""
    match = ASKED.search(text)
    return float(match[1]) * UNITS[(match[2] or "bytes").lower()] if match else None


# The free memory of machine and cgroup, the smaller of both.
def _free(tick: Tick) -> int | None:
    of_machine = tick.host.memory_available_bytes if tick.host is not None else None
    of_group = tick.cgroup.memory_free_bytes if tick.cgroup is not None else None
    return min((free for free in (of_machine, of_group) if free is not None), default=None)
