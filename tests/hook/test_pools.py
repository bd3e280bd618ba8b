"""nnU-Net's own preprocessing of two tiny images under the hook: phase, cases and workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.hook.page import decode, decode_info

CPU_TORCHVISION = Path(__file__).parents[1] / "cpu_torchvision"
PROGRAM = """
import os, sys
from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry
if __name__ == "__main__":
    sys.argv = ["nnUNetv2_plan_and_preprocess", "-d", "7", "-c", "3d_fullres", "-np", "1", "-npfp", "1"]
    plan_and_preprocess_entry()
"""


def images(raw: Path) -> None:
    """Write two images with their labels."""
    import nibabel
    import numpy as np

    folder = raw / "Dataset007_Tiny"
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for case in ("one", "two"):
        data = np.random.default_rng(7).normal(size=(24, 24, 24)).astype(np.float32)
        label = (data > 1).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), folder / "imagesTr" / f"{case}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), folder / "labelsTr" / f"{case}.nii.gz")
    dataset = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "spot": 1}, "numTraining": 2}
    (folder / "dataset.json").write_text(json.dumps(dataset | {"file_ending": ".nii.gz"}))


@pytest.mark.training
@pytest.mark.long
def test_preprocessing_has_a_phase_counted_cases_and_workers_with_a_case(hooked, tmp_path):
    images(tmp_path / "raw")
    program = tmp_path / "nnUNetv2_plan_and_preprocess.py"
    program.write_text(PROGRAM)
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    done = hooked.run(program, path=(CPU_TORCHVISION,), **folders)
    assert done.returncode == 0, done.stderr
    (main,) = {line["from"] for line in hooked.lines("phase") if line["phase"] == "preprocess"}
    phases = [line["phase"] for line in hooked.lines("phase") if line["from"] == main]
    assert phases == ["startup", "preprocess", "shutdown", "preprocess", "shutdown"]  # fingerprint, then cases
    page = (hooked.scratch / f"beat-{main}").read_bytes()
    seen = decode(page)
    assert seen is not None
    assert (seen.role, seen.iteration) == ("main", 2)
    assert decode_info(page) == {"num_cases": 2}
    workers = [decode(file.read_bytes()) for file in hooked.scratch.glob("beat-*") if file.name != f"beat-{main}"]
    assert {worker.steps_total for worker in workers if worker is not None and worker.role == "pool-worker"} == {2}
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"], hooked.lines("note")
    ended = [line for line in hooked.lines("worker-ended") if line["role"] == "pool-worker"]
    faults = [line for line in ended if not line["expected"] and not line["by_parent"] and line["exit_code"] != 0]
    assert not faults, faults
