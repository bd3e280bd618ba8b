"""Training data: generated brains, and the Medical Decathlon hippocampus if it is available."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.material import prepared_brains, say
from holter.demo.prepare import CONFIGURATION, Prepared, shrink_plan

BRAINS, HIPPOCAMPUS = "brains", "hippocampus"
IMAGES = Path(__file__).parents[3] / "shared" / "data" / "Dataset004_Hippocampus"  # not part of the source
CASES = 10


def is_there() -> bool:
    """Whether there are real images."""
    return (IMAGES / "dataset.json").exists()


def prepared(name: str) -> Prepared:
    """Return the data set, ready for training; prepared once."""
    brains = prepared_brains()
    return brains if name == BRAINS else _hippocampus(brains.folder.with_name(f"{brains.folder.name}-hippocampus"))


def _hippocampus(folder: Path) -> Prepared:
    data = Prepared(folder=folder, dataset="4", dataset_name=IMAGES.name, cases=CASES)
    marker = folder / "prepared.json"
    if marker.exists():
        return data
    say("preparing: hippocampus")
    shutil.rmtree(folder, ignore_errors=True)
    raw = data.raw / IMAGES.name
    for part in ("imagesTr", "labelsTr"):
        (raw / part).mkdir(parents=True)
        for file in sorted((IMAGES / part).glob("*.nii.gz"))[:CASES]:
            shutil.copy(file, raw / part)
    described = json.loads((IMAGES / "dataset.json").read_text())
    (raw / "dataset.json").write_text(json.dumps({**described, "numTraining": CASES}))
    tool = Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess"
    subprocess.run(
        [str(tool), "-d", "4", "-c", CONFIGURATION, "-np", "2", "-npfp", "2", "--no_pbar"],
        env=os.environ | data.environment(),
        check=True,
        capture_output=True,
    )
    shrink_plan(data.preprocessed / IMAGES.name / "nnUNetPlans.json")
    marker.write_text("{}\n")
    return data
