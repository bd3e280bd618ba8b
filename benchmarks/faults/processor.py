"""Too few or too slow cores for the training, and augmentation that needs more CPU than there is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import partial

from benchmarks.faults.fault import Armed, Fault, FromDemo, FromTheStart, Stage, english
from benchmarks.faults.outside import Outside
from benchmarks.faults.tools.memory_group import ENTER
from holter.demo.faults.cpu_group import CpuGroup, make_group
from holter.demo.faults.cpu_quota import QUOTA_CPUS, CpuQuota

SLOW_CPUS = 0.6
QUOTA_LASTS_S = 30.0
SLOWLY = {"gradual": True, "watch_s": 200.0, "limit_s": 360.0}


class AffinityClobbered(Armed):
    """As by a library that pins threads when it is loaded; a costly augmentation makes the idle cores visible."""

    name = "affinity-clobbered"
    summary = "all data workers are bound to one core while the others are idle"
    cause = "affinity-clobbered"
    trainer = "nnUNetTrainerHeavierAugmentation"
    gradual = True  # on two cores it takes half of them
    watch_s = 120.0
    limit_s = 300.0

    def inject(self, outside: Outside) -> None:
        """Bind the workers."""
        super().inject(outside)
        core = max(os.sched_getaffinity(0))
        for pid in outside.data_workers():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, {core})


class FewCores(FromTheStart):
    """As with a scheduler job of one core: nnU-Net uses the machine's number of cores."""

    name = "few-cores"
    summary = "the training may use one core only, from the beginning"
    cause = "few-cores-allocated"
    also = ("cpu-starved-augmentation",)
    trainer = "nnUNetTrainerHeavyAugmentation"

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Bind it to the first core."""
        return ["taskset", "-c", "0", *command]


class SlowCpu(Fault):
    """Every step takes three times as long as elsewhere, from the beginning."""

    name = "slow-cpu"
    summary = "a processor that is slow from beginning to end"
    iterations = 20
    limit_s = 300.0
    _group: CpuGroup | None = None

    def needs(self) -> str | None:
        """Require a group with a CPU limit."""
        return english(CpuQuota().needs())

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Create the group and limit it at once."""
        self._group = make_group(f"holter-lab-{os.getpid()}")
        assert self._group is not None
        self._group.limit(SLOW_CPUS)
        return {}

    def wrap_training(self, command: Sequence[str]) -> list[str]:
        """Start the training in it."""
        assert self._group is not None
        return ["/bin/sh", "-c", ENTER, str(self._group.members), *command]

    def undo(self) -> None:
        """Remove the group."""
        if self._group is not None:
            self._group.remove()


FAULTS = (
    AffinityClobbered,
    partial(FewCores, **SLOWLY),
    partial(
        FromTheStart,
        name="heavy-augmentation",
        summary="the augmentation of every case costs eighty times as much, from the beginning",
        cause="cpu-starved-augmentation",
        trainer="nnUNetTrainerHeavyAugmentation",
        **SLOWLY,
    ),
    partial(  # a popular workaround, with a costly augmentation
        FromTheStart,
        name="no-workers",
        summary="nnUNet_n_proc_DA=0: the main process makes every batch itself",
        cause="data-workers-zero-fix",
        trainer="nnUNetTrainerHeavyAugmentation",
        variables={"nnUNet_n_proc_DA": "0"},
        **SLOWLY,
    ),
    partial(
        Armed,
        name="many-threads",
        summary="each data worker computes with 32 threads",
        cause="thread-oversubscription",
        trainer="nnUNetTrainerManyThreads",
        variables={"OMP_NUM_THREADS": "32"},
        watch_s=100.0,  # its epochs take twenty seconds, and a slow-down needs several slow steps
    ),
    partial(
        FromDemo,
        CpuQuota,
        name="cpu-quota",
        summary="the CPU quota is cut to a quarter of a core",
        cause="cgroup-cpu-quota",
    ),
)
HEALTHY = (
    SlowCpu,
    partial(  # each case takes as long as a large one elsewhere
        FromDemo,
        CpuQuota,
        name="long-final-validation",
        summary=f"the final validation has {QUOTA_CPUS} of a core",
        when="final-validation",
        validates=True,
        epochs=1,
        iterations=10,
        limit_s=300.0,
    ),
    partial(  # the network is slow: workers would not help
        Fault,
        name="no-workers-on-purpose",
        summary="nnUNet_n_proc_DA=0 with a cheap augmentation",
        variables={"nnUNet_n_proc_DA": "0"},
        epochs=3,
    ),
)
CAMPAIGN = (
    partial(
        FromDemo,
        CpuQuota,
        name="cpu-quota",
        summary="the CPU quota is cut to a quarter of a core for a while: slow is not broken",
        is_temporary=True,
        lasts_s=QUOTA_LASTS_S,
    ),
)
