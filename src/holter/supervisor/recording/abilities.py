"""What can be observed of this run and done to it now; each "no" has its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from holter.evidence.scope import BY_DATALOADER
from holter.history.ranks import main_beat
from holter.probes.machine.environment import process_command
from holter.probes.process.pidfd import reports_exit_status
from holter.probes.process.process_files import started
from holter.probes.process.process_roles import is_python
from holter.probes.training.remarks import worded
from holter.records import (
    DATA_WORKERS,
    Ability,
    AbilityName,
    ContractSettled,
    GpuSample,
    Message,
    Noted,
    StackDump,
    StorageSample,
    Tick,
)
from holter.sentences import define, joined
from holter.supervisor.recording.no_hook import NOTHING_IMPORTED, why_no_hook
from holter.supervisor.recording.scratch import ScratchKeeper
from holter.supervisor.recording.sources import Sources
from holter.texts.resume_command import Resume

# Thread name of PyTorch's DataLoader workers (torch 2.6 and newer).
TORCH_WORKER = "pt_data_worker"
# Loaders without worker processes: no worker can freeze or die.
NO_WORKERS = ("holter", "single-process")
REPLACED = ("batchgenerators", "batchgenerators-old")  # its workers, by the hook

NO_PYTHON = define("contract.no-python", "no Python process was found below the command")
HAS_ENDED = define("contract.has-ended", "it has ended")
HOOK_GONE = define("contract.hook-gone", "its pages are gone")
SCRATCH_LOST = define("contract.scratch-lost", "Holter's own folder was removed and cannot be created again")
NO_LOADER = define("contract.no-loader", "no data loader with worker processes was seen")
NO_LOG = define("contract.no-log", "no training log of nnU-Net was found")
LOSSES_UNKNOWN = define("contract.losses-unknown", "a DataLoader does not know them")
LOG_GONE = define("contract.log-gone", "its file is gone")
NO_RESULTS = define("contract.no-results", "it is not known which folder that is")
RESULTS_GONE = define("contract.results-gone", "{folder} is gone")
RESULTS_REPLACED = define("contract.results-replaced", "another folder has replaced {folder}")
ENDINGS_UNSEEN = define("contract.endings-untold", "before Linux 6.15 only their parents can see it")
CONSOLE_UNREAD = define("contract.console-unread", "there is no heartbeat, and the output goes to no file")
STACKS_REFUSED = define("contract.stacks-refused", "{why}")
NO_FRAMES = define("contract.no-frames", "no frames")
NOT_LOOKED_AT = define("contract.not-looked-at", "not looked at")
STACKS_UNTRIED = define("contract.stacks-untried", "not tried yet")
NO_MAIN = define("contract.no-main", "no main process was found")
NO_GPU = define("contract.no-gpu", "{why}")
NO_KERNEL_LOG = define("contract.no-kernel-log", "this user may not read it")
ONLY_WATCHES = define("contract.only-watches", "Holter only watches here (holter train and run --heal act)")
LOADER_CANNOT = define("contract.loader-cannot", "the data loader is not batchgenerators' NonDetMultiThreadedAugmenter")
LOADER_REFUSED = define("contract.loader-refused", "workers of PyTorch's DataLoader are not replaced here: {why}")
NOT_NNUNET = define("contract.not-nnunet", "no trainer of nnU-Net was seen")


class Terms(NamedTuple):
    """What is fixed before a run: whether Holter may heal it, whether it ran already, and how it could be continued."""

    heal: bool
    attached: bool
    resume: Resume


class Abilities:
    """The abilities of one run, from its probes and from what its ticks have shown so far."""

    def __init__(self, terms: Terms, sources: Sources, keeper: ScratchKeeper, *, inject: str) -> None:
        """``inject``: the folder that the hook is loaded from, as written in PYTHONPATH."""
        self._terms = terms
        self._sources = sources
        self._keeper = keeper
        self._inject = inject
        self.stacks: Ability | None = None  # None: not tried yet
        self._beat_seen = False
        self._beat_pid: int | None = None  # of the training that was seen last
        self._beat_started: int | None = None
        self._gpu: GpuSample | None = None
        self._kernel_log = True
        self._hook_failed: str | None = None
        self._by_dataloader = False
        self._endings: Ability | None = None
        self._first_results: StorageSample | None = None
        self._results_why_not: Message | None = None

    def follow(self) -> None:
        """Forget what was learnt about one process, because another one has replaced it."""
        self.stacks, self._hook_failed, self._beat_seen = None, None, False

    def learn(self, tick: Tick) -> None:
        """Note what a tick shows of what Holter can observe and do."""
        if (beat := main_beat(tick)) is not None:
            if beat.pid != self._beat_pid:
                self._beat_started = started(beat.pid)
            self._beat_seen, self._beat_pid = True, beat.pid
        if tick.gpus:
            self._gpu = tick.gpus[0]
        for event in tick.events:
            if isinstance(event, Noted) and event.what == "kernel-log-unreadable":
                self._kernel_log = False
            elif isinstance(event, Noted) and event.what == BY_DATALOADER:
                self._by_dataloader = True
            elif isinstance(event, Noted) and event.what == "hook-failed":
                self._hook_failed = event.text
        self._learn_results(tick)

    def learn_stacks(self, dump: StackDump) -> None:
        """Learn from a stack dump whether the stacks of the main process can be read."""
        can = dump.rung == "py-spy" or self._sources.heartbeat.fault_signal(dump.pid) is not None
        self.stacks = _ability("stacks", None if can else STACKS_REFUSED(why=joined(*dump.refused) or NO_FRAMES()))

    def _learn_results(self, tick: Tick) -> None:
        # A file system that does not answer changes nothing.
        folder = self._sources.output_folder
        for sample in tick.storage:
            if sample.label != "results" or folder is None or sample.path != str(folder.absolute()):
                continue
            first = self._first_results
            if sample.identity is not None and (first is None or first.path != sample.path):
                first = self._first_results = sample
            if first is None or first.path != sample.path or sample.missing is None:
                continue
            sentence = RESULTS_GONE if sample.missing else RESULTS_REPLACED
            is_there = not sample.missing and sample.identity == first.identity
            self._results_why_not = None if is_there else sentence(folder=sample.path)

    def contract(self, tick: Tick) -> ContractSettled:
        """Return what Holter can observe of the run and do to it, as known at this tick."""
        heartbeat = self._heartbeat(tick)
        sees: tuple[Ability, ...] = (
            heartbeat,
            self._loader(tick),
            self._log(),
            self._exceptions(heartbeat),
            self.stacks
            or _ability("stacks", NO_MAIN() if self._sources.process.main_pid is None else STACKS_UNTRIED()),
            self._graphics(),
            _ability("kernel-log", None if self._kernel_log else NO_KERNEL_LOG()),
            self._process_endings(),
            self._result_folder(),
        )
        if self._by_dataloader:
            sees += (_ability("losses", LOSSES_UNKNOWN()),)
        return ContractSettled(t_s=tick.t_s, sees=sees, does=self._does(heartbeat, sees[1]))

    def _heartbeat(self, tick: Tick) -> Ability:
        # A training that has ended has no heartbeat any more, and nothing was lost. Not every tick reads the pages.
        has_page = any(role == "main" for role, _ in self._sources.heartbeat.hints().values())
        has_beat = has_page or main_beat(tick) is not None
        if has_beat or (self._beat_seen and (self._main_has_ended() or self._is_between())):
            return _ability("heartbeat", None)
        return _ability("heartbeat", self._why_no_heartbeat())

    def _main_has_ended(self) -> bool:
        main = self._sources.process.main_pid
        return main is None or not process_command(main)  # a zombie has no command

    # A script that starts several trainings is not the next one yet, and what was there before the last is no next one.
    def _is_between(self) -> bool:
        goes_on = any(is_python(process_command(pid)) and self._is_newer(pid) for pid in self._sources.living)
        return not goes_on and not process_command(self._beat_pid)

    def _is_newer(self, pid: int) -> bool:
        began = started(pid)
        return began is None or self._beat_started is None or began > self._beat_started

    def _why_no_heartbeat(self) -> Message:
        main = self._sources.process.main_pid
        if self._sources.heartbeat.main_info():
            return HOOK_GONE()
        if main is None:
            return NO_PYTHON()
        reason = why_no_hook(main, self._inject, failed=self._hook_failed, attached=self._terms.attached)
        # What a zombie shows of itself is empty, and says nothing about how it was started.
        is_known = self._terms.attached or self._hook_failed is not None
        return reason if is_known or not self._main_has_ended() else HAS_ENDED()

    def _loader(self, tick: Tick) -> Ability:
        reported = self._sources.heartbeat.abilities().get("loader")
        if reported is not None:
            return Ability(name="loader", can=True, what=reported[1])
        if any(process.name == TORCH_WORKER for process in tick.processes):
            return Ability(name="loader", can=True, what="torch")
        if any(process.role in DATA_WORKERS for process in tick.processes):
            return Ability(name="loader", can=True, what="forked")
        return _ability("loader", NO_LOADER())

    def _log(self) -> Ability:
        log = self._sources.trainlog.log
        why = NO_LOG() if log is None else None if self._sources.trainlog.is_log_there else LOG_GONE()
        return _ability("log", why)

    def _result_folder(self) -> Ability:
        is_known = self._first_results is not None or self._sources.trainlog.log is not None
        return _ability("results", self._results_why_not if is_known else NO_RESULTS())

    def _process_endings(self) -> Ability:
        if self._endings is None:
            self._endings = _ability("endings", None if reports_exit_status() else ENDINGS_UNSEEN())
        return self._endings

    def _exceptions(self, heartbeat: Ability) -> Ability:
        is_hooked = heartbeat.can or heartbeat.why_not == NOTHING_IMPORTED()
        can = is_hooked or self._sources.trainlog.reads_console
        return _ability("exceptions", None if can else CONSOLE_UNREAD())

    def _graphics(self) -> Ability:
        gpu = self._gpu
        # Without a name and with a note nothing was read: the process that asks the driver could not be started.
        if gpu is None or gpu.source == "none" or (gpu.name is None and gpu.note is not None):
            return _ability("gpu", NO_GPU(why=(gpu.note if gpu else None) or NOT_LOOKED_AT()))
        return Ability(name="gpu", can=True, what=gpu.name)

    def _does(self, heartbeat: Ability, loader: Ability) -> tuple[Ability, ...]:
        if not self._terms.heal:
            return tuple(_ability(name, ONLY_WATCHES()) for name in ("replace-workers", "save", "restart"))
        if self._keeper.is_lost:
            gone = (_ability(name, SCRATCH_LOST()) for name in ("replace-workers", "save"))
            return *gone, restart_ability(self._terms.resume)
        abilities = self._sources.heartbeat.abilities()
        able = {name for name, (can, _) in abilities.items() if can and heartbeat.can}
        if loader.what in NO_WORKERS:
            replaces = Ability(name="replace-workers", can=True, what="no-workers")
        elif "replace-workers" in able and loader.what in REPLACED:
            replaces = _ability("replace-workers", None)
        elif "replace-workers" in able and loader.what == "torch":
            replaces = Ability(name="replace-workers", can=True, what=abilities["replace-workers"][1])
        else:
            why = _why_not_replaced(loader, abilities) if heartbeat.can else heartbeat.why_not
            replaces = _ability("replace-workers", why)
        why = None if "save" in able else NOT_NNUNET() if heartbeat.can else heartbeat.why_not
        return replaces, _ability("save", why), restart_ability(self._terms.resume)


def _ability(name: AbilityName, why_not: Message | None) -> Ability:
    return Ability(name=name, can=why_not is None, why_not=why_not)


def _why_not_replaced(loader: Ability, abilities: Mapping[str, tuple[bool, str]]) -> Message:
    refused = abilities.get("replace-workers", (False, ""))[1]
    if loader.what != "torch" or not refused:
        return LOADER_CANNOT()
    return LOADER_REFUSED(why=worded(json.loads(refused)))


def restart_ability(resume: Resume) -> Ability:
    """Return whether Holter can start the training again, and by which command or why not.

    ``resume``: the command that continues the training. It is known before the training is first started.
    """
    if resume.command is None:
        return Ability(name="restart", can=False, why_not=resume.why_not)
    return Ability(name="restart", can=True, what=resume.text)
