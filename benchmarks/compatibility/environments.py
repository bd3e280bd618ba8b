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

TRAINERS = Path(__file__).parent / "trainers"
TRAINER = "nnUNetTrainerCompatibility"
# Where each generation looks for trainers; the oldest have no folder for a user's own.
PLACES = {1: "training/network_training", 2: "training/nnUNetTrainer"}
SHARED = "zz_shared.pth"  # read after all others, so that the version's own packages come first
DONE = "complete"
WITHIN_S = 900.0
VERSIONS_OF = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try: print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError: print(name, "-")
"""
PACKAGES = ("batchgenerators", "batchgeneratorsv2", "dynamic_network_architectures", "acvl_utils")


class Environment(NamedTuple):
    """One environment."""

    version: Version
    folder: Path
    packages: dict[str, str]  # installed versions

    def command(self, name: str) -> str:
        """Return the path of a command of this nnU-Net, such as "train"."""
        return str(self.folder / "bin" / self.version.command(name))

    def link(self, folders: dict[str, str]) -> None:
        """Put the folders of the data where the code of this version looks for them, if it asks no variable."""
        if self.version.folders is None:
            return
        place = _packages_of(self.folder) / self.version.folders
        place.mkdir(exist_ok=True)
        for name, folder in folders.items():
            Path(folder).mkdir(parents=True, exist_ok=True)  # no folder is made below a link that leads nowhere
            (place / name).unlink(missing_ok=True)
            (place / name).symlink_to(folder)


def build(version: Version, under: Path, sources: Path | None) -> Environment:
    """Return the environment of a version, built once below ``under``.

    ``sources``: the folder with the files of the forks that are on no package index.
    Raises:  RuntimeError with pip's last line.
    """
    wanted = [*([str(_source(version, sources))] if version.source is not None else []), *version.packages]
    key = hashlib.sha256(" ".join([*version.packages, str(version.source or "")]).encode()).hexdigest()[:8]
    folder = under / f"env-{version.name}-{key}"
    python = folder / "bin" / "python"
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"{version.name}: installing {' '.join(wanted)}")
        venv.create(folder, with_pip=False, symlinks=True)
        # Before this environment's packages are in its reach: pip would take them for its own, and replace them.
        _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", *wanted])
        shared = [entry for entry in sys.path if Path(entry).name == "site-packages"]
        (_packages_of(folder) / SHARED).write_text("\n".join(shared) + "\n")
        (folder / DONE).touch()
    trainer = _packages_of(folder) / version.package / PLACES[version.generation] / f"{TRAINER}.py"
    trainer.write_text(trainer_of(version))
    own = [name for name in PACKAGES if any(name == _plain(package) for package in version.packages)]
    lines = _run([str(python), "-c", VERSIONS_OF, version.distribution, *own, "torch"]).splitlines()
    return Environment(version, folder, dict(line.split(" ", 1) for line in lines))


def trainer_of(version: Version) -> str:
    """Return the code of the short trainer, with the trainer of this version as its base."""
    text = (TRAINERS / f"short_v{version.generation}.py").read_text()
    first = next(line for line in text.splitlines() if line.endswith(" as Base"))
    module, name = version.trainer
    return text.replace(first, f"from {module} import {name} as Base")


def _source(version: Version, sources: Path | None) -> Path:
    source = version.source
    assert source is not None
    place = Path() if sources is None else sources / source.name
    if sources is None or not place.is_dir():
        raise RuntimeError(
            f"it is on no package index: put https://github.com/{source.repository} at commit {source.commit[:12]} "
            f"into the folder {source.name} of --sources"
        )
    return place / source.folder


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
