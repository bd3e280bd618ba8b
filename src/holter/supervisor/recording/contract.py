"""The capability contract: what can be observed of this run and done to it; each "no" has its reason.

Settled in the first minute of a training, checked again at every epoch. Evidence, remedies and users read it from the
tape.
"""

from __future__ import annotations

import msgspec

from holter.history.ranks import main_beat
from holter.probes.process.stacks import StackDumper
from holter.records import Beat, ContractSettled, Notice, Tick
from holter.sentences import define
from holter.supervisor.recording.abilities import HAS_ENDED, Abilities, Terms
from holter.supervisor.recording.scratch import ScratchKeeper
from holter.supervisor.recording.sources import Sources

# Start-up imports torch from a network disk; a working hook has written its page by then.
SETTLE_S = 60.0
# Where it has done so and nnU-Net still starts, what it lacks so far may come: on a busy machine that takes minutes.
STARTING = ("startup", "unpack", "compile")
STARTS_S = 180.0
# Unpacking a large data set takes long, and the loaders follow it: the start begins again after that.
UNPACKS_S = 3600.0
# A launcher also imports torch first: this time counts as part of the training's start.
LAUNCHES_S = 30.0
# Stacks are tried once, this long after the start of the training.
STACKS_AFTER_S = 8.0
# Attached: no heartbeat is expected, and the log is found, or not, after the environment was read twice.
ATTACHED_LOG_S = 20.0
# The hook reports the results folder when training starts; after seconds the environment is read and the log found.
LOG_WITHIN_S = 15.0
# A training that dies before its contract is settled has the one of its last seconds: /proc knows no dead process.
PROVISIONAL_S = 2.0
# Without epochs the contract is checked this often.
AGAIN_S = 300.0

NO_TRAINING_YET = define(
    "contract.no-training-yet",
    "no training yet: no Python process was found below the command. What can be seen and done follows when it starts",
)


class ContractKeeper:
    """Settles the contract of one run, and reports when it has changed."""

    def __init__(self, terms: Terms, sources: Sources, keeper: ScratchKeeper, *, inject: str) -> None:
        """``inject``: the folder that the hook is loaded from, as written in PYTHONPATH."""
        self._terms = terms
        self._sources = sources
        self._abilities = Abilities(terms, sources, keeper, inject=inject)
        self._dumper = StackDumper(scratch=keeper.folder)
        self._asked_stacks = False
        self._settled: ContractSettled | None = None
        self._provisional: ContractSettled | None = None
        self._checked_s = 0.0
        self._epoch: int | None = None
        self._waits_since_s = 0.0
        self._said_waiting = False
        self._began_s = 0.0  # start of the training
        self._unpacks_s = 0.0  # the last time that it was seen to unpack
        self._beat: Beat | None = None  # the last one: not every tick has read a page
        self._trains_since_s: float | None = None

    def follow(self, t_s: float) -> None:
        """Begin again for a process that replaces the last one of the run, at ``t_s`` seconds of the recording."""
        self._abilities.follow()
        self._settled, self._provisional, self._asked_stacks = None, None, False
        self._began_s, self._epoch, self._trains_since_s = t_s, None, None
        self._beat = None
        self._waits_since_s = t_s

    def see(self, tick: Tick) -> ContractSettled | None:
        """Process a tick; return the contract when it is settled or has changed."""
        self._learn(tick)
        if not self._is_time(tick):
            self._settle_provisionally(tick)
            return None
        self._checked_s = tick.t_s
        contract = self._abilities.contract(tick)
        same = self._settled is not None and (contract.sees, contract.does) == (self._settled.sees, self._settled.does)
        self._settled = contract
        return None if same else contract

    def waiting(self, t_s: float) -> tuple[Notice, ...]:
        """Return a notice if the command runs for some time and has not started a training; only once."""
        is_late = t_s - self._waits_since_s >= SETTLE_S and not self._terms.attached
        is_over = not self._sources.living  # nothing follows any more
        if self._said_waiting or not is_late or is_over or self._sources.process.main_pid is not None:
            return ()
        self._said_waiting = True
        return (Notice(t_s=t_s, what="no-training-yet", message=NO_TRAINING_YET()),)

    def at_last(self, tick: Tick) -> ContractSettled | None:
        """Return the contract, if the recording ends before it was settled and a process lives; else None."""
        has_gone = self._sources.process.main_pid is not None and not self._sources.living
        return None if self._settled is not None or has_gone else self._abilities.contract(tick)

    def of_early_end(self, t_s: float) -> ContractSettled | None:
        """Return the contract as far as it is known, if the training ended before it was settled; else None."""
        if self._settled is not None or self._provisional is None:
            return None
        return msgspec.structs.replace(self._provisional, t_s=t_s)

    def close(self) -> None:
        """Cancel a stack dump that still runs."""
        self._dumper.close()

    def _settle_provisionally(self, tick: Tick) -> None:
        is_alive = self._sources.process.main_pid in self._sources.living
        before = self._provisional
        if self._settled is None and is_alive and (before is None or tick.t_s - before.t_s >= PROVISIONAL_S):
            contract = self._abilities.contract(tick)
            if contract.ability("heartbeat").why_not != HAS_ENDED():  # what was seen while it lived says more
                self._provisional = contract

    def _learn(self, tick: Tick) -> None:
        self._abilities.learn(tick)
        main_pid = self._sources.process.main_pid
        self._said_waiting = self._said_waiting or main_pid is not None  # one that has ended is not waited for
        if main_pid is None and tick.t_s - self._waits_since_s >= LAUNCHES_S:
            self._began_s = tick.t_s
        if not self._asked_stacks and main_pid is not None and tick.t_s - self._began_s >= STACKS_AFTER_S:
            self._asked_stacks = self._dumper.start({main_pid: "main"}, tick.t_s)
        for dump in self._dumper.collect():
            self._abilities.learn_stacks(dump)

    def _is_time(self, tick: Tick) -> bool:
        if self._sources.process.main_pid is None:
            return False
        beat = self._beat = main_beat(tick) or self._beat
        if self._settled is None:
            age_s = tick.t_s - self._began_s
            # What is taken before the training starts may be from loaders that are only tried out.
            has_stepped = beat is not None and beat.steps_total > 0 and beat.phase != "startup"
            if has_stepped and self._trains_since_s is None:
                self._trains_since_s = tick.t_s
            if beat is not None and beat.phase == "unpack" and age_s < UNPACKS_S:
                self._unpacks_s = tick.t_s
            is_starting = beat is not None and beat.phase in STARTING and beat.steps_total == 0
            starts_s = tick.t_s - max(self._began_s, self._unpacks_s)
            is_late = age_s >= SETTLE_S and not (is_starting and starts_s < STARTS_S)
            return self._has_shown_all(tick) or self._is_all_seen_from_outside(age_s) or is_late
        epoch = beat.epoch if beat is not None else None
        if epoch is not None and epoch != self._epoch:
            self._epoch = epoch
            return True
        return tick.t_s - self._checked_s >= AGAIN_S

    def _is_all_seen_from_outside(self, age_s: float) -> bool:
        if not self._terms.attached or self._abilities.stacks is None:
            return False
        return self._sources.trainlog.log is not None or age_s >= ATTACHED_LOG_S

    def _has_shown_all(self, tick: Tick) -> bool:
        # It trains, its stacks were tried, and its log was found or will not be.
        if self._trains_since_s is None or self._abilities.stacks is None:
            return False
        return self._sources.trainlog.log is not None or tick.t_s - self._trains_since_s >= LOG_WITHIN_S
