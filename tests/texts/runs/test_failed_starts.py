"""A start that fails at once prints no header and no time: it is not the end of the training above it."""

from __future__ import annotations

import pytest
from tests.diagnosis.test_earlier_starts import OUT_OF_MEMORY, cut, told, whole

from holter.texts.runs.failed_start import FailedStarts

ENTRY = """Traceback (most recent call last):
  File "/opt/env/bin/nnUNetv2_train", line 8, in <module>
    sys.exit(run_training_entry())
  File "/x/nnunetv2/run/run_training.py", line 268, in run_training_entry
    run_training(args.dataset_name_or_id, args.configuration, args.fold, args.tr, args.p, args.pretrained_weights,
  File "/x/nnunetv2/run/run_training.py", line 198, in run_training
"""
PLANS = f"""{ENTRY}    nnunet_trainer = get_trainer_from_args(dataset_name_or_id, configuration, fold,
  File "/x/nnunetv2/run/run_training.py", line 62, in get_trainer_from_args
    plans = load_json(plans_file)
FileNotFoundError: [Errno 2] No such file or directory: '/p/Dataset004/nnUNetPlans.json'
"""
FIRST_STEP = f"""{ENTRY}    nnunet_trainer.run_training()
  File "/x/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1371, in run_training
    self.on_train_start()
  File "/x/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 900, in on_train_start
    self.initialize()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
"""
IN_STEP = f"""{ENTRY}    nnunet_trainer.run_training()
  File "/x/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1371, in run_training
    train_outputs.append(self.train_step(next(self.dataloader_train)))
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
"""
NOT_INSTALLED = """Traceback (most recent call last):
  File "/home/u/train_all.py", line 3, in <module>
    import nnunetv2
ModuleNotFoundError: No module named 'nnunetv2'
"""
OLD_PLANS = "\n############\nINFO: You are using the old nnU-Net default plans. We have updated.\n############\n\n"
VALIDATION = f"""{ENTRY}    nnunet_trainer.perform_actual_validation(export_validation_probabilities)
  File "/x/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1300, in perform_actual_validation
    metrics = compute_metrics_on_folder(a)
OSError: [Errno 28] No space left on device
"""
OWN_UPLOAD = """Traceback (most recent call last):
  File "/home/u/train_all.py", line 30, in <module>
    upload(folder)
OSError: [Errno 28] No space left on device
"""
RANKS = f"""{ENTRY}    mp.spawn(run_ddp,
  File "/x/torch/multiprocessing/spawn.py", line 340, in spawn
    return start_processes(fn, args)
OSError: [Errno 28] No space left on device
"""


@pytest.mark.parametrize(
    "text",
    [
        PLANS,
        FIRST_STEP,
        IN_STEP,
        NOT_INSTALLED,
        OLD_PLANS + PLANS,
        PLANS + FIRST_STEP,
        "\n" + PLANS.replace("\n", "\r\n"),
    ],
    ids=["plans", "first-step", "in-step", "not-installed", "old-plans", "twice", "windows"],
)
def test_a_start_below_a_finished_training_dies_at_its_own_beginning(text: str) -> None:
    (diagnosis,) = told(whole(0) + text).diagnoses
    assert (diagnosis.episode.kind, diagnosis.episode.phase) == ("death", "startup")


@pytest.mark.parametrize("text", [VALIDATION, OWN_UPLOAD, RANKS], ids=["validation", "own-code", "ranks"])
def test_what_fails_after_the_last_sentence_is_the_end_of_that_training(text: str) -> None:
    (diagnosis,) = told(whole(0) + text).diagnoses
    assert (diagnosis.episode.kind, diagnosis.episode.phase) == ("death", "shutdown")


def test_a_start_below_a_training_that_was_killed_is_judged_and_its_cut_log_is_not() -> None:
    (diagnosis,) = told(cut(0) + PLANS).diagnoses
    assert (diagnosis.episode.kind, diagnosis.episode.phase) == ("death", "startup")
    result = told(cut(0) + OUT_OF_MEMORY + PLANS)
    assert [each.episode.phase for each in result.diagnoses] == ["startup"]
    assert any(note.key == "target.earlier-start" for note in result.notes)


def test_an_error_in_the_middle_of_a_training_begins_none() -> None:
    (diagnosis,) = told(cut(0) + IN_STEP).diagnoses
    assert (diagnosis.episode.kind, diagnosis.episode.phase) == ("death", "train")


def test_a_start_that_failed_before_one_that_finished_is_only_mentioned() -> None:
    result = told(whole(0) + PLANS + whole(1))
    assert result.diagnoses == ()
    assert [note.key for note in result.notes if "earlier" in note.key] == ["target.earlier-start"]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_every_line_comes_once_and_in_order_wherever_the_text_is_cut(size: int) -> None:
    starts, lines = FailedStarts(), (PLANS + "and so on\n" + VALIDATION + PLANS[:300]).splitlines(keepends=True)
    starts.has_ended = True
    came = [pair for n in range(0, len(lines), size) for pair in starts.divide(lines[n : n + size])]
    came += starts.rest()
    assert [line for line, _ in came] == lines
    assert [number for number, (_, begins) in enumerate(came) if begins] == [
        0,
        len(lines) - len(PLANS[:300].splitlines()),
    ]


def test_a_traceback_without_end_is_not_held_for_ever() -> None:
    starts = FailedStarts()
    starts.has_ended = True
    lines = ["Traceback (most recent call last):\n", *['  File "a.py", line 1, in f\n'] * 1000]
    assert len(list(starts.divide(lines))) >= 1000 - 200
