"""Parsers for the files of one process under ``/proc/PID``; missing values are None."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from holter.linux.procfs import list_numbers, parse_counters, parse_cpu_list, read_text, to_int

_KIB = 1024


# The process was forked and has not started another program since: it has the command line of its parent.
PF_FORKNOEXEC = 0x40


class Stat(NamedTuple):
    """The fields of ``/proc/PID/stat`` that are used here."""

    pid: int
    name: str
    state: str
    ppid: int
    flags: int  # of the kernel: PF_…
    minor_faults: int
    major_faults: int
    cpu_ticks: int  # user and system
    threads: int
    started_ticks: int  # since boot; together with the PID it identifies a process uniquely
    rss_pages: int
    last_cpu: int
    wait_status: int  # of a zombie; 0 also if the kernel hides it from us


def parse_stat(text: str | None) -> Stat | None:
    """Parse the whole file; None if the process is gone.

    ``4711 (a (b) c) S 1 4711 4711 0 -1 4194560 2430 0 3 0 12 4 0 0 20 0 3 0 86725 5124096 978 …``: the name may
    contain blanks and parentheses, so the fields are counted from the last ``)``.
    """
    before, _, after = (text or "").rpartition(")")
    pid, _, name = before.partition(" (")
    words = after.split()
    if len(words) < 37:
        return None
    return Stat(
        pid=int(pid),
        name=name,
        state=words[0],
        ppid=int(words[1]),
        flags=int(words[6]),
        minor_faults=int(words[7]),
        major_faults=int(words[9]),
        cpu_ticks=int(words[11]) + int(words[12]),
        threads=int(words[17]),
        started_ticks=int(words[19]),
        rss_pages=int(words[21]),
        last_cpu=int(words[36]),
        wait_status=int(words[49]) if len(words) > 49 else 0,
    )


def started(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the start of a living process in ticks since boot. A time of day would change when the clock jumps."""
    seen = parse_stat(read_text(f"{proc}/{pid}/stat"))
    return None if seen is None or seen.state in "ZX" else seen.started_ticks


def namespace_pids(pid: int | str, proc: Path = Path("/proc")) -> tuple[int, ...]:
    """PIDs of a process, from our PID namespace inwards (``NSpid``): more than one if it has a namespace of its own."""
    for line in (read_text(f"{proc}/{pid}/status") or "").splitlines():
        if line.startswith("NSpid:"):
            return tuple(int(word) for word in line.split()[1:])
    return ()


def effective_uid(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the user that a process acts as; None if the process is gone."""
    for line in (read_text(f"{proc}/{pid}/status") or "").splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    return None


class Status(NamedTuple):
    """The fields of ``/proc/PID/status`` that ``stat`` does not have."""

    swap_bytes: int | None
    cpus_allowed: int | None
    voluntary_switches: int | None
    involuntary_switches: int | None


def parse_status(text: str | None) -> Status:
    """Parse ``VmSwap:  0 kB``, ``Cpus_allowed_list:  0-1``, ``voluntary_ctxt_switches:  61``."""
    counters = parse_counters(text)
    swap = counters.get("VmSwap")
    allowed = next((line for line in (text or "").splitlines() if line.startswith("Cpus_allowed_list:")), "")
    return Status(
        swap_bytes=None if swap is None else swap * _KIB,
        cpus_allowed=parse_cpu_list(allowed.partition(":")[2]),
        voluntary_switches=counters.get("voluntary_ctxt_switches"),
        involuntary_switches=counters.get("nonvoluntary_ctxt_switches"),
    )


def parse_schedstat(text: str | None) -> float | None:
    """Return the seconds in which the first thread was ready to run but had no CPU, from ``/proc/PID/schedstat``.

    ``47014 1200 1``: nanoseconds on a CPU, nanoseconds waiting for one, time slices. None if the kernel does not count
    them (all zero).
    """
    words = (text or "").split()
    waited = to_int(words[1]) if len(words) == 3 else None
    return None if waited is None or words[0] == "0" else waited / 1e9


class Limits(NamedTuple):
    """Soft limits of a process; None: unlimited or unknown."""

    fds: int | None = None
    cpu_time_s: int | None = None
    file_size_bytes: int | None = None
    address_space_bytes: int | None = None


_LIMITS = ("Max open files", "Max cpu time", "Max file size", "Max address space", "Max data size")


def parse_limits(text: str | None) -> Limits:
    """Parse the soft limits: ``Max open files            20000                20000   files``."""
    limits: dict[str, int | None] = {}
    for line in (text or "").splitlines():
        name = next((name for name in _LIMITS if line.startswith(name)), None)
        if name is not None:
            limits[name] = to_int(line[len(name) :].split()[0])
    spaces = [value for name in _LIMITS[3:] if (value := limits.get(name)) is not None]
    return Limits(
        fds=limits.get("Max open files"),
        cpu_time_s=limits.get("Max cpu time"),
        file_size_bytes=limits.get("Max file size"),
        address_space_bytes=min(spaces, default=None),
    )


def parse_cmdline(text: str | None) -> tuple[str, ...]:
    """Split ``/proc/PID/cmdline`` at its zero bytes into arguments; empty for a zombie."""
    return tuple((text or "").rstrip("\0").split("\0")) if text else ()


class Details(NamedTuple):
    """Fields that are costly to read and change little within seconds; None if not readable."""

    swap_bytes: int | None = None
    cpus_allowed: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    read_bytes: int | None = None
    read_chars: int | None = None
    write_bytes: int | None = None
    fds: int | None = None
    limits: Limits = Limits()
    cpu_wait_s: float | None = None


def read_details(folder: str) -> Details:
    """Read all fields of ``Details`` for the process of this ``/proc/PID`` folder."""
    status = parse_status(read_text(f"{folder}/status"))
    io = parse_counters(read_text(f"{folder}/io"))
    return Details(
        *status,
        read_bytes=io.get("read_bytes"),
        read_chars=io.get("rchar"),
        write_bytes=io.get("write_bytes"),
        fds=_count_descriptors(f"{folder}/fd"),
        limits=parse_limits(read_text(f"{folder}/limits")),
        cpu_wait_s=parse_schedstat(read_text(f"{folder}/schedstat")),
    )


def count_running_threads(folder: str) -> int | None:
    """Number of threads in state R of the process of this ``/proc/PID`` folder; None if it is gone."""
    stats = [parse_stat(read_text(f"{folder}/task/{thread}/stat")) for thread in list_numbers(f"{folder}/task") or ()]
    states = [stat.state for stat in stats if stat is not None]
    return states.count("R") if states else None


def _count_descriptors(folder: str) -> int | None:
    try:
        # Since Linux 6.2 the size of the folder is the number of open descriptors; before, it was 0.
        count = Path(folder).stat().st_size
    except OSError:
        return None
    if count:
        return count
    numbers = list_numbers(folder)
    return None if numbers is None else len(numbers)
