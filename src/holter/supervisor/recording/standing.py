"""Report once where a training has stood for long between two steps, while Holter sees no activity of the run.

This is a program with a DataLoader, or nnU-Net at the end of an epoch, where a custom trainer may upload or evaluate.
Holter cannot tell whether that is intended, so it is a notice: no alarm, no cause, no command, and nothing is healed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from holter.detectors.standing import Progress, StandingKeeper
from holter.evidence.facts.training.standing import KINDS
from holter.evidence.facts.training.stuck_place import LOOPS, OTHER, PERSON, Place, stuck_place
from holter.evidence.frames import describe
from holter.evidence.window import Window
from holter.history.ranks import main_process
from holter.history.standing import GOES_ON, STANDS
from holter.probes.process.stacks import StackDumper
from holter.records import Episode, Notice, ProcessSample, StackDump, Tick
from holter.sentences import define
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
WENT_ON = define("notice.main-goes-on", "the main process goes on, after {age:duration} in {place}")


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
        self._dumps: list[StackDump] = []
        self._looked = 0
        self._activity.forget()
        self._wakes: int | None = None  # of the main thread, at its last reading; None: a look at its stack woke it
        self._reported: tuple[Progress, float, str] | None = None  # progress then, beginning, place

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
                self._dumps, self._looked = [], 0
            return ()
        own = [
            dump
            for dump in came
            if dump.pid == main.pid and dump.t_s >= since_s and any(thread.frames for thread in dump.threads)
        ]
        self._dumps += own
        if own:
            self._write(own)
        age_s = tick.t_s - since_s
        if age_s >= (self._looked + 1) * self._keeper.limit_s / LOOKS and self._dumper.start(
            {main.pid: "main"}, tick.t_s
        ):
            self._looked += 1
            self._wakes = None
        if not own or not tick.beats or self._dumps[-1].t_s - since_s < self._keeper.limit_s:
            return ()
        return self._judge(tick, main, since_s)

    def close(self) -> None:
        """Cancel a stack dump that still runs."""
        self._dumper.close()

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
        newest_s = self._dumps[-1].t_s
        recent = [dump for dump in self._dumps if dump.t_s >= newest_s - self._keeper.limit_s]
        if newest_s - recent[0].t_s < LEAST_PART * self._keeper.limit_s:
            return ()
        place = self._place(recent, tick, since_s)
        if place is None or place.kind in (PERSON, *LOOPS) or _may_read_stdin(main):
            return ()
        where, began_s = describe(place.frame), since_s if recent[0] is self._dumps[0] else recent[0].t_s
        self._reported = (self._keeper.progress, began_s, where)
        kind = KINDS[place.kind]() if place.kind not in UNNAMED else None
        words = STANDS_IN if self._keeper.is_plain else QUIET_IN
        message = words(place=where, age=tick.t_s - began_s, kind=kind)
        return (Notice(t_s=tick.t_s, what=STANDS, message=message, pids=(main.pid,)),)

    def _place(self, recent: list[StackDump], tick: Tick, since_s: float) -> Place | None:
        if len(recent) < 2:
            return None
        stands = Episode(
            kind="stall",
            phase="unknown",
            start_s=since_s,
            alarm_s=tick.t_s,
            detector=STANDS,
            subject="training",
            pid=recent[0].pid,
        )
        return stuck_place(recent, Window(self._recording(), stands))

    def _went_on(self, tick: Tick) -> tuple[Notice, ...]:
        if self._reported is None or not self._keeper.progress or self._reported[0] == self._keeper.progress:
            return ()
        _, since_s, place = self._reported
        self._reported, self._dumps, self._looked = None, [], 0
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
