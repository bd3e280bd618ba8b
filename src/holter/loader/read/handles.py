"""The files that one thread has open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holter.loader.plan.files import ARCHIVE, ArrayFile
from holter.loader.read.backend import Backend
from holter.loader.read.scratch import Scratch
from holter.loader.read.sources import Source

# Opening takes 0.04 ms of a sample's 9 ms; an open file needs a descriptor, and a process often has only 1024.
MOST_OPEN = 64  # at least the three files of one case
MOST_TOGETHER = MOST_OPEN // 3  # samples that are read in one call
# An archive is a whole case in memory.
MOST_ARCHIVES = 3


class Handles:
    """Open files of one thread; the least recently used is closed first. The C library allows one thread per handle."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._open: OrderedDict[tuple[Path, str | None], tuple[ArrayFile, Source]] = OrderedDict()
        self._dropped: list[Source] = []
        self._is_held = False
        self.scratch = Scratch()

    def source(self, file: ArrayFile) -> Source:
        """Return the open file; open it again if the file on disk has changed since.

        Raises:  FileUnreadable.
        """
        key = (file.path, file.member)
        held = self._open.get(key)
        if held is not None and held[0] == file:
            self._open.move_to_end(key)
            return held[1]
        self.drop(file)
        self._close_surplus(file)
        source = self._backend.open(file, self.scratch)
        self._open[key] = (file, source)
        return source

    def drop(self, file: ArrayFile) -> None:
        """Close one file, for example after an error, when its handle may be invalid."""
        held = self._open.pop((file.path, file.member), None)
        if held is not None:
            self._let_go(held[1])

    @contextmanager
    def all_open(self) -> Iterator[None]:
        """Context manager: close no file before the end of the block, because native code has their addresses."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            for source in self._dropped:
                source.close()
            self._dropped.clear()

    def close(self) -> None:
        """Close all files."""
        for _, source in self._open.values():
            source.close()
        self._open.clear()

    def _close_surplus(self, file: ArrayFile) -> None:
        most = MOST_ARCHIVES if file.path.suffix == ARCHIVE else MOST_OPEN
        while len(self._open) >= most:
            _, (_, oldest) = self._open.popitem(last=False)
            self._let_go(oldest)

    def _let_go(self, source: Source) -> None:
        if self._is_held:
            self._dropped.append(source)
        else:
            source.close()
