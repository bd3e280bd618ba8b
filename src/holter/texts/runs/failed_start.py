"""Find a start that failed at once: it prints no header and no time, only a traceback below what stood there before."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from holter.patterns import later

TRACEBACK = "Traceback (most recent call last):"
# Longer ones are of a recursion.
MOST_LINES = 200
# Called once in the life of a process, before the first epoch.
_BEFORE_EPOCHS = later(
    r", in (?:get_trainer_from_args|maybe_load_checkpoint|on_train_start)\s*$"
    r"|nnUNetTrainer\.py\", line \d+, in initialize\s*$"
)
_IN_TRAINING = later(r"run_training\.py\", line \d+, in |nnUNet(?:v2)?_train(?:\.exe\S*)?\", line \d+, in <module>")
# What follows the last epoch: it may fail after nnU-Net's last sentence, too. The launcher of ranks outlives them.
_AFTER_EPOCHS = later(
    r", in (?:perform_actual_validation|validate|cleanup_ddp|destroy_process_group|spawn|start_processes)\s*$"
)
_IMPORTS = later(r"^\s*(?:import|from) \w")


class FailedStarts:
    """Says at which lines of a log a failed start begins.

    ``has_trained``, ``has_ended``: whether an epoch, or nnU-Net's last sentence, stands in the run so far.
    """

    def __init__(self) -> None:
        self.has_trained = self.has_ended = False
        self._held: list[str] = []  # of a traceback whose exception has not come
        self._margin = 0

    def divide(self, lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
        """Yield each line, and whether a failed start begins with it. The beginning of a traceback is held back."""
        for line in lines:
            if self._held:
                self._held.append(line)
                if self._is_inside(line) and len(self._held) < MOST_LINES:
                    continue
                yield from self.rest()
            elif (self.has_trained or self.has_ended) and line.lstrip().startswith(TRACEBACK):
                self._held, self._margin = [line], len(line) - len(line.lstrip())
            else:
                yield line, False

    def rest(self) -> Iterator[tuple[str, bool]]:
        """Yield the lines that were held back."""
        held, self._held = self._held, []
        is_start = self._is_start(held)
        for number, line in enumerate(held):
            yield line, is_start and number == 0

    def _is_inside(self, line: str) -> bool:
        return not line.strip() or len(line) - len(line.lstrip()) > self._margin

    def _is_start(self, lines: list[str]) -> bool:
        if any(_BEFORE_EPOCHS.search(line) for line in lines):
            return True
        if not self.has_ended or any(_AFTER_EPOCHS.search(line) for line in lines):
            return False
        first_code = next((code for frame, code in itertools.pairwise(lines) if "File " in frame), "")
        return any(_IN_TRAINING.search(line) for line in lines) or _IMPORTS.match(first_code) is not None
