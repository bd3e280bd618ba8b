"""A real nnU-Net training to the end of its final validation, under the hook."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.demo.prepare import DATASET_NAME, Prepared
from holter.probes.training.heartbeat import HeartbeatProbe

pytestmark = pytest.mark.training

OPTIONS = ("--epochs", "2", "--iterations", "4", "--val-iterations", "2")
CASES = 2  # of the fold's validation


@pytest.fixture(scope="module")
def trained(brain: Prepared, tmp_path_factory, hooked_in):
    root = tmp_path_factory.mktemp("nnunet")
    settings = brain.environment() | {"nnUNet_results": str(root), "nnUNet_n_proc_DA": "2", "nnUNet_def_n_proc": "1"}
    hooked = hooked_in(root)
    return hooked, hooked.run(*brain.command(*OPTIONS)[1:], **settings)


def test_the_training_ends_as_it_would_have(trained):
    _, done = trained
    assert done.returncode == 0, done.stderr
    assert "Validation complete" in done.stdout
    assert "holter" not in done.stdout + done.stderr


def test_it_goes_through_its_phases(trained):
    hooked, _ = trained
    phases = [line["phase"] for line in hooked.lines("phase")]
    epochs = [line["epoch"] for line in hooked.lines("phase") if line["phase"] == "train"]
    assert phases[:6] == ["startup", "train", "epoch-end", "validate", "epoch-end", "checkpoint"]
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
    expected = {
        "trainer": "nnUNetTrainer", "dataset": DATASET_NAME, "fold": 0, "num_epochs": 2, "train_iterations": 4,
    }  # fmt: skip
    assert expected.items() <= info.items()
    assert (info["train_workers"], info["val_workers"], info["compiled"]) == (2, 1, False)
    assert Path(str(info["log_file"])).is_file() and Path(str(info["preprocessed_folder"])).is_dir()
    # Two batches drawn in advance, and 4 + 2 in each of two epochs.
    assert seen.steps_total == 14


def test_export_workers_beat_in_their_own_pages(trained):
    from holter.hook import page

    hooked, _ = trained
    pages = [page.decode(path.read_bytes()) for path in hooked.scratch.glob("beat-*")]
    assert sum(seen.steps_total for seen in pages if seen and seen.role == "export-worker") == CASES
    assert HeartbeatProbe(hooked.scratch, 0.0).read(0.0).samples == ()  # and all are gone
