"""Notice that the results of a study are gone, because a disk is not mounted any more or a folder has a new name.

Every fold then looks as if nobody had trained it, and would be trained from epoch 0 into what is now in this place.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

from holter.sentences import define

GONE = define(
    "study.results-gone",
    "the results of {count} trainings were in {folder}, and none of them is there now (is a disk not mounted, or has a "
    "folder a new name?): nothing more is started; --retry trains what was removed on purpose",
    one="the results of {count} training were in {folder}, and they are not there now (is a disk not mounted, or has a "
    "folder a new name?): nothing more is started; --retry trains what was removed on purpose",
)


class KnownResults:
    """The folders of folds that are known to have results."""

    def __init__(self, folders: Iterable[Path], root: Path | None = None) -> None:
        """``root``: the folder of all results, which another disk or a new folder may replace."""
        self._folders = dict.fromkeys(folders)
        self._root, self._place = root, _place(root)

    def add(self, folder: Path) -> None:
        """Remember a folder, too; not one that was made in another place when the results were gone."""
        if not (self.are_gone() and self._place is not None and _place(self._root) != self._place):
            self._folders[folder] = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._folders)

    def are_gone(self) -> bool:
        """Return whether there were some, and now none is there.

        One that somebody has removed is no reason to stop, and one that cannot be asked for may be there.
        """
        return bool(self._folders) and all(map(_is_gone, self._folders))


def _place(root: Path | None) -> tuple[int, int] | None:
    try:
        status = root.stat() if root is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


def _is_gone(folder: Path) -> bool:
    try:
        folder.stat()
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR)
    return False
