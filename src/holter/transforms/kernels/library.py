"""Find the compiled kernels, or compile them once; without them the transforms run in torch.

A wheel has the library beside its sources. A source tree has none: the first process that needs it compiles it into
the user's cache, under a name that holds a hash of the sources. So it is never stale, the installation may be
read-only, and an editable installation needs no step of its own. Other processes wait for the one that compiles.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import stat
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from holter.errors import CodedText, coded
from holter.transforms.kernels.build import LIBRARY, SOURCES, CannotCompile, compile_into, fingerprint

CHOICE = "HOLTER_KERNELS"  # "torch": do without; "AVX2", "portable": the best instruction set that may be used
WITHOUT = "torch"
API = 5  # of library.cpp
NO_MEMORY = -1
PREFIX = "holter-kernels-"  # of folders to compile in


class Kernels:
    """The compiled transforms (kernels) of one instruction set of the processor."""

    def __init__(self, library: ctypes.CDLL, number: int, name: str) -> None:
        self.name = name
        self._number = number
        self._run: Callable[..., int] = library.holter_run
        library.holter_run.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, ctypes.c_int64, ctypes.c_void_p]

        self._read: Callable[..., int] = library.holter_read
        library.holter_read.argtypes = [ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 2]
        library.holter_read.restype = ctypes.c_int64

    def read(self, reads: array[int], count: int, blosc2: int, progress: Any) -> int:
        """Make ``count`` reads of boxes of arrays; return how many succeeded before one failed.

        ``reads``: from loader/read/together.py. ``blosc2``: where the addresses of c-blosc2's functions are, 0 if no
        array is a file of it. ``progress``: two int64 that another thread may watch: since when the present read runs
        (monotonic clock, nanoseconds), and its index.
        """
        return self._read(reads.buffer_info()[0], count, blosc2, ctypes.addressof(progress))

    def run(self, layout: int, samples: array[int], count: int, steps: array[float]) -> None:
        """Transform ``count`` samples without the interpreter's lock. ``program.py`` builds the arguments.

        ``layout``: the address of a ``Layout``. ``samples``: addresses and sizes of each one. ``steps``: their draws.
        Raises:  MemoryError; RuntimeError for any other failure.
        """
        code = self._run(self._number, layout, samples.buffer_info()[0], count, steps.buffer_info()[0])
        if code == NO_MEMORY:
            raise MemoryError("no memory for the kernels of the transforms")
        if code:
            raise RuntimeError(f"the kernels of the transforms failed with code {code}")


class Found(NamedTuple):
    """The compiled kernels for this processor; or None, and the reason why there are none."""

    kernels: Kernels | None
    reason: CodedText | str


def kernels() -> Kernels | None:
    """Return the kernels for this processor. None: the transforms run in torch, and ``found`` has the reason.

    The first call may compile them, which takes some seconds.
    """
    return found().kernels


@lru_cache(maxsize=1)
def found() -> Found:
    """Return the kernels for this processor, or why there are none; the first answer is kept until the process ends."""
    asked = os.environ.get(CHOICE, "").strip()
    if asked.lower() == WITHOUT:
        return Found(None, coded("kernels-off", f"{CHOICE}={asked}", name=CHOICE, value=asked))
    try:
        library = _library()
    except CannotCompile as reason:
        return Found(None, coded("kernels-missing", f"they cannot be compiled: {reason}", reason=str(reason)))
    sets = list(sets_of(library))
    chosen = [kernels for kernels in sets if kernels.name.lower() == asked.lower()] if asked else sets
    if not chosen:
        names = [kernels.name for kernels in sets]
        text = f"{CHOICE}={asked}: this processor has {', '.join(names)}"
        return Found(None, coded("kernels-unknown", text, name=CHOICE, value=asked, known=names))
    return Found(chosen[0], "")


def sets_of(library: ctypes.CDLL) -> Iterator[Kernels]:
    """Yield the kernels for each instruction set of this processor, the fastest first."""
    library.holter_set.restype = ctypes.c_char_p
    for number in range(library.holter_sets()):
        name = library.holter_set(number)
        if name is not None:
            yield Kernels(library, number, name.decode())


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    shipped = SOURCES / LIBRARY
    if shipped.exists() and (loaded := load(shipped)) is not None:
        return loaded
    try:
        cached = cache_folder() / f"{fingerprint()}.so"
        if is_ours(cached) and (loaded := load(cached)) is not None:
            return loaded
        cached.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not is_ours(cached.parent):
            raise PermissionError(f"{cached.parent} belongs to somebody else")
        loaded = _compiled_once(cached)
    except (OSError, RuntimeError):  # no cache can be written, or there is no home: compile for this process alone
        loaded = _compiled_for_now()
    if loaded is None:
        raise CannotCompile("what was compiled cannot be loaded")
    return loaded


def cache_folder() -> Path:
    """Return the folder for compiled libraries, in the user's cache folder."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path("~/.cache").expanduser()
    return base / "holter" / "kernels"


def is_ours(path: Path) -> bool:
    """Whether a file or folder exists and only this user (or root) could have written it: its code will run here."""
    try:
        about = path.lstat()
    except OSError:
        return False
    return about.st_uid in (os.geteuid(), 0) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def load(file: Path) -> ctypes.CDLL | None:
    """Load a library of kernels; return None if it is of another version, damaged, or made for another machine."""
    try:
        library = ctypes.CDLL(str(file))
        return library if library.holter_api() == API else None
    except (OSError, AttributeError):
        return None


def _compiled_once(cached: Path) -> ctypes.CDLL | None:
    # Only one process compiles; the others wait and load what it made.
    with _lock(cached.with_suffix(".lock")):
        if not is_ours(cached) or load(cached) is None:
            prefix = f"{PREFIX}{cached.stem}-"
            for left in cached.parent.glob(f"{prefix}*"):  # of a process that was killed while it compiled
                shutil.rmtree(left, ignore_errors=True)
            with _private_folder(cached.parent, prefix) as folder:
                made = folder / LIBRARY
                compile_into(made)
                made.chmod(0o700)
                made.replace(cached)  # at once: nobody ever sees half a library
        return load(cached)


def _compiled_for_now() -> ctypes.CDLL | None:
    with _private_folder(None, PREFIX) as folder:
        compile_into(folder / LIBRARY)
        return load(folder / LIBRARY)  # stays mapped after the file is gone


@contextmanager
def _private_folder(parent: Path | None, prefix: str) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        if parent is not None:
            raise
        raise CannotCompile(f"no folder to compile in: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    # Freed by the kernel when its process ends, however it ends.
    opened: Any = file.open("w")
    with opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
