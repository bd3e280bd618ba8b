"""What would be published is whole: both distributions are built, checked, installed and run."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from needs import cannot_run, needs

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPT = CHECKOUT / "scripts/distribution.py"
distribution = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.mark.sample
@needs("hatchling", "twine")
def test_both_distributions_are_whole_and_the_wheel_runs_in_an_empty_environment(tmp_path: Path) -> None:
    """Without a compiler, which takes less time; test_wheel.py builds one with its kernels."""
    command = [sys.executable, SCRIPT, tmp_path, "--no-compiler"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == distribution.NO_PACKAGES:
        cannot_run("hatchling", done.stderr.strip()[-300:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installed and run" in done.stdout


def archive_of(folder: Path, names: set[str]) -> Path:
    file = folder / "holter-9.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"holter-9/{name}"))
    return file


@pytest.mark.slow
def test_a_distribution_that_lacks_a_file_or_has_one_too_many_is_refused(tmp_path: Path) -> None:
    sources = sorted(distribution.sources())
    assert "src/holter/transforms/kernels/run.cpp" in sources
    whole = {*distribution.REQUIRED_IN_SDIST, *sources}
    distribution.check_sdist(archive_of(tmp_path, whole))
    for wrong, names in (
        (r"lacks src/holter/py\.typed", whole - {"src/holter/py.typed"}),
        (r"lacks LICENSE", whole - {"LICENSE"}),
        (r"has what is not in the source: src/holter/new\.py", whole | {"src/holter/new.py"}),
        (r"has tests/conftest\.py", whole | {"tests/conftest.py"}),
    ):
        file = archive_of(tmp_path, names)
        with pytest.raises(distribution.Wrong, match=wrong):
            distribution.check_sdist(file)
