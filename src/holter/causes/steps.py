"""Steps of healing ladders, and the settings of a restart. Pure.

A setting is an environment variable of nnU-Net, of a thread library, or of the hook (``hook/settings.py``). At most
four heals are tried within an epoch, so a ladder of which every step may fail has at most four steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Settings = tuple[tuple[str, str], ...]
Facts = Mapping[str, object]  # known facts of the diagnosis, by name

WORKERS = "nnUNet_n_proc_DA"
EXPORTERS = "nnUNet_def_n_proc"
SHARING = "HOLTER_SHARING"
START_METHOD = "HOLTER_START_METHOD"
CACHED = "HOLTER_CACHED_BATCHES"
COMPILE = "nnUNet_compile"
LOADER = "HOLTER_LOADER"  # which data loader; read by Holter's trainer
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
NAMES = (WORKERS, EXPORTERS, SHARING, START_METHOD, CACHED, COMPILE, LOADER, *THREADS)

# nnU-Net's defaults if nothing is set and nothing was measured.
USUAL_WORKERS, USUAL_EXPORTERS = 12, 8
# nnU-Net keeps at least 6 batches (3 for validation) in each of two queues; with 2, one is ready while the next is
# made.
FEW_CACHED = "2"
# If tensors pass through named files, a killed worker leaves some behind until torch's manager process deletes them:
# keep space for a handful of batches.
SHM_SPACE_BYTES = 512 << 20
SHM_FULL_RATIO = 0.9


class Situation(NamedTuple):
    """The state of the training when the next action is chosen."""

    t_s: float
    alive: bool  # the main process exists
    waits_for_batch: bool  # its main thread waits for a batch of its workers
    epoch: int | None
    workers: int | None  # data workers of the training loader
    can_continue: bool  # the command is one of nnU-Net with the option --c
    may_end: bool = True  # while it lives: there is a checkpoint to continue from
    in_force: Settings = ()  # variables in NAMES that the training got
    cleared_s: float | None = None  # time since the external problem is over; None: it is not, or unknown
    can_replace: bool = True  # its workers, as far as is known


class Step(NamedTuple):
    """One step of a cause's ladder."""

    name: str
    action: Literal["replace-workers", "restart"]
    settings: Callable[[Situation, Facts], Settings | None] = lambda _, __: ()  # None: the step does not apply


def _workers(now: Situation) -> int:
    workers_set = dict(now.in_force).get(WORKERS, "")
    # During a replacement more workers are seen than planned; nnU-Net uses no more than there are CPUs.
    known = [
        count for count in (now.workers, int(workers_set) if workers_set.isdecimal() else None) if count is not None
    ]
    return min(known, default=USUAL_WORKERS)


def _fewer_workers(now: Situation, _: Facts) -> Settings | None:
    count = _workers(now)
    return ((WORKERS, str(count // 2)),) if count > 1 else None


def workers_as_cpus(now: Situation, facts: Facts) -> Settings | None:
    """Return the setting for as many workers as CPUs; None if there are no more workers than CPUs."""
    cpus = facts.get("cpu.effective")
    if not isinstance(cpus, (int, float)) or _workers(now) <= max(1, int(cpus)):
        return None
    return ((WORKERS, str(max(1, int(cpus)))),)


def _less_memory(now: Situation, facts: Facts) -> Settings:
    return (*(_fewer_workers(now, facts) or ()), (CACHED, FEW_CACHED))


def _fewer_exporters(now: Situation, facts: Facts) -> Settings | None:
    exporters_set = dict(now.in_force).get(EXPORTERS, "")
    seen = facts.get("export.workers")
    count = (
        int(exporters_set) if exporters_set.isdecimal() else seen if isinstance(seen, int) and seen else USUAL_EXPORTERS
    )
    return ((EXPORTERS, str(count // 2)),) if count > 1 else None


def has_shm_space(facts: Facts) -> bool:
    """Return whether /dev/shm has space for named files; an unknown size counts as enough."""
    total, used = facts.get("shm.total_bytes"), facts.get("shm.used_ratio")
    if not isinstance(total, (int, float)):
        return True
    return total * (1.0 - (used if isinstance(used, (int, float)) else 0.0)) >= SHM_SPACE_BYTES


def _shared_through_files(_: Situation, facts: Facts) -> Settings | None:
    return ((SHARING, "file_system"),) if has_shm_space(facts) else None


# Such workers inherit no lock and no thread pool, and their libraries start no threads.
NO_FORK: Settings = ((START_METHOD, "forkserver"), *((name, "1") for name in THREADS))


# A lock held at the fork shows as: no worker computes, and the main thread waits for a batch.
def _not_forked_if_all_sleep(_: Situation, facts: Facts) -> Settings | None:
    sleeping = facts.get("workers.working") == 0 and facts.get("main.waits_on") == "batch-queue"
    return NO_FORK if sleeping else None


def _always(*settings: tuple[str, str]) -> Callable[[Situation, Facts], Settings]:
    return lambda _, __: settings


IN_EPOCH = Step("in-epoch", "replace-workers")
AGAIN = Step("again", "restart")
FEWER = Step("fewer", "restart", _fewer_workers)
AS_CPUS = Step("as-cpus", "restart", workers_as_cpus)
LESS_READY = Step("less-ready", "restart", _always((CACHED, FEW_CACHED)))
LESS_MEMORY = Step("less-memory", "restart", _less_memory)
ALONE = Step("alone", "restart", _always((WORKERS, "0")))
FEWER_EXPORTERS = Step("fewer-exporters", "restart", _fewer_exporters)
THROUGH_FILES = Step("through-files", "restart", _shared_through_files)
NOT_FORKED = Step("not-forked", "restart", _always(*NO_FORK))
NOT_FORKED_IF_ALL_SLEEP = Step("not-forked-if-all-sleep", "restart", _not_forked_if_all_sleep)
UNCOMPILED = Step("uncompiled", "restart", _always((COMPILE, "f")))
STOCK_LOADER = Step("stock-loader", "restart", _always((LOADER, "stock")))

# Ladders of several causes, by what was lacking.
FOR_MEMORY = (IN_EPOCH, AGAIN, LESS_MEMORY, ALONE)
FOR_SHARED_MEMORY = (IN_EPOCH, LESS_READY, FEWER, ALONE)  # continuing unchanged would fill it again
FOR_DESCRIPTORS = (IN_EPOCH, THROUGH_FILES, FEWER, ALONE)
FOR_CRASHES = (IN_EPOCH, AGAIN, NOT_FORKED, ALONE)
FOR_THE_LOADER = (AGAIN, STOCK_LOADER)
# For an unknown cause: a restart may help once. Too many workers for the CPUs, or a lock held at the fork, are common;
# loading in the main process rules out the other reasons.
UNEXPLAINED = (IN_EPOCH, AGAIN, NOT_FORKED_IF_ALL_SLEEP, ALONE)
UNEXPLAINED_WITH_FEW_CPUS = (IN_EPOCH, AGAIN, AS_CPUS, ALONE)
