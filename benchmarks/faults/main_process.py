"""The main process raises, crashes, ends, pauses, or does not end after the training."""

from __future__ import annotations

from functools import partial

from benchmarks.faults.fault import AlreadyThere, Armed, FromTheStart
from benchmarks.faults.outside import Outside

PAUSES_S = 14.0  # the second pause has started, and no third one


class FewPauses(Armed):
    """Two pauses in a whole run: a cold cache, a restarted server."""

    name = "few-pauses"
    summary = "a step takes eight seconds, twice in the run"
    trainer = "nnUNetTrainerPauses"
    epochs = 6

    def step(self, outside: Outside, since_s: float) -> None:
        """End the pauses after the second one."""
        if since_s >= PAUSES_S:
            self.arm.unlink(missing_ok=True)


FAULTS = (
    partial(
        AlreadyThere,
        name="process-stays",
        summary="the training is finished, and its process does not end",
        cause="no-exit-after-finish",
        gradual=True,
        acts=True,
        trainer="nnUNetTrainerStays",
        when="end",
        validates=True,
        epochs=1,
        iterations=10,
        watch_s=120.0,
        limit_s=300.0,
    ),
    partial(
        Armed,
        name="short-pauses",
        summary="each pause is too short to be a stall; the epochs take twice as long and more",
        cause="main-stands-still",
        gradual=True,
        trainer="nnUNetTrainerPauses",
        watch_s=200.0,
        limit_s=360.0,
    ),
    partial(  # a thread of the loader reports dead workers a moment later; that is the echo
        Armed,
        name="main-raises",
        summary="the loss raises; the workers that end with it are complained of too",
        cause="main-exception",
        acts=True,
        trainer="nnUNetTrainerLossRaises",
    ),
    partial(  # as in MIC-DKFZ/nnUNet issues 2523 and 2557: no traceback, one line from the C library
        Armed,
        name="main-crashes",
        summary="native code in the main process damages the heap, and the C library aborts it",
        cause="native-crash",
        acts=True,
        trainer="nnUNetTrainerFreesTwice",
    ),
    partial(
        Armed,
        name="main-leaves",
        summary="the trainer calls sys.exit(0) in the middle of an epoch",
        cause="ended-early",
        acts=True,
        trainer="nnUNetTrainerLeaves",
    ),
    partial(  # the network diverges, and nnU-Net continues
        Armed,
        name="loss-is-nan",
        summary="the loss is NaN from one step on",
        cause="loss-not-finite",
        trainer="nnUNetTrainerDiverges",
        iterations=20,
        watch_s=60.0,
    ),
    partial(
        FromTheStart,
        name="compiler-missing",
        summary="torch.compile calls a C++ compiler that does not work",
        cause="compile-toolchain-broken",
        acts=True,
        trainer="nnUNetTrainerCompiled",
        variables={"CXX": "false", "CC": "false", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"},
    ),
)
HEALTHY = (FewPauses,)
