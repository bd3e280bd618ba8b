"""An environment of its own for each version: what differs is installed there, the rest is this environment's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

from benchmarks.compatibility.versions import Version
from benchmarks.material import say

TRAINER = Path(__file__).parent / "trainers" / "short.py"
SHARED = "zz_shared.pth"  # read after all others, so that the version's own packages come first
DONE = "complete"
WITHIN_S = 900.0
VERSIONS_OF = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try: print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError: print(name, "-")
"""
PACKAGES = ("nnunetv2", "batchgenerators", "batchgeneratorsv2", "dynamic_network_architectures", "acvl_utils")


class Environment(NamedTuple):
    """One environment."""

    version: Version
    folder: Path
    packages: dict[str, str]  # installed versions

    def command(self, name: str) -> str:
        """Return the path of a command of this environment."""
        return str(self.folder / "bin" / name)


def build(version: Version, under: Path) -> Environment:
    """Return the environment of a version, built once below ``under``.

    Raises:  RuntimeError with pip's last line.
    """
    key = hashlib.sha256(" ".join(version.packages).encode()).hexdigest()[:8]
    folder = under / f"env-{version.name}-{key}"
    python = folder / "bin" / "python"
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"{version.name}: installing {' '.join(version.packages)}")
        venv.create(folder, with_pip=False, symlinks=True)
        # Before this environment's packages are in its reach: pip would take them for its own, and replace them.
        _run(
            [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", *version.packages]
        )
        shared = [entry for entry in sys.path if Path(entry).name == "site-packages"]
        (_packages_of(folder) / SHARED).write_text("\n".join(shared) + "\n")
        (folder / DONE).touch()
    shutil.copy(TRAINER, _packages_of(folder) / "nnunetv2/training/nnUNetTrainer/nnUNetTrainerCompatibility.py")
    own = [name for name in PACKAGES if any(name == _plain(package) for package in version.packages)]
    lines = _run([str(python), "-c", VERSIONS_OF, *own, "torch"]).splitlines()
    return Environment(version, folder, dict(line.split(" ", 1) for line in lines))


def _plain(package: str) -> str:
    return package.partition("==")[0].replace("-", "_")


def _packages_of(folder: Path) -> Path:
    return next((folder / "lib").glob("python3*")) / "site-packages"


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{command[0]} took longer than {WITHIN_S:.0f} s") from error
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])
    return done.stdout
