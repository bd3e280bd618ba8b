"""``holter tune`` on generated brains, what it leaves when it is stopped, and what it says if it cannot compare."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.conftest import HOLTER, LIMIT_S, Run, contents
from holter.bench.training import find_training
from holter.bench.tuning.tune import present_choice
from holter.demo.prepare import CONFIGURATION, DATASET_NAME
from holter.doctor.records import Asked
from holter.errors import BadInput
from holter.reports.catalogue import phrase

ASKED = Asked(dataset=DATASET_NAME, configuration=CONFIGURATION)


@pytest.mark.long
def test_settings_are_compared_and_written_and_nothing_is_left_or_changed(holter: Run, tmp_path: Path) -> None:
    before = contents(tmp_path / "nnUNet_preprocessed")
    (tmp_path / "holter.toml").write_text('[environment]\nnnUNet_n_proc_DA = 1  # ours\n[config]\nlang = "zh"\n')
    options = ("--seconds", "5", "--anyway", "--json", "--write", "holter.toml")
    done = holter("tune", "801", CONFIGURATION, *options)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    tuned = report["tuned"]
    assert tuned["present"] == {"loader": "stock", "readers": min(2, os.cpu_count() or 1)}  # a variable is stronger
    assert {trial["candidate"]["loader"] for trial in tuned["trials"]} == {"stock", "holter"}
    assert all(trial["per_s"] > 0 and trial["blocks"] >= 1 for trial in tuned["trials"])
    assert tuned["chosen"] in [trial["candidate"] for trial in tuned["trials"]]
    assert report["command"].endswith(f"--loader {tuned['chosen']['loader']}")
    written = (tmp_path / "holter.toml").read_text()
    assert f'loader = "{tuned["chosen"]["loader"]}"' in written and '[config]\nlang = "zh"' in written
    for line in report["exports"]:
        name, value = line.removeprefix("export ").split("=")
        assert f"{name} = {value}" in written
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "nnUNet_results").iterdir()) == []
    assert contents(tmp_path / "nnUNet_preprocessed") == before


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_in_the_middle_it_leaves_no_folder_and_no_process(
    environment: dict[str, str], tmp_path: Path, number: int, code: int
) -> None:
    command = [*HOLTER, "tune", "801", CONFIGURATION, "--anyway", "--lang", "en", "--python", sys.executable]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=said, stderr=said)
    scratch = wait_for(lambda: next((each for each in (tmp_path / "tmp").iterdir()), None))
    events = scratch / "events.jsonl"
    wait_for(lambda: events.exists() and "blocks" in events.read_text())  # a worker works, or a thread
    ours = psutil.Process(process.pid).children(recursive=True)
    assert len(ours) >= 2
    process.send_signal(number)
    assert process.wait(LIMIT_S) == code
    wait_for(lambda: not any((tmp_path / "tmp").iterdir()))
    wait_for(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in ours))
    assert list((tmp_path / "nnUNet_results").iterdir()) == []


def wait_for(look: Any) -> Any:
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        try:
            found = look()
        except (psutil.NoSuchProcess, FileNotFoundError):
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain")


@pytest.mark.slow
def test_names_that_do_not_exist_are_answered_with_this_command(holter: Run) -> None:
    assert "holter tune 801 3d_fullres" in holter("tune", "801", "3d_fullre", "--anyway").stderr


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (("nnUNet_n_proc_DA", "many"), "nnUNet_n_proc_DA=many is not a whole number"),
        (("HOLTER_LOADER_THREADS", "0"), "HOLTER_LOADER_THREADS=0: there must be at least one"),
        (("HOLTER_LOADER_BATCHES", "0"), "HOLTER_LOADER_BATCHES=0: there must be at least one"),
    ],
)
def test_a_variable_that_stops_every_training_is_named_not_the_trainer(variable: tuple[str, str], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_training(ASKED, "tune", 5.0, "cpu", dict([variable]), anyway=True)
    assert said in phrase(caught.value.what, "en")
    assert caught.value.next_step == f"unset {variable[0]}"


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(holter: Run, tmp_path: Path) -> None:
    done = holter("tune", "801", CONFIGURATION, "--anyway", "--write", "nowhere/holter.toml")
    assert done.returncode == 2
    assert "nowhere/holter.toml cannot be written: no such folder" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_present_loader_is_that_of_the_file_then_the_one_that_auto_has_kept(tmp_path: Path) -> None:
    for name in ("raw", "preprocessed", "results"):
        (tmp_path / name / DATASET_NAME).mkdir(parents=True)
    environ = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    assert present_choice(ASKED, environ, None) == ("stock", None)
    fold = tmp_path / "results" / DATASET_NAME / f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_0"
    fold.mkdir(parents=True)
    kept = fold / "holter_loader.json"
    kept.write_text(json.dumps({"loader": "holter", "threads": 3}))
    assert present_choice(ASKED, environ, None) == ("holter", 3)
    assert present_choice(ASKED, environ, "auto") == ("holter", 3)
    assert present_choice(ASKED, environ, "stock") == ("stock", None)
    kept.write_text("[]")
    assert present_choice(ASKED, environ, None) == ("stock", None)
    assert present_choice(ASKED, environ, "holter") == ("holter", None)
