"""A folder for a measurement that is always removed: at the end, after an error, Ctrl-C, or a kill of this process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holter.errors import CannotDoHere
from holter.sentences import NOTHING_STARTED_OR_CHANGED, define
from holter.sizes import MIB

KEEPER = Path(__file__).with_name("sweep.py")
WITHIN_S = 15.0
LEAST_BYTES = 64 * MIB  # logs, events and a plot, beside the checkpoint

NO_FOLDER = define("error.bench.no-folder", "A folder for temporary files cannot be created in {folder}.")
NO_ROOM = define(
    "error.bench.no-space", "{folder} has {free:bytes} free; a checkpoint of this training needs {needed:bytes}."
)
OTHER_PLACE = define("next.bench.other-place", "TMPDIR=/path/with/space {command}")


class Scratch:
    """Context manager: ``scratch.folder`` exists inside ``with Scratch(...) as scratch``, and is removed afterwards."""

    def __init__(self, environ: Mapping[str, str], needed_bytes: int, command: str) -> None:
        """``needed_bytes``: the size of a checkpoint. ``command``: named in an error."""
        self._parent = Path(environ.get("TMPDIR") or tempfile.gettempdir()).absolute()
        self._needed, self._command = needed_bytes, command
        self._keeper: subprocess.Popen[str] | None = None
        self.folder = self._parent

    def __enter__(self) -> Scratch:
        step = OTHER_PLACE(command=self._command)
        with suppress(OSError):
            free, needed = shutil.disk_usage(self._parent).free, self._needed + LEAST_BYTES
            if free < needed:
                what = NO_ROOM(folder=str(self._parent), free=free, needed=needed)
                raise CannotDoHere(what, safe=NOTHING_STARTED_OR_CHANGED(), next_step=step)
        self._keeper = subprocess.Popen(
            [sys.executable, "-S", str(KEEPER), str(self._parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        folder = self._keeper.stdout.readline().strip()
        if not folder:
            self.__exit__()
            raise CannotDoHere(NO_FOLDER(folder=str(self._parent)), safe=NOTHING_STARTED_OR_CHANGED(), next_step=step)
        self.folder = Path(folder)
        return self

    def end_with(self, pid: int) -> None:
        """End this process group before the folder is removed, even if this process is killed."""
        assert self._keeper is not None and self._keeper.stdin is not None
        self._keeper.stdin.write(f"pid {pid}\n")
        self._keeper.stdin.flush()

    def __exit__(self, *_: object) -> None:
        if self._keeper is None:
            return
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._keeper.wait(WITHIN_S)
