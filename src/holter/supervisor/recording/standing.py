"""Report once where a training has stood for long between two steps, while Holter sees no activity of the run.

This is a program with a DataLoader, or nnU-Net at the end of an epoch, where a custom trainer may upload or evaluate.
Holter cannot tell whether that is intended, so it is a notice: no alarm, no cause, no command, and nothing is healed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from holter.detectors.standing import Progress, StandingKeeper
from holter.evidence.facts.training.standing import KINDS
from holter.evidence.facts.training.stuck_place import LOOPS, OTHER, PERSON, stuck_place, waits_for
from holter.evidence.frames import describe
from holter.evidence.window import Window
from holter.history.ranks import main_process
from holter.history.standing import GOES_ON, STANDS
from holter.probes.process.stacks import StackDumper
from holter.records import Episode, Notice, ProcessSample, StackDump, Tick
from holter.sentences import define
from holter.supervisor.recording.abilities import NO_FRAMES
from holter.supervisor.run_activity import RunActivity
from holter.tape import Recording

# So many times, equally apart, within the limit: a program that moves shows it in one of them.
LOOKS = 5
# The stacks that count are from this part of the limit, or more.
LEAST_PART = 0.75
# So many times within the limit, but not more often than that, the threads and connections of the run are compared.
ACTIVITY_LOOKS, LEAST_BETWEEN_S = 20, 4.0
# What it waits for is not known, or it is a file of which nothing is read or written.
UNNAMED = (OTHER, "file")
# By the kernel alone, where no stack can be read. A debugger at a terminal, a notebook, and a server that gets its
# orders by events wait for none of these.
WITHOUT_PERSON = ("lock", "file-lock", "child", "sleep", "socket", "pipe")
# With stdin behind it, such a call waits for a person, or for the program that gives it orders.
READS = ("read", "readv", "select", "pselect6")

STANDS_IN = define(
    "notice.main-stands",
    "the main thread has stood in {place} for {age:duration}[[ ({kind})]]; "
    "Holter sees no activity of the run, and cannot tell whether this is intended",
)
QUIET_IN = define(
    "notice.main-quiet",
    "no step for {age:duration}: the main thread stands in {place}[[ ({kind})]]. "
    "Between two steps this may be intended, so it is no alarm yet",
)
UNREAD = define(
    "notice.main-unread",
    "no batch for {age:duration}: the main thread stands ({kind}), and Holter sees no activity of the run. "
    "Where in the program that is cannot be read here ({why}). If you may trace the process, this shows it: "
    "py-spy dump --pid {pid}. It may be intended, for example in a debugger",
)
WENT_ON = define("notice.main-goes-on", "the main process goes on, after {age:duration}[[ in {place}]]")


class StandingWatch:
    """Takes stacks of a main process that stands, and reports its place; once per stop."""

    def __init__(
        self, recording: Callable[[], Recording], scratch: Path, write: Callable[[list[StackDump]], None]
    ) -> None:
        """``recording``: the last minutes, as if read from the tape. ``scratch``: it marks what the run starts.

        ``write``: is given the stacks that count, for the tape.
        """
        self._recording = recording
        self._activity = RunActivity(scratch)
        # Stacks from outside only: a signal would disturb a program that may be healthy.
        self._dumper = StackDumper()
        self._write = write
        self.follow()

    def follow(self) -> None:
        """Begin again for a process that replaces the last one of the run."""
        self._keeper = StandingKeeper()
        self._begin()
        self._activity.forget()
        self._wakes: int | None = None  # of the main thread, at its last reading; None: a look at its stack woke it
        # progress then, beginning, place (None: its stack could not be read)
        self._reported: tuple[Progress, float, str | None] | None = None

    def see(self, tick: Tick) -> tuple[Notice, ...]:
        """Process the next tick; return new notices."""
        self._keeper.see(tick)
        came = self._dumper.collect()
        if self._reported is not None:
            return self._went_on(tick)
        if self._keeper.since_s is None or came or self._dumper.busy:
            self._wakes = None
        if self._keeper.since_s is not None and tick.processes and self._is_active(tick):
            self._keeper.begin_again()
        since_s = self._keeper.since_s
        main = main_process(tick.processes, tick.beats)
        if since_s is None or main is None:
            if tick.processes:
                self._begin()
            return ()
        of_main = [dump for dump in came if dump.pid == main.pid and dump.t_s >= since_s and dump.threads]
        own = [dump for dump in of_main if any(thread.frames for thread in dump.threads)]
        self._dumps += own
        self._unread += [dump for dump in of_main if dump not in own]
        if own:
            self._write(own)
        age_s = tick.t_s - since_s
        if age_s >= (self._looked + 1) * self._keeper.limit_s / LOOKS and self._dumper.start(
            {main.pid: "main"}, tick.t_s
        ):
            self._looked += 1
            self._wakes = None
        newest = self._dumps or self._unread
        if not of_main or not tick.beats or newest[-1].t_s - since_s < self._keeper.limit_s:
            return ()
        if self._dumps:
            return self._judge(tick, main, since_s) if own else ()
        return self._judge_unread(tick, main, since_s)

    def close(self) -> None:
        """Cancel a stack dump that still runs."""
        self._dumper.close()

    def _begin(self) -> None:
        self._dumps: list[StackDump] = []
        self._unread: list[StackDump] = []  # without frames
        self._looked = 0

    def _is_active(self, tick: Tick) -> bool:
        if not self._keeper.is_plain:
            return False  # what the notice says of nnU-Net is true beside a thread that wakes
        every_s = max(LEAST_BETWEEN_S, self._keeper.limit_s / ACTIVITY_LOOKS)
        polls = not self._dumper.busy and self._polls(tick)
        return self._activity.see(tick, every_s) is True or polls

    def _polls(self, tick: Tick) -> bool:
        # A loop that asks for something every minute wakes once a minute; a thread that stands does not wake at all.
        main = main_process(tick.processes, tick.beats)
        if main is None or main.voluntary_switches_total is None:
            return False
        before, self._wakes = self._wakes, main.voluntary_switches_total
        return before is not None and self._wakes > before

    def _judge(self, tick: Tick, main: ProcessSample, since_s: float) -> tuple[Notice, ...]:
        recent = self._recent(self._dumps)
        place = stuck_place(recent, self._window(recent[0].pid, tick, since_s)) if len(recent) > 1 else None
        if place is None or place.kind in (PERSON, *LOOPS) or _may_read_stdin(main):
            return ()
        where, began_s = describe(place.frame), since_s if recent[0] is self._dumps[0] else recent[0].t_s
        self._reported = (self._keeper.progress, began_s, where)
        kind = KINDS[place.kind]() if place.kind not in UNNAMED else None
        words = STANDS_IN if self._keeper.is_plain else QUIET_IN
        message = words(place=where, age=tick.t_s - began_s, kind=kind)
        return (Notice(t_s=tick.t_s, what=STANDS, message=message, pids=(main.pid,)),)

    def _judge_unread(self, tick: Tick, main: ProcessSample, since_s: float) -> tuple[Notice, ...]:
        recent = self._recent(self._unread)
        if not self._keeper.is_plain or len(recent) < 2 or _may_read_stdin(main):
            return ()
        kind = waits_for(recent, self._window(main.pid, tick, since_s))
        may_be_stdin = kind == "pipe" and main.syscall is None
        if kind not in WITHOUT_PERSON or may_be_stdin:
            return ()
        self._reported = (self._keeper.progress, since_s, None)
        why = next(iter(recent[-1].refused), NO_FRAMES())
        message = UNREAD(age=tick.t_s - since_s, kind=KINDS[kind](), why=why, pid=main.pid)
        return (Notice(t_s=tick.t_s, what=STANDS, message=message, pids=(main.pid,)),)

    def _recent(self, dumps: list[StackDump]) -> list[StackDump]:
        # Those of the last part as long as the limit; none if they cover too little of it.
        newest_s = dumps[-1].t_s
        recent = [dump for dump in dumps if dump.t_s >= newest_s - self._keeper.limit_s]
        return recent if newest_s - recent[0].t_s >= LEAST_PART * self._keeper.limit_s else []

    def _window(self, pid: int, tick: Tick, since_s: float) -> Window:
        stands = Episode(
            kind="stall",
            phase="unknown",
            start_s=since_s,
            alarm_s=tick.t_s,
            detector=STANDS,
            subject="training",
            pid=pid,
        )
        return Window(self._recording(), stands)

    def _went_on(self, tick: Tick) -> tuple[Notice, ...]:
        if self._reported is None or not self._keeper.progress or self._reported[0] == self._keeper.progress:
            return ()
        _, since_s, place = self._reported
        self._reported = None
        self._begin()
        return (Notice(t_s=tick.t_s, what=GOES_ON, message=WENT_ON(age=tick.t_s - since_s, place=place)),)


def _may_read_stdin(main: ProcessSample) -> bool:
    # True too if the kernel does not show what it waits for.
    if main.syscall is None and main.wait_channel is None:
        return True
    if main.syscall not in READS or main.syscall_file is None:
        return False
    try:
        return str(Path(f"/proc/{main.pid}/fd/0").readlink()) == main.syscall_file
    except OSError:
        return False
