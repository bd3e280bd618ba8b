"""Whether the recorder of an entry of the registry lives; apart from the rows, which need all causes."""

from __future__ import annotations

from holter.linux.place import here, same_machine_before_a_restart
from holter.probes.process.process_files import started
from holter.tape.registry import Kept

# A recorder writes its entry every 30 s. Of another host, this one sees nothing else; NFS caches for up to a minute.
SILENT_S = 180.0


def is_recording(kept: Kept) -> bool:
    """Return whether the recorder of this entry lives.

    On this host its PID shows it; for another host, whether the entry was written lately.
    """
    entry = kept.entry
    if entry.ended is not None:
        return False
    if entry.place == here():
        return entry.pid_started is not None and started(entry.pid) == entry.pid_started
    return not same_machine_before_a_restart(entry.place) and abs(kept.silent_s) <= SILENT_S
