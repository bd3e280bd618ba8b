"""The recording loop: read the probes, write the tape, and pass each tick to those who judge and report it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from holter.detectors.course import Course
from holter.detectors.notices import Notices
from holter.evidence.scope import shows_training
from holter.probes.training.file_tail import Mark
from holter.records import (
    ActionTaken,
    ContractSettled,
    Episode,
    Event,
    Noted,
    Notice,
    ProcessEnded,
    Tick,
)
from holter.reports.outcome import Outcome
from holter.supervisor.launch import INJECT
from holter.supervisor.recording.abilities import Terms
from holter.supervisor.recording.bulletin import Bulletin
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.contract import ContractKeeper
from holter.supervisor.recording.environment_keeper import EnvironmentKeeper
from holter.supervisor.recording.episode_keeper import EpisodeKeeper
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.own_problems import OwnProblems, say_what_is_left
from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.recording.scratch import Scratch, ScratchKeeper
from holter.supervisor.recording.sources import Sources
from holter.supervisor.recording.standing import StandingWatch
from holter.tape import TapeWriter
from holter.tape.reader import make_tick
from holter.tape.remote_writer import RemoteWriter

# The log's file name has whole seconds, and its first line may be from the second in which the recording started.
LOG_SLACK_S = 2.0


class Recorder:
    """Records one training. Call ``safe_tick`` once a second; it never raises because of the training or the disk."""

    def __init__(
        self,
        *,
        root_pid: int,
        command: tuple[str, ...],
        attached: bool,
        clock: RunClock,
        scratch: Scratch,
        writer: TapeWriter | RemoteWriter,
        listener: Listener,
        variables: Mapping[str, str],
        terms: Terms,
        began_wall: float | None = None,
        marks: tuple[Mark, ...] = (),
        registrar: Registrar | None = None,
    ) -> None:
        """``began_wall``: Unix time of the start of the training, if it was before the recording.

        Logs older than that belong to other runs. ``marks``: console files as they were before the training was
        started. ``registrar``: enters the run in the registry that ``holter list`` reads.
        """
        not_before_wall = (clock.zero_wall_s if began_wall is None else began_wall) - LOG_SLACK_S
        folder = scratch.folder
        self.sources = Sources(root_pid, clock, folder, variables, not_before_wall, marks, attached=attached)
        self.was_training_seen = False
        self._keeper = ScratchKeeper(scratch)
        self._contracts = ContractKeeper(terms, self.sources, self._keeper, inject=str(INJECT))
        self._root_pid = root_pid
        self._attached = attached
        self._clock = clock
        self._writer = writer
        self._listener = listener
        self._notices = Notices()
        self._course = Course()
        self._registrar = registrar
        self._problems = OwnProblems(writer, listener, registrar)
        self._bulletin = Bulletin(variables, clock.zero_wall_s)
        self._pending: list[Event] = []
        self.about = EnvironmentKeeper(
            command=command,
            attached=attached,
            variables=variables,
            clock=clock,
            scratch=folder,
            sources=self.sources,
            resume=terms.resume,
        )
        self.kept = EpisodeKeeper(clock, folder, self.sources, self.about, writer, listener, registrar)
        self._standing = StandingWatch(self.kept.recording, folder, writer.write_stacks)
        self.about.follow(root_pid)
        self._writer.write_environment(self.about.environment)

    def follow(self, root_pid: int) -> None:
        """Continue with the process that replaced the last one."""
        self.kept.follow()
        self._root_pid = root_pid
        self.sources.follow(root_pid)
        self._notices = Notices()
        self._standing.follow()
        self._contracts.follow(self._clock.t_s())
        self.about.follow(root_pid)

    def now_s(self) -> float:
        """Return the time of the recording's clock in seconds."""
        return self._clock.t_s()

    def add(self, *events: Event) -> None:
        """Add events from outside the probes (the training's exit code, a fault of the demo) to the next tick."""
        self._pending.extend(events)

    def act(self, action: ActionTaken) -> None:
        """Record and report an action on the run."""
        self.add(action)
        try:
            self._listener.action(action)
        except Exception as error:  # noqa: BLE001 - a failing listener must not prevent healing
            self.add(Noted(t_s=action.t_s, what="listener-failed", text=f"{type(error).__name__}: {error}"))

    def safe_tick(self) -> Tick:
        """Do one tick; an error in it is recorded, and the training is not affected."""
        try:
            return self.tick()
        except Exception as error:  # noqa: BLE001 - an error must not end the recorder
            t_s = self._clock.t_s()
            self._problems.failed(error, t_s)
            return Tick(t_s=t_s)

    def tick(self) -> Tick:
        """Do one tick: read, write, detect, judge."""
        t_s = self._clock.t_s()
        has_ended = any(isinstance(event, ProcessEnded) for event in self._pending)
        samples, events, runs = self.sources.read(t_s, has_ended=has_ended)
        for event in events:
            if isinstance(event, ActionTaken):
                self._listener.action(event)  # taken by the hook
        events = [*self._pending, *events]
        self._pending.clear()
        tick = make_tick(t_s, samples, tuple(events))
        self._writer.write_samples(t_s, samples)
        self._writer.write_events(events)
        for run in runs:
            self._writer.write_probe_run(run)
        self.kept.remember(tick)
        self.was_training_seen = self.was_training_seen or shows_training(tick)
        self._learn_environment(t_s)
        self._keep(self._contracts.see(tick))
        self.kept.see(tick)
        self._notice(tick)
        self._course.see(tick)
        pace, is_due = self._bulletin.see(tick, self.about.newest.num_epochs)
        self._listener.pace(pace, is_due=is_due)
        self.kept.judge_due()
        self._writer.pulse(t_s)
        if self._registrar is not None and self._registrar.is_due(t_s):
            self._registrar.update(t_s, self.kept.recording(), tuple(self.kept.diagnoses.values()))
        self.add(*self._problems.see(self._clock.t_s()))
        return tick

    def finish(self) -> tuple[Episode, ...]:
        """Judge the open episodes, and close the tape; return all episodes."""
        self.kept.write_last_stacks()
        newest = self.kept.newest_tick
        at_last = None if newest is None else self._contracts.at_last(newest)
        if self._attached:  # reported even after a short observation
            self._keep(at_last)
        elif at_last is not None and self.sources.process.main_pid is None:  # the tape records why nothing was seen
            self.add(at_last)
        self._writer.write_events(self._pending)
        self.kept.judge_open()
        early = self._contracts.of_early_end(self._clock.t_s())
        if any(episode.kind == "death" for episode in self.kept.episodes):
            self._pending.clear()
            self._keep(early)
            self._writer.write_events(self._pending)
        elif early is not None and not self.was_training_seen and not self._attached:  # only for the tape: why
            self._writer.write_events([early])
        self.kept.close()
        self._contracts.close()
        self._standing.close()
        self.sources.close()
        self._writer.close(self._clock.t_s())
        if isinstance(self._writer, RemoteWriter):
            say_what_is_left(self._writer, self._listener.note)
        if self._registrar is not None:
            whole = self._writer.path if self._writer.is_there else None
            self._registrar.finish(self.kept.recording(), tuple(self.kept.diagnoses.values()), whole)
        return self.kept.episodes

    @property
    def outcome(self) -> Outcome | None:
        """What became of the run; None until it is over, or if the run has no entry in the registry."""
        return None if self._registrar is None else self._registrar.outcome

    @property
    def tape(self) -> Path:
        return self._writer.path

    @property
    def tape_is_there(self) -> bool:
        """Whether there is a readable tape under that path."""
        return self._writer.is_there

    def is_unfinished(self) -> bool:
        """Return whether nnU-Net has started to train and not finished, judged by log, console and heartbeat."""
        t_s = self._clock.t_s()
        self._course.see(Tick(t_s=t_s, events=self.sources.read_final_events(t_s)))
        return self._course.is_unfinished(self.about.newest.num_epochs)

    def _notice(self, tick: Tick) -> None:
        # Notices of Holter and of the hook: worth a line, but no alarm.
        noticed = (
            *self._keeper.see(tick.t_s),
            *self._contracts.waiting(tick.t_s),
            *self._notices.see(tick),
            *self._standing.see(tick),
        )
        self._writer.write_events(noticed)
        self.kept.add(noticed)
        for notice in (*noticed, *(event for event in tick.events if isinstance(event, Notice))):
            self._listener.notice(notice)

    def _keep(self, settled: ContractSettled | None) -> None:
        if settled is None:
            return
        before, self.kept.contract = self.kept.contract, settled
        self.add(settled)
        self._listener.contract(settled, before)

    def _learn_environment(self, t_s: float) -> None:
        was_complete = self.about.was_complete
        environment = self.about.see(t_s, self._root_pid)
        if environment is None:
            return
        self._writer.write_environment(environment)
        if not was_complete:
            self.kept.judge_again()
