"""The report of a study: the scores are nnU-Net's, what is not known is a dash, and the page needs no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.errors import TapeExists
from holter.study.report.page import page
from holter.study.report.scores import label_names, mean_and_spread, scores_of
from study.conftest import DATASET, World


def summary(folder: Path, *, dice: float, labels: dict[str, float], cases: int = 52) -> None:
    means = {label: {"Dice": value, "IoU": value / 2} for label, value in labels.items()}
    content = {"foreground_mean": {"Dice": dice, "IoU": dice / 2}, "mean": means, "metric_per_case": [{}] * cases}
    (folder / "validation/summary.json").write_text(json.dumps(content))


def studied(world: World) -> str:
    """Two configurations: one done with an odd fold, of the other something runs, is broken and missing."""
    dataset = Path(world.environ["nnUNet_preprocessed"]) / DATASET / "dataset.json"
    labels = {"background": 0, "Anterior": 1, "Posterior": 2}
    dataset.write_text(json.dumps({"channel_names": {"0": "MRI"}, "labels": labels}))
    for fold, dice in zip("01234", (0.891, 0.896, 0.842, 0.894, 0.899), strict=True):
        folder = world.done("3d_fullres", fold)
        summary(folder, dice=dice, labels={"1": dice + 0.01, "2": dice - 0.01})
        world.log(folder, 1000, seconds=61.0, loss=-0.85)
        lost = {"slow-storage": 1200.0, "frozen-worker": 340.0} if fold == "2" else {"external-kill": 95.0}
        began, ended = "2026-11-28T10:00:00+00:00", "2026-11-29T03:30:00+00:00"
        world.entry(
            folder, state="finished", stopped=2 if fold == "2" else 1, lost_s=sum(lost.values()), lost_by_cause=lost,
            began=began, ended=ended, good_s=60_000.0 - 2000 * (fold == "2"), gpus=1, energy_kwh=5.2,
            epochs_planned=1000,
        )  # fmt: skip
    world.log(world.fold("2d", "0", "checkpoint_latest.pth"), 300, seconds=20.0)
    folder = world.fold("2d", "1", "checkpoint_latest.pth")
    from holter.records import Message

    world.entry(folder, state="gave-up", headline=Message(key="outcome.gave-up", values=()), stopped=4, lost_s=7200.0)
    cells = (*world.cells("3d_fullres"), *world.cells("2d"))
    return page(cells, (), world.environ, "en")


def test_the_page_shows_the_scores_of_every_fold_and_marks_the_lowest(world: World) -> None:
    shown = studied(world)
    for value in ("0.8910", "0.8960", "0.8940", "0.8990", "0.8844 ± 0.0239", "Anterior", "0.8520", "52"):
        assert value in shown, value
    assert re.findall(r'class="low">([\d.]+)', shown) == ["0.8420", "0.8520", "0.8320"]
    assert "87.5 GPU hours" in shown and "26.00 kWh" in shown
    assert "nnUNetv2_find_best_configuration" not in shown, "2d is not done"
    assert f"holter train {DATASET} 2d 2" in shown
    assert "http://" not in shown and "https://" not in shown


def test_what_is_not_known_is_a_dash_and_the_page_of_an_empty_study_is_whole(world: World) -> None:
    shown = page(world.cells("2d"), (), world.environ, "zh")
    assert shown.rstrip().endswith("</html>") and "–" in shown and "NaN" not in shown


def test_scores_that_cannot_be_read_are_no_scores(world: World) -> None:
    folder = world.done("2d", "0")
    for text in ("", "[]", '{"foreground_mean": {"Dice": NaN}, "mean": 3}', '{"mean": {"1": {"Dice": "x"}}}'):
        (folder / "validation/summary.json").write_text(text)
        scores = scores_of(folder)
        assert scores is None or (scores.foreground is None and not any(scores.labels.values()))
    assert mean_and_spread([0.5, None]) is None
    assert mean_and_spread([0.5, None, 0.7]) == pytest.approx((0.6, 0.141421), 1e-4)
    assert label_names(folder / "nothing.json") == {}


def test_names_of_regions_are_those_of_the_data_set(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"labels": {"background": 0, "whole": [1, 2], "core": [2]}}))
    assert label_names(file) == {"0": "background", "(1, 2)": "whole", "(2,)": "core"}


def test_finish_writes_it_and_overwrites_nothing(world: World) -> None:
    file = world.folder / "study.html"
    words = ["study", "finish", "4", "-c", "2d", "--report", str(file), "--lang", "en"]
    done = CliRunner().invoke(app, words, env=world.environ)
    assert done.exit_code == 1 and str(file) in done.stdout and "<h1>" in file.read_text()
    again = CliRunner().invoke(app, words, env=world.environ)
    assert isinstance(again.exception, TapeExists)
    assert CliRunner().invoke(app, [*words, "--force"], env=world.environ).exit_code == 1
