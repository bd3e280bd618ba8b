"""Where Holter keeps what belongs to no other folder: the state folder of the user, as the XDG specification has it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = "holter"


def state_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders to try, best first; they need not exist. The last one is below TMPDIR, for users without a home.

    None is looked at before it is asked for: a home on a file server may not answer.
    """
    named, home = Path(environ.get("XDG_STATE_HOME", "")), Path(environ.get("HOME", ""))
    if named.is_absolute():  # the specification wants others to be ignored
        yield named / NAME
    elif home.is_absolute() and home.is_dir():  # root could make one that is only not mounted
        yield home / ".local" / "state" / NAME
    # Not "holter-*": that is what the scratch folders of runs are called, and those of dead runs may be removed.
    yield Path(tempfile.gettempdir()) / f"state-of-{NAME}-{os.getuid()}"


def make_private(folder: Path) -> None:
    """Make a state folder that nobody else may look into.

    Raises:  OSError; PermissionError for one that somebody else has made in a folder which all may write to.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode) and found.st_uid in (0, os.getuid()):
        found = folder.stat()  # a user may keep it on another disk
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder} belongs to somebody else")
