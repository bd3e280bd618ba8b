"""Errors before the first step, as nnunetv2 2.8.1 printed them: what could not be found, and never ``--c``."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnosis.test_error_texts import leads, told_by
from diagnosis.test_what_failed import said
from holter.diagnosis.result import DiagnosisResult
from holter.diagnosis.targets import diagnose_target
from holter.records import Environment
from holter.remedies import propose
from holter.remedies.next_checks import next_checks
from holter.reports.markdown import to_markdown

COMMAND = ("nnUNetv2_train", "910", "3d_fullres", "0")
STARTED = (
    "Traceback (most recent call last):\n"
    '  File "/venv/bin/nnUNetv2_train", line 8, in <module>\n    sys.exit(run_training_entry())\n'
    '  File "/nnunetv2/run/run_training.py", line 259, in run_training_entry\n    run_training(args.fold)\n'
)
RUN = '  File "/nnunetv2/run/run_training.py", line 185, in run_training\n    nnunet_trainer = get()\n'
GET = RUN + '  File "/nnunetv2/run/run_training.py", line 53, in get_trainer_from_args\n    plans = load_json()\n'
LOAD = RUN + '  File "/nnunetv2/run/run_training.py", line 82, in maybe_load_checkpoint\n    load()\n'
INFER = (
    '  File "/nnunetv2/run/run_training.py", line 207, in run_training\n    nnunet_trainer.run_training()\n'
    '  File "/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1354, in run_training\n    self.start()\n'
    '  File "/nnunetv2/training/dataloading/nnunet_dataset.py", line 484, in infer_dataset_class\n    subfiles()\n'
)
WEIGHTS = '  File "/nnunetv2/run/load_pretrained_weights.py", line 22, in load_pretrained_weights\n    load()\n'
NO_ID = "RuntimeError: Could not find a dataset with the ID 910. Make sure the requested dataset ID exists.\n"
NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory: '/pre/Dataset910_A"
TEXTS = {
    "dataset-unknown": f"{GET}{NO_ID}nnUNet_preprocessed=/pre\nnnUNet_results=/res\nnnUNet_raw=/raw",
    "no-paths": f"{GET}{NO_ID}nnUNet_preprocessed=None\nnnUNet_results=None\nnnUNet_raw=None",
    "dataset-ambiguous": f"{GET}RuntimeError: More than one dataset name found for dataset id 910. Please correct it.",
    "no-plans": f"{GET}{NO_FILE}/nnUNetResEncUNetLPlans.json'",
    "no-configuration": f"{GET}RuntimeError: Requested configuration 3d_lowres not found in plans. Available: ['2d']",
    "no-trainer": f"{GET}RuntimeError: Could not find requested nnunet trainer nnUNetTrainerFoo in nnunetv2.training",
    "not-preprocessed": f"{INFER}{NO_FILE}/nnUNetPlans_3d_fullres'",
    "no-pretrained": f"{LOAD}{WEIGHTS}FileNotFoundError: [Errno 2] No such file or directory: '/none.pth'",
    "unfinished": f"{LOAD}RuntimeError: Cannot run validation because the training is not finished yet!",
    "arguments": (
        '  File "/nnunetv2/run/run_training.py", line 151, in run_training\n    fold = int(fold)\n'
        "ValueError: invalid literal for int() with base 10: 'five'"
    ),
}
# The same command would fail again.
ANOTHER_COMMAND = ("no-configuration", "no-trainer", "no-pretrained", "unfinished", "arguments")


def read(text: str, folder: Path) -> DiagnosisResult:
    console = folder / "console.txt"
    console.write_text(STARTED + text + "\n", encoding="utf-8")
    return diagnose_target(str(console), tell_observed=lambda t_s: None)


def offered(told: DiagnosisResult) -> dict[str, str | None]:
    environment = Environment(wall_start="2026-01-01T00:00:00+00:00", command=COMMAND)
    cause = leads(told)[0]
    remedies = dict(propose(told.diagnoses[0], environment, is_over=True).remedies)[cause]
    return {remedy.id: remedy.command for remedy in remedies}


@pytest.mark.parametrize("kind", TEXTS)
def test_what_could_not_be_found_is_named_and_nothing_is_continued(kind: str, tmp_path: Path) -> None:
    told = read(TEXTS[kind], tmp_path)
    assert leads(told) == ("main-exception", "likely")
    assert kind in {finding.text for finding in told.diagnoses[0].verdicts[0].supports}
    helps = offered(told)
    assert not [command for command in helps.values() if command and "--c" in command.split()]
    assert ("start-again" in helps) == (kind not in ANOTHER_COMMAND)
    assert helps.get("start-again", " ".join(COMMAND)) == " ".join(COMMAND)


def test_no_look_at_the_machine_is_asked_for_where_the_message_says_it_all(tmp_path: Path) -> None:
    assert next_checks(read(TEXTS["dataset-unknown"], tmp_path).diagnoses[0]) == ()


def test_folders_that_are_not_set_are_told_from_a_number_that_is_wrong(tmp_path: Path) -> None:
    assert "the folders of nnU-Net are not set" in said(read(TEXTS["no-paths"], tmp_path))
    assert "finds no data set of this number" in said(read(TEXTS["dataset-unknown"], tmp_path))


def test_any_error_before_the_first_step_starts_again_and_one_of_a_later_step_continues(tmp_path: Path) -> None:
    early = read(f"{GET}KeyError: 'labels'", tmp_path)
    assert offered(early)["start-again"] == "nnUNetv2_train 910 3d_fullres 0"
    later = told_by(f"{STARTED}{INFER}{TEXTS['arguments']}".replace("infer_dataset_class", "train_step"), tmp_path)
    assert "start-again" not in offered(later)


def test_the_summary_for_an_issue_keeps_the_command_as_it_runs(tmp_path: Path) -> None:
    told = read(TEXTS["dataset-unknown"], tmp_path)
    written = to_markdown(told.recording, told.diagnoses, "en", is_run=False)
    assert 'ls "$nnUNet_raw" "$nnUNet_preprocessed" "$nnUNet_results"' in written
    assert "call last" not in written
