"""Three folds side by side, one console file for all; one of them dies."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from benchmarks.faultlab.fault import Healthy
from benchmarks.survival.fault import Stage

BREAKS = "import sys, time; time.sleep(25); int('fold 2 has a problem of its own')"


class FoldsInOneLog(Healthy):
    """The observed fold is healthy; the output of the others is about them."""

    name = "folds-in-one-log"
    summary = "three folds write into one console file, and one dies of an exception"
    epochs = 3

    def prepare(self, stage: Stage) -> dict[str, str]:
        """Remember the folder."""
        self._folder = stage.folder
        return super().prepare(stage)

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Start the others beside it, each under Holter."""
        end = list(command).index("--")
        training = list(command)[end + 1 :]
        second = [word if word != "0" else "1" for word in training]
        others = (("fold-1", second), ("fold-2", [training[0], "-c", BREAKS]))
        lines = [
            f"{shlex.join(self._with_tape(command[:end], name))} -- {shlex.join(words)} &" for name, words in others
        ]
        return ["sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *command]

    def _with_tape(self, words: Sequence[str], name: str) -> list[str]:
        tape = str(self._folder / f"{name}.holter")
        return [tape if word.endswith(".holter") else word for word in words]


SCENARIO = FoldsInOneLog
