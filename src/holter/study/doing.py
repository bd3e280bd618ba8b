"""``holter study finish … --do``: run the commands that come after a study, one after another."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from holter.errors import CannotDoHere
from holter.install import extra_line
from holter.records import Message
from holter.sentences import NOTHING_STARTED, define
from holter.study.finish import EXPORT, FIND_BEST, MAKE_NPZ, Step

# The others need a word of a person: what to train, or which cases to predict.
ALONE = (MAKE_NPZ.key, FIND_BEST.key, EXPORT.key)
STDERR = 2  # what the commands print is no result of Holter

RUNS = define("study.finish-runs", "runs {command}")
KEPT = define("study.finish-kept", "{file} is there already and stays as it is")
FAILED = define(
    "study.finish-failed",
    "exit code {code}: {command}. Nothing more is run; the trained models are as they were.",
)
NO_PROGRAM = define("error.study-no-program", "There is no {name} on this machine; it comes with nnU-Net.")


def do(steps: Sequence[Step], environ: Mapping[str, str], tell: Callable[[Message], None]) -> bool:
    """Run the commands of the steps that need nobody; return whether all have succeeded. The first error is the last.

    Raises:  CannotDoHere if a program is missing; then nothing was run.
    """
    commands = [(what, shlex.split(command)) for what, own in steps if what.key in ALONE for command in own]
    programs = {words[0]: _program(words[0], environ) for _, words in commands}
    for what, words in commands:
        file = Path(words[words.index("-o") + 1]) if what.key == EXPORT.key else None
        # What a call left that was ended half-way is no zip file.
        if file is not None and zipfile.is_zipfile(file):
            tell(KEPT(file=str(file)))
            continue
        tell(RUNS(command=shlex.join(words)))
        done = subprocess.run([programs[words[0]], *words[1:]], env=dict(environ), stdout=STDERR, check=False)
        if done.returncode:
            tell(FAILED(command=shlex.join(words), code=done.returncode))
            return False
    return True


def by_hand(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that ``do`` leaves to a person."""
    return [(what, commands) for what, commands in steps if what.key not in ALONE]


def _program(name: str, environ: Mapping[str, str]) -> str:
    # Beside this Python, as for the trainings; else wherever the user has it.
    path = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    found = shutil.which(name, path=path)
    if found is None:
        raise CannotDoHere(NO_PROGRAM(name=name), safe=NOTHING_STARTED(), next_step=extra_line("nnunet"))
    return found
