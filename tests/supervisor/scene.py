"""A real nnU-Net training under ``holter run``, broken at the right moment; what Holter says of it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from holter.causes import diagnose_all
from holter.demo.prepare import Prepared
from holter.records import Diagnosis, Noted, ProcessSample, Tick
from holter.supervisor.recording.recorder import Recorder
from holter.supervisor.result import RunResult
from holter.supervisor.run import run
from holter.tape import Recording, read

KEEP = os.environ.get("HOLTER_KEEP_TAPES")  # a folder: tapes are kept there for tests/tapes


# A main process that idles is restarted so late, and announced so long ahead, instead of 15 minutes and 5; and a
# compilation may take so long, instead of ten minutes.
SCALED = {"FLOOR_S": 40.0, "ANNOUNCED_S": 15.0}
SCALED_COMPILE_S = 30.0
LIMIT_S = 240.0  # on a machine that is busy with other things too


class Scene:
    """One training with one fault. ``when`` looks at each tick and says if the moment has come."""

    def __init__(self, brain: Prepared, folder: Path) -> None:
        self.brain = brain
        self.folder = folder
        self.tape = folder / "run.holter"
        self.fault_s: float | None = None
        self.options: tuple[str, ...] = ("--epochs", "3", "--iterations", "30", "--no-validation")
        self.extra: dict[str, str] = {}
        self.heal = False

    def play(
        self,
        action: Callable[[Recorder, Tick], None] | None,
        *,
        when: Callable[[Tick], bool] | None = None,
        each_tick: Callable[[Recorder, Tick], None] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> RunResult:
        """Train to the end; ``action`` is done once, when it is time (default: in the middle of epoch 1)."""

        def look(recorder: Recorder, tick: Tick) -> None:
            if action is not None and self.fault_s is None and (when or in_epoch_one)(tick):
                self.fault_s = recorder.now_s()
                recorder.add(Noted(t_s=self.fault_s, what="fault", text=self.folder.name))
                action(recorder, tick)
            if each_tick is not None:
                each_tick(recorder, tick)
            if recorder.now_s() > LIMIT_S:  # a hang fails its own test and no more
                for process in of_role(tick, "main"):
                    os.kill(process.pid, signal.SIGKILL)

        results = self.folder / "results"
        results.mkdir(exist_ok=True)
        environment = {**os.environ, **self.brain.environment(), "nnUNet_results": str(results), **self.extra}
        result = run(
            (*prefix, *self.brain.command(*self.options)),
            self.tape,
            variables=environment,
            each_tick=look,
            quiet_output=self.folder / "output.txt",
            end_orphans=True,
            heal=self.heal,
        )
        if KEEP:
            Path(KEEP).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.tape, Path(KEEP) / f"{self.folder.name}.holter")
        return result

    def recording(self) -> Recording:
        return read(self.tape)

    def diagnoses(self) -> tuple[Diagnosis, ...]:
        return diagnose_all(self.recording())

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")


def in_epoch_one(tick: Tick) -> bool:
    return any(
        beat.role == "main" and beat.phase == "train" and (beat.epoch or 0) >= 1 and (beat.iteration or 0) >= 8
        for beat in tick.beats
    )


class Named:
    """Whether the cause of an episode was named so and so long ago; verdicts also look at what came a moment after."""

    def __init__(self, cause: str, since_s: float = 3.0) -> None:
        self._headline = (cause, "confirmed")
        self._since_s = since_s
        self._first_s: dict[tuple[str, str, float], float] = {}

    def count(self, recorder: Recorder, tick: Tick) -> int:
        """How many episodes."""
        for episode, diagnosis in recorder.kept.diagnoses.items():
            if top(diagnosis) == self._headline:
                self._first_s.setdefault(episode, tick.t_s)
        return sum(tick.t_s >= first_s + self._since_s for first_s in self._first_s.values())


def of_role(tick: Tick, role: str) -> list[ProcessSample]:
    return [process for process in tick.processes if process.role == role]


def top(diagnosis: Diagnosis) -> tuple[str, str]:
    return diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict


def verdict_of(diagnosis: Diagnosis, cause: str) -> str:
    return next(verdict.verdict for verdict in diagnosis.verdicts if verdict.cause == cause)
