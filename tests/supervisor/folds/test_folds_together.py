"""``for f in 0 1 2 3 4; do holter train … $f & done``: all start, wait for each other, and come to their end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared
from holter.tape import read
from needs import needs

pytestmark = pytest.mark.training

TRAINERS = Path(__file__).parents[1] / "own_trainer"
CASES = f"nnUNetPlans_{CONFIGURATION}"
PACK = """
import sys
from pathlib import Path
import numpy
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
folder = Path(sys.argv[1])
cases = nnUNetDatasetBlosc2(str(folder))
for case in cases.identifiers:
    data, seg, *_ = cases.load_case(case)
    numpy.savez_compressed(folder / f"{case}.npz", data=data[:], seg=seg[:])
for file in folder.glob("*.b2nd"):
    file.unlink()
"""


class Folds:
    """Trainings of one data set of their own, started in one folder."""

    def __init__(self, folder: Path, brain: Prepared, trainer: str, *, has_split: bool) -> None:
        self.folder, self.trainer = folder, trainer
        self.data = folder / "preprocessed" / DATASET_NAME
        ignored = shutil.ignore_patterns("gt_segmentations", *([] if has_split else ["splits_final.json"]))
        shutil.copytree(brain.preprocessed / DATASET_NAME, self.data, copy_function=os.link, ignore=ignored)
        for name in ("results", "cwd"):
            (folder / name).mkdir()
        self.variables = {
            **os.environ,
            **brain.environment(),
            "HOLTER_LOADER": "stock",  # what is tried here has nothing to do with the choice of a loader
            "nnUNet_preprocessed": str(folder / "preprocessed"),
            "nnUNet_results": str(folder / "results"),
            "nnUNet_extTrainer": str(TRAINERS),
            "nnUNet_n_proc_DA": "0",
            "SHARE_HANGS": str(folder / "share-hangs"),
        }

    def start(self, fold: int, *command: str) -> subprocess.Popen[bytes]:
        words = (*command, DATASET_NAME, CONFIGURATION, str(fold), "-tr", self.trainer, "-device", "cpu")
        with (self.folder / f"console-{fold}").open("wb") as out:
            return subprocess.Popen(
                words, env=self.variables, cwd=self.folder / "cwd", stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def told(self, fold: int) -> str:
        return (self.folder / f"console-{fold}").read_text(errors="replace")

    def ours(self, fold: int) -> list[str]:
        return [line for line in self.told(fold).splitlines() if line.startswith("holter:")]

    def results(self, fold: int) -> Path:
        model = f"{self.trainer}__nnUNetPlans__{CONFIGURATION}"
        return self.folder / "results" / DATASET_NAME / model / f"fold_{fold}"

    def locks(self) -> list[str]:
        return [file.name for file in self.folder.rglob("*.lock*")]


def until(look: Callable[[], bool], process: subprocess.Popen[bytes], folds: Folds, fold: int) -> None:
    end_s = time.monotonic() + 200
    while not look():
        assert process.poll() is None and time.monotonic() < end_s, folds.told(fold)[-3000:]
        time.sleep(0.1)


HOLTER = (sys.executable, "-m", "holter", "train")
STOCK = (sys.executable, "-m", "holter.trainer.entry")  # nnU-Net alone: without Holter above, nothing of it is changed


@pytest.mark.long
def test_five_folds_that_start_in_one_folder_in_the_same_second_all_end_well(brain, tmp_path):
    folds = Folds(tmp_path, brain, "nnUNetTrainerBrief", has_split=False)
    many = [folds.start(fold, *HOLTER) for fold in range(5)]
    until_s = time.monotonic() + 300
    while not any((folds.results(fold) / "checkpoint_final.pth").exists() for fold in range(5)):
        assert time.monotonic() < until_s, [folds.told(fold)[-500:] for fold in range(5)]
        time.sleep(0.2)
    assert not [lock for lock in folds.locks() if lock.startswith("holter-")]  # all are at work
    assert [process.wait(300) for process in many] == [0] * 5, [folds.told(fold)[-2000:] for fold in range(5)]

    tapes = sorted((tmp_path / "cwd").iterdir())
    assert [tape.name.partition("-fold")[2][0] for tape in tapes] == ["0", "1", "2", "3", "4"]
    for fold, (tape, process) in enumerate(zip(tapes, many, strict=True)):
        assert re.fullmatch(
            rf"Dataset801-3d_fullres-fold{fold}-[\w.]+-\d{{8}}-\d{{6}}-{process.pid}\.holter", tape.name
        )
        recording = read(tape)
        assert recording.finished
        assert recording.environment.output_folder == str(folds.results(fold))
        assert (folds.results(fold) / "checkpoint_final.pth").exists()
    assert len(json.loads((folds.data / "splits_final.json").read_text())) == 5
    waits = [re.findall(r"fold \d waits for fold (\d) \(PID (\d+) on", "\n".join(folds.ours(n))) for n in range(5)]
    (first,) = [fold for fold in range(5) if not waits[fold]]
    assert all(whom == [(str(first), str(many[first].pid))] for fold, whom in enumerate(waits) if fold != first)
    assert folds.locks() == []


@pytest.mark.sample
@pytest.mark.root
@needs("root", "unshare")
def test_folds_in_containers_that_see_no_process_of_each_other_wait_as_well(brain, tmp_path):
    """A Slurm array on one name, or containers on a cluster: every Holter is PID 1 of the same host."""
    folds = Folds(tmp_path, brain, "nnUNetTrainerBrief", has_split=False)
    container = ("unshare", "--pid", "--fork", "--mount-proc")
    if subprocess.run([*container, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this container may not make namespaces")
    many = [folds.start(fold, *container, *HOLTER) for fold in range(2)]
    assert [process.wait(300) for process in many] == [0, 0], [folds.told(fold)[-2000:] for fold in range(2)]
    assert len([*(tmp_path / "cwd").glob("*.holter")]) == 2
    waits = [line for fold in range(2) for line in folds.ours(fold) if " waits for fold " in line]
    assert len(waits) == 1 and "(PID 1 on " in waits[0]
    assert folds.locks() == []


@pytest.mark.long
def test_cases_that_one_fold_unpacks_are_not_read_half_written_by_another(brain, tmp_path):
    folds = Folds(tmp_path, brain, "nnUNetTrainerSlowShare", has_split=True)
    subprocess.run([sys.executable, "-c", PACK, str(folds.data / CASES)], env=folds.variables, check=True)

    hangs = Path(folds.variables["SHARE_HANGS"])
    hangs.touch()
    first = folds.start(0, *STOCK)
    until(lambda: [*(folds.data / CASES).glob("*_seg.npy")] != [], first, folds, 0)
    second = folds.start(1, *STOCK)
    assert second.wait(200) == 1
    assert "mmap length is greater than file size" in folds.told(1)
    hangs.unlink()
    assert first.wait(200) == 0

    for file in (folds.data / CASES).glob("*.npy"):
        file.unlink()
    shutil.rmtree(folds.folder / "results" / DATASET_NAME)
    hangs.touch()
    both = [folds.start(fold, *HOLTER) for fold in range(2)]
    until(lambda: [*(folds.data / CASES).glob("*_seg.npy")] != [], both[0], folds, 0)
    until(lambda: " waits for fold " in folds.told(0) + folds.told(1), both[0], folds, 1)
    time.sleep(3)
    assert sum(results.exists() for results in (folds.results(0) / "debug.json", folds.results(1) / "debug.json")) == 0
    hangs.unlink()
    assert [training.wait(200) for training in both] == [0, 0], folds.told(0)[-2000:] + folds.told(1)[-2000:]
    told = "\n".join([*folds.ours(0), *folds.ours(1)])
    waits = r"fold \d waits for fold \d \(PID \d+ on .*\), which unpacks the data; cases left: 10"
    assert len(re.findall(waits, told)) == 1
    assert len(re.findall(r"fold \d goes on after .*: the data are unpacked", told)) == 1
    assert "Ended" not in told and "restarting" not in told
    assert folds.locks() == []
