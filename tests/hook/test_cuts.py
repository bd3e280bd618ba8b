"""Where healing is on, what nnU-Net cuts out of a read-only memory map can be written to; else nothing is changed."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from needs import imported

imported("nnunetv2")

# The two lines of nnU-Net's data loader and what an augmentation does then.
PROGRAM = """
import json, sys
import numpy as np, torch
from nnunetv2.training.dataloading import data_loader
case = np.load(sys.argv[1], mmap_mode="r")
cut = data_loader.crop_and_pad_nd(case, [[1, 5], [1, 5], [int(sys.argv[2]), 5]], 0)
tensor = torch.from_numpy(cut).float()
before = tensor.sum().item()
tensor.mul_(2)
print(json.dumps([before, tensor.sum().item(), data_loader.crop_and_pad_nd.__module__]))
"""


@pytest.fixture
def case(tmp_path):
    file = tmp_path / "case.npy"
    np.save(file, np.arange(1000, dtype=np.float32).reshape(1, 10, 10, 10))
    return file


def test_a_part_inside_the_case_can_be_written_to_and_the_file_stays_as_it_was(hooked, case):
    wanted = float(np.load(case)[0, 1:5, 1:5, 1:5].sum())
    done = hooked.run("-c", PROGRAM, case, "1", HOLTER_HEAL="workers")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [wanted, 2 * wanted, "acvl_utils.cropping_and_padding.bounding_boxes"]
    assert np.array_equal(np.load(case).ravel(), np.arange(1000))
    assert [note["what"] for note in hooked.lines("note")] == ["read-only-data-copied"]


def test_a_part_that_reaches_beyond_the_case_is_a_copy_already(hooked, case):
    done = hooked.run("-c", PROGRAM, case, "-1", HOLTER_HEAL="workers")
    assert done.returncode == 0, done.stderr
    assert hooked.lines("note") == []


@pytest.mark.slow
def test_without_healing_the_training_crashes_as_it_would_without_holter(hooked, case):
    """As long as this fails, nnU-Net needs the copy; where it passes no more, it was mended there."""
    for hook in (True, False):
        assert hooked.run("-c", PROGRAM, case, "1", hook=hook).returncode == -signal.SIGSEGV
    assert [note["what"] for note in hooked.lines("note")] == ["read-only-data"]
