"""The user's state folder for Holter, as in the XDG specification."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from holter.errors import FolderNotWritable
from holter.linux.disks import Disks
from holter.sentences import define

NAME = "holter"
SOMEBODY_ELSES = define("error.somebody-elses-folder", "{folder} belongs to somebody else.")


def state_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield folders to try, best first; they need not exist. The last one is below TMPDIR, for users without a home.

    A home is accessed only when it is requested, and left out if its disk does not answer within seconds.
    """
    named, home = Path(environ.get("XDG_STATE_HOME", "")), Path(environ.get("HOME", ""))
    if named.is_absolute():  # the specification ignores relative paths
        yield named / NAME
    elif home.is_absolute() and Disks().answers(home) and home.is_dir():  # root could create one that is not mounted
        yield home / ".local" / "state" / NAME
    yield _temporary()


def _temporary() -> Path:
    # Not "holter-*": those are scratch folders, which are removed after their runs.
    user = os.getuid() if hasattr(os, "getuid") else ""  # not on Windows
    return Path(tempfile.gettempdir()) / f"state-of-{NAME}-{user}"


def named_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the folders that ``state_folders`` may yield, without any access to them."""
    named, home = Path(environ.get("XDG_STATE_HOME", "")), Path(environ.get("HOME", ""))
    own = named / NAME if named.is_absolute() else home / ".local" / "state" / NAME if home.is_absolute() else None
    return (*([own] if own is not None else []), _temporary())


def make_private(folder: Path) -> None:
    """Create a state folder that no other user can read.

    Raises:  OSError; FolderNotWritable if another user created it in a folder that all can write to.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode) and status.st_uid in (0, os.getuid()):
        status = folder.stat()  # the user's own link to another disk
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise FolderNotWritable(SOMEBODY_ELSES(folder=str(folder)))
