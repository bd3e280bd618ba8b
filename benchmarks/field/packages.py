"""Packages that only some cases need, installed in a folder of their own and kept for the next run."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.material import say

DONE = "installed"
WITHIN_S = 240.0


def installed(packages: tuple[str, ...], under: Path) -> Path:
    """Return the folder with these packages, without their dependencies.

    Raises:  RuntimeError with pip's last line.
    """
    folder = under / f"field-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"
    if (folder / DONE).exists():
        return folder
    say(f"installing {' '.join(packages)}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"pip took longer than {WITHIN_S:.0f} s") from error
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    (folder / DONE).touch()
    return folder
