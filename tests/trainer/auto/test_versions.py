"""Older batchgeneratorsv2, really installed: each has other results, and each is found out by the proof."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

# Its spatial transform lacks an attribute that tells ours how ties are settled: given here, so that ours runs at all.
PROVE = """
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
import sys
import holter.transforms.read as read
SpatialTransform.seg_tiebreak = "nearest"
read.check_version = lambda *_: None
from trainer.auto.test_proof import proved
print(sys.modules[SpatialTransform.__module__].__file__)
print([proved(name) for name in ("3D", "2D")])
"""


@pytest.mark.long
@pytest.mark.parametrize("version", ["0.3.2", "0.3.4", "0.3.5"])
def test_a_version_whose_results_differ_is_refused(version: str, tmp_path: Path) -> None:
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path)]
    done = subprocess.run([*download, f"batchgeneratorsv2=={version}"], capture_output=True, text=True, check=False)
    wheels = list(tmp_path.glob("*.whl"))
    if not wheels:
        pytest.skip(f"pip cannot get batchgeneratorsv2 {version} here: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(tmp_path / "old")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path / "old"), *sys.path))}
    told = subprocess.run([sys.executable, "-c", PROVE], env=variables, capture_output=True, text=True, check=True)
    place, said = told.stdout.strip().splitlines()[-2:]
    assert str(tmp_path) in place
    assert said.count("SpatialTransform gives another result here") == 2
