"""Where healing is on, what nnU-Net cuts out of a read-only memory map can be written to; else nothing is changed."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from needs import imported

imported("nnunetv2")

# The two lines of nnU-Net's data loader and what an augmentation does then, for each start that is given; with how many
# notes the hook has written so far.
PROGRAM = """
import glob, json, os, sys
import numpy as np, torch
from nnunetv2.training.dataloading import data_loader
case = np.load(sys.argv[1], mmap_mode="r")
for start in sys.argv[2:]:
    cut = data_loader.crop_and_pad_nd(case, [[1, 5], [1, 5], [int(start), 5]], 0)
    tensor = torch.from_numpy(cut).float()
    before = tensor.sum().item()
    tensor.mul_(2)
    events = [open(file).read() for file in glob.glob(os.environ.get("HOLTER_SCRATCH", "") + "/events-*.jsonl")]
    notes = sum('"kind": "note"' in line for text in events for line in text.splitlines())
    print(json.dumps([before, tensor.sum().item(), data_loader.crop_and_pad_nd.__module__, notes]))
"""


@pytest.fixture
def case(tmp_path):
    file = tmp_path / "case.npy"
    np.save(file, np.arange(1000, dtype=np.float32).reshape(1, 10, 10, 10))
    return file


@pytest.mark.slow
def test_a_part_inside_the_case_can_be_written_to_and_the_file_stays_as_it_was(hooked, case):
    """One that reaches beyond the case is a copy already, of which nothing is noted."""
    inside, beyond = (float(np.load(case)[0, 1:5, 1:5, start:5].sum()) for start in (1, 0))
    done = hooked.run("-c", PROGRAM, case, "-1", "1", HOLTER_HEAL="workers")
    assert done.returncode == 0, done.stderr
    module = "acvl_utils.cropping_and_padding.bounding_boxes"
    cuts = [json.loads(line) for line in done.stdout.splitlines()]
    assert cuts == [[beyond, 2 * beyond, module, 0], [inside, 2 * inside, module, 1]]
    assert np.array_equal(np.load(case).ravel(), np.arange(1000))
    assert [note["what"] for note in hooked.lines("note")] == ["read-only-data-copied"]


@pytest.mark.slow
def test_without_healing_the_training_crashes_as_it_would_without_holter(hooked, case):
    """As long as this fails, nnU-Net needs the copy; where it passes no more, it was mended there."""
    for hook in (True, False):
        assert hooked.run("-c", PROGRAM, case, "1", hook=hook).returncode == -signal.SIGSEGV
    assert [note["what"] for note in hooked.lines("note")] == ["read-only-data"]
