"""A real nnU-Net training, from preprocessing to the end of its final validation, under the hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from holter.probes.heartbeat import HeartbeatProbe

pytestmark = pytest.mark.training

TRAIN = """
import json, os, torch
def main():
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    class Short(nnUNetTrainer):
        def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cpu")):
            super().__init__(plans, configuration, fold, dataset_json, device)
            self.num_iterations_per_epoch, self.num_val_iterations_per_epoch, self.num_epochs = 4, 2, 2
    folder = os.path.join(os.environ["nnUNet_preprocessed"], "Dataset001_Blobs")
    plans, dataset = (json.load(open(os.path.join(folder, name))) for name in ("nnUNetPlans.json", "dataset.json"))
    network = plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]
    network["features_per_stage"] = [2] * len(network["features_per_stage"])
    plans["continue_training"] = False
    trainer = Short(plans, "3d_fullres", 0, dataset)
    trainer.run_training()
    trainer.perform_actual_validation()
if __name__ == "__main__":
    main()
"""


def _make_dataset(folder: Path) -> None:
    import SimpleITK as sitk  # noqa: N813 - the name everybody uses

    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    grid = np.indices((20, 20, 20)).astype(np.float32)
    for case in range(5):
        blob = (np.sum((grid - 8 - case) ** 2, axis=0) < 25).astype(np.uint8)
        noise = np.random.default_rng(case).normal(size=blob.shape)
        image = (blob + 0.1 * noise).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(image), str(folder / "imagesTr" / f"blob_{case}_0000.nii.gz"))
        sitk.WriteImage(sitk.GetImageFromArray(blob), str(folder / "labelsTr" / f"blob_{case}.nii.gz"))
    description = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "blob": 1},
        "numTraining": 5,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, hooked_in):
    root = tmp_path_factory.mktemp("nnunet")
    _make_dataset(root / "raw" / "Dataset001_Blobs")
    settings = {f"nnUNet_{name}": str(root / name) for name in ("raw", "preprocessed", "results")}
    settings |= {"nnUNet_n_proc_DA": "2", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    prepare = Path(sys.executable).with_name("nnUNetv2_plan_and_preprocess")
    arguments = ("-d", "1", "-c", "3d_fullres", "-np", "1", "-npfp", "1")
    subprocess.run([prepare, *arguments], env=os.environ | settings, check=True, capture_output=True, timeout=300)
    (root / "train.py").write_text(TRAIN)
    hooked = hooked_in(root)
    return hooked, hooked.run(root / "train.py", **settings)


def test_the_training_ends_as_it_would_have(trained):
    _, done = trained
    assert done.returncode == 0, done.stderr
    assert "Validation complete" in done.stdout
    assert "holter" not in done.stdout + done.stderr


def test_it_goes_through_its_phases(trained):
    hooked, _ = trained
    phases = [line["phase"] for line in hooked.lines("phase")]
    epochs = [line["epoch"] for line in hooked.lines("phase") if line["phase"] == "train"]
    assert phases[:4] == ["startup", "train", "validate", "checkpoint"]
    assert phases[-2:] == ["final-validation", "shutdown"]
    assert epochs == [0, 1]
    assert [line["what"] for line in hooked.lines("finished")] == ["run_training", "perform_actual_validation"]
    assert hooked.lines("exception") == hooked.lines("note") == []


def test_every_worker_and_export_worker_ended_as_expected(trained):
    hooked, _ = trained
    ended = hooked.lines("worker-ended")
    roles = [line["role"] for line in ended]
    assert roles.count("train-worker") == 2 and roles.count("val-worker") == 1 and "export-worker" in roles
    assert all(line["expected"] and line["by_parent"] for line in ended)


def test_the_page_tells_what_is_trained(trained):
    from holter.hook import page

    hooked, _ = trained
    pages = [path.read_bytes() for path in hooked.scratch.glob("beat-*")]
    (raw,) = [raw for raw in pages if (seen := page.decode(raw)) is not None and seen.role == "main"]
    info, seen = page.decode_info(raw), page.decode(raw)
    assert info is not None and seen is not None
    expected = {"trainer": "Short", "dataset": "Dataset001_Blobs", "fold": 0, "num_epochs": 2, "train_iterations": 4}
    assert expected.items() <= info.items()
    assert (info["train_workers"], info["val_workers"], info["compiled"]) == (2, 1, False)
    assert Path(str(info["log_file"])).is_file() and Path(str(info["preprocessed_folder"])).is_dir()
    # Two batches drawn in advance, and 4 + 2 in each of two epochs.
    assert seen.steps_total == 14


def test_export_workers_beat_in_their_own_pages(trained):
    from holter.hook import page

    hooked, _ = trained
    pages = [page.decode(path.read_bytes()) for path in hooked.scratch.glob("beat-*")]
    assert sum(seen.steps_total for seen in pages if seen and seen.role == "export-worker") == 1  # one case
    assert HeartbeatProbe(hooked.scratch, 0.0).read(0.0).samples == ()  # and all are gone
