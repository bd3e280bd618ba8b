"""A wheel brings the kernels compiled, and an editable installation compiles nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from needs import needs

ROOT = Path(__file__).parents[3]
BUILD = "import sys; from hatchling.build import *; print(globals()[sys.argv[1]](sys.argv[2]))"
FOUND = """
import json
from holter.transforms.kernels import found
got = found()
print(json.dumps([got.kernels and got.kernels.name, str(got.reason)]))
"""
pytestmark = [pytest.mark.slow, needs("hatchling")]


def built(kind: str, folder: Path, **variables: str) -> zipfile.ZipFile:
    command = [sys.executable, "-c", BUILD, kind, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(folder / done.stdout.splitlines()[-1])


@needs("c++")
@pytest.mark.sample
def test_a_wheel_needs_no_compiler_where_it_is_used(tmp_path: Path) -> None:
    wheel = built("build_wheel", tmp_path / "wheel")
    assert "linux" in str(wheel.filename)
    wheel.extractall(tmp_path / "installed")
    variables = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": "", "CXX": "", "HOLTER_KERNELS": ""}
    done = subprocess.run(
        [sys.executable, "-c", FOUND], env={**os.environ, **variables, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    name, reason = json.loads(done.stdout.splitlines()[-1])
    assert name is not None, reason
    assert not (tmp_path / "cache").exists()


def test_without_a_compiler_a_wheel_holds_the_sources(tmp_path: Path) -> None:
    try:
        import ziglang  # noqa: F401
    except ImportError:
        wheel = built("build_wheel", tmp_path, PATH="", CXX="")
        names = wheel.namelist()
        assert str(wheel.filename).endswith("py3-none-any.whl")
        assert "holter/transforms/kernels/run.cpp" in names
        assert not [name for name in names if name.endswith(".so")]
    else:
        pytest.skip("ziglang is installed: there is a compiler")


def test_an_editable_installation_compiles_nothing(tmp_path: Path) -> None:
    wheel = built("build_editable", tmp_path, CXX="/bin/false")
    assert str(wheel.filename).endswith("py3-none-any.whl")
