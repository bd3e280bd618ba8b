"""A real mount whose server can be stopped: from then on no access to it returns, as with a dead file server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from needs import require


class Share(NamedTuple):
    """A mount, the folder behind it, and its server."""

    mount: Path
    behind: Path
    server: subprocess.Popen[bytes]

    def hang(self) -> None:
        """Let every access wait."""
        os.kill(self.server.pid, signal.SIGSTOP)

    def answer(self) -> None:
        """Let them go on."""
        os.kill(self.server.pid, signal.SIGCONT)


@contextmanager
def hung_share(folder: Path) -> Iterator[Share]:
    """Mount a share in a folder; unmount it at the end, also while it hangs."""
    require("fuse3", "dev-fuse")
    behind, mount, control = folder / "behind", folder / "mount", folder / "delay"
    behind.mkdir()
    mount.mkdir()
    words = [str(behind), str(mount), str(control)]
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "holter.demo.slow_fs", *words])
    share = Share(mount, behind, server)
    try:
        end_s = time.monotonic() + 20
        while not mount.is_mount():
            assert time.monotonic() < end_s, "the mount did not come up"
            time.sleep(0.05)
        yield share
    finally:
        share.answer()
        subprocess.run(["fusermount3", "-u", "-z", str(mount)], check=False)
        server.kill()
        server.wait()
