"""A real mount whose reads can be made to hang."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from needs import require


@pytest.fixture
def slow_mount(tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A mount served by another process, its one file, and the brake: while that file exists, reads hang."""
    require("fuse3", "dev-fuse")
    place, brake = tmp_path / "mount", tmp_path / "brake"
    place.mkdir()
    script = Path(__file__).parent / "worlds" / "slow_mount.py"
    server = subprocess.Popen([sys.executable, "-W", "ignore", str(script), str(place), str(brake)])
    try:
        end_s = time.monotonic() + 10
        while not place.is_mount():
            assert time.monotonic() < end_s, "the mount did not come up"
            time.sleep(0.05)
        yield place, place / "case.b2nd", brake
    finally:
        brake.unlink(missing_ok=True)
        subprocess.run(["fusermount3", "-u", "-z", str(place)], check=False)
        server.kill()
        server.wait()
