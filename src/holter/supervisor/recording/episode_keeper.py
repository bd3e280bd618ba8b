"""The episodes of a running training: marked, investigated, judged, and reported.

They are judged from what a reader of the tape would see: the last minutes whole, and what came before thinned.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import msgspec

from holter.detectors import Watch
from holter.detectors.stall import ENDED
from holter.evidence.at_verdict import WHOLE_S, thinned
from holter.history.fates import ASKED_TO_END, ENDS_WITHIN_S, SAME_END_S, fates, last_end, went_on
from holter.history.ranks import main_process
from holter.records import ContractSettled, Diagnosis, Episode, Event, Noted, ProcessEnded, Tick
from holter.supervisor.recording.clock import RunClock
from holter.supervisor.recording.environment_keeper import EnvironmentKeeper
from holter.supervisor.recording.investigation import Investigator
from holter.supervisor.recording.judgement import Judgement
from holter.supervisor.recording.listener import Listener
from holter.supervisor.recording.registrar import Registrar
from holter.supervisor.recording.sources import Sources
from holter.tape import Recording, TapeWriter
from holter.tape.remote_writer import RemoteWriter


class EpisodeKeeper:
    """Keeps the newest state of every episode. ``contract``: what can be observed and done, as far as it is settled."""

    def __init__(
        self,
        clock: RunClock,
        scratch: Path,
        sources: Sources,
        about: EnvironmentKeeper,
        writer: TapeWriter | RemoteWriter,
        listener: Listener,
        registrar: Registrar | None,
    ) -> None:
        self.contract: ContractSettled | None = None
        self._clock = clock
        self._sources = sources
        self._about = about
        self._writer = writer
        self._listener = listener
        self._registrar = registrar
        self._watch = Watch()
        self._judgement = Judgement()
        self._investigator = Investigator(scratch, sources.heartbeat.fault_signal, writer.write_stacks)
        self._numbers: dict[tuple[str, str, float], int] = {}
        self._ended: set[tuple[str, str, float]] = set()
        self._undecided: dict[tuple[str, str, float], Episode] = {}  # ended; whether the training goes on is not known
        self._recent: deque[Tick] = deque()
        self._older: list[Tick] = []  # thinned ticks from before ``_recent``

    @property
    def newest_tick(self) -> Tick | None:
        """The tick that was remembered last."""
        return self._recent[-1] if self._recent else None

    @property
    def episodes(self) -> tuple[Episode, ...]:
        return self._watch.episodes

    @property
    def diagnoses(self) -> dict[tuple[str, str, float], Diagnosis]:
        """The newest diagnosis of each episode, by ``Episode.identity``: detector, subject, start in seconds."""
        return self._judgement.diagnoses

    def recording(self) -> Recording:
        """Return the last minutes as a recording: what a reader of the tape would see."""
        return Recording(
            all_ticks=(*self._older, *self._recent),
            all_stacks=self._investigator.stacks,
            all_episodes=self._watch.episodes,
            environment=self._about.environment,
        )

    # ------------------------------------------------------------------------------------------------- each second

    def remember(self, tick: Tick) -> None:
        """Keep a tick, so that episodes are judged from it too."""
        self._recent.append(tick)
        while self._recent[0].t_s < tick.t_s - WHOLE_S:
            self._older += thinned([self._recent.popleft()])

    def add(self, events: tuple[Event, ...]) -> None:
        """Add events to the last tick that was remembered; they are on the tape already."""
        if events:
            self._recent[-1] = msgspec.structs.replace(self._recent[-1], events=(*self._recent[-1].events, *events))

    def see(self, tick: Tick) -> None:
        """Run the detectors on a tick; report and investigate the episodes that they find."""
        for episode in self._watch.see(tick):
            self.take(episode)
        self._say_ends()

    def take(self, episode: Episode) -> None:
        """Write a new or changed episode to the tape. Report and investigate a new one.

        The end of one is reported when it is known whether the training survives it.
        """
        key = episode.identity
        is_new = key not in self._numbers
        number = self._numbers.setdefault(key, len(self._numbers))
        self._writer.write_episode(number, episode)
        self._judgement.learn(episode)
        if self._registrar is not None:
            self._registrar.hurry()
        if is_new:
            self._listener.alarm(episode)
            self._sources.hurry()
            self._investigator.open(episode, self._recent)
        elif episode.end_s is None:
            self._ended.discard(key)
            self._undecided.pop(key, None)
        elif key not in self._ended:  # the end of the main process ends an episode again
            self._ended.add(key)
            self._investigator.over(episode)
            if self._has_ended():
                self._say_end(episode, is_over=False)
            else:
                self._undecided[key] = episode

    def judge_due(self) -> None:
        """Diagnose each episode for which it is time now, for the first time or again with more facts."""
        for episode in self._investigator.ready(self._recent):
            self._judge(episode)

    def judge_again(self) -> None:
        """Judge every episode that was reported: the earlier verdicts lacked the environment.

        A death without a cause has its second judgement before that.
        """
        for episode in self._watch.episodes:
            if not self._judgement.is_open(episode):
                self._judge(episode)

    # ------------------------------------------------------------------------------------------- the end of a process

    def follow(self) -> None:
        """Judge each unreported death a last time, and drop all investigations: a new process replaces the old one."""
        for episode in self._watch.episodes:
            if self._judgement.is_unsaid(episode):
                self._judge(episode, is_last=True)
        self._investigator.forget()
        self._say_ends(at_last=True)

    def write_last_stacks(self) -> None:
        """Write the stacks that have arrived; called when the training is over."""
        self._investigator.collect()

    def judge_open(self) -> None:
        """Search the cause of each episode of which no judgement was reported yet; no other judgement follows."""
        self._say_ends(at_last=True)
        for episode in self._watch.episodes:
            if self._judgement.is_open(episode):
                self._judge(episode, is_last=True)

    def close(self) -> None:
        """Cancel a stack dump that still runs."""
        self._investigator.close()

    def _say_ends(self, *, at_last: bool = False) -> None:
        # A problem is over only if the training survives it. ``at_last``: no other tick of this process follows.
        if not self._undecided:
            return
        has_ended, recording = self._has_ended(), self.recording()
        end = last_end(recording)
        for key, episode in list(self._undecided.items()):
            if has_ended or end is not None:
                if end is None and not at_last:
                    continue  # how it ended comes later
                is_over = end is not None and fates(recording, [episode]) != ("open",)
            elif self._is_survived(recording, episode):
                is_over = True
            elif at_last:  # only the watching ends: what became of it is not known
                is_over = fates(recording, [episode]) != ("open",)
                if not is_over:
                    continue
            else:
                continue
            del self._undecided[key]
            self._say_end(episode, is_over=is_over)

    def _say_end(self, episode: Episode, *, is_over: bool) -> None:
        if is_over:
            self._listener.over(episode)
        elif episode.kind != "death":
            self._listener.unfinished(episode)

    def _has_ended(self) -> bool:
        newest = self._recent[-1]
        main = main_process(newest.processes, newest.beats)
        if newest.processes and (main is None or main.state in ENDED):
            return True
        return any(isinstance(event, ProcessEnded) and event.role == "main" for event in newest.events)

    # A training that was asked to end, or that no longer waits but makes no progress either, may be ending.
    def _is_survived(self, recording: Recording, episode: Episode) -> bool:
        t_s = self._recent[-1].t_s
        age_s = t_s - (episode.end_s if episode.end_s is not None else t_s)
        notes = recording.events(Noted, start_s=t_s - ENDS_WITHIN_S)
        if age_s < SAME_END_S or any(note.what == ASKED_TO_END for note in notes):
            return False
        return age_s >= ENDS_WITHIN_S or went_on(recording, episode) is not False

    def _judge(self, due: Episode, *, is_last: bool = False) -> None:
        key = due.identity
        episode = next((newest for newest in self._watch.episodes if newest.identity == key), due)
        t_s = self._recent[-1].t_s if self._recent else self._clock.t_s()
        events, diagnosis = self._judgement.judge(self.recording(), episode, self.contract, t_s, is_last=is_last)
        self._writer.write_events(events)
        if diagnosis is not None:
            self._listener.cause(diagnosis)
