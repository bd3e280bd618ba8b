"""``holter study`` as it is typed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holter.cli import app
from holter.errors import BadInput, FolderNotWritable
from holter.records import Message
from holter.reports.catalogue import phrase
from holter.supervisor.folds.fold_lock import FoldLock
from study.conftest import DATASET, World


def typed(world: World, words: str) -> str:
    done = CliRunner().invoke(app, ["study", *words.split()], env=world.environ)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_plan_prints_the_matrix_the_commands_and_the_next_one(world: World) -> None:
    world.done("2d", "0")
    shown = typed(world, "plan 4 -c 2d 3d_fullres -f 0-1 --lang en -- --npz")
    assert f"{DATASET} · 2d          0✓  1·" in shown
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  holter train")]
    assert commands == [f"holter train {DATASET} {what} --npz" for what in ("2d 1", "3d_fullres 0", "3d_fullres 1")]
    assert "4 trainings: 1 done" in shown and not list(world.folder.glob("holter-study"))


def test_json_has_every_training(world: World) -> None:
    found = json.loads(typed(world, "plan 4 -c 2d --json"))
    assert [each["fold"] for each in found["trainings"]] == list("01234")
    assert found["counts"]["missing"] == 5 and found["hours_unknown"] == 5


def test_plan_speaks_chinese(world: World) -> None:
    assert "命令" in typed(world, "plan 4 -c 2d --lang zh")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan 4 --watch", "--watch is for status"),
        ("status 4 --watch --json", "--watch is for status"),
        ("run 4 --json", "--json is for plan"),
        ("run 4 --submit", "need --slurm"),
        ("status 4 --slots 2", "--slots is for holter study run"),
        ("run 4 -c 3d_cascade_fullres --slots 1", "needs all folds of 3d_lowres"),
        ("run 4 -c 2d --gpus 0 --slots 1", "exclude each other"),
        ("run 4 -c 2d --slots 1 -- --restart-from-scratch --npz", "^--restart-from-scratch after -- would be given to"),
        ("run 4 -c 2d --slurm -- --val", "--val after -- would be given to every start"),
        ("run 4 -c 2d --slurm --slurm-options=--comment='a", "--slurm-options: --comment='a cannot be read"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_error_and_starts_nothing(world: World, words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        typed(world, words)
    assert raised.value.next_step and not list(world.folder.glob("nnUNet_results/*"))


def test_what_slurm_does_itself_is_refused_with_the_reason(world: World) -> None:
    for words, why in (
        ("--gpus 0", "Slurm gives each task its GPU"),
        ("--max-failures 3", "do not know how the others end"),
        ("--spacing 1", "Slurm decides when"),
    ):
        with pytest.raises(BadInput, match=why):
            typed(world, f"run 4 -c 2d --slurm {words}")
    assert "#SBATCH --array=0-4" in typed(world, f"run 4 -c 2d --slurm --keep-going --out {world.folder}/out")


FILE = """
folds = "0-1"
slots = 2
[[trainings]]
datasets = 4
configurations = "3d_fullres"
[[trainings]]
datasets = [5]
configurations = ["2d"]
trainer = "nnUNetTrainer_250epochs"
priority = 1
"""


def file_of(world: World, text: str = FILE) -> str:
    world.dataset("Dataset005_Other")
    file = world.folder / "study.toml"
    file.write_text(text)
    return str(file)


def test_a_file_says_what_several_commands_would(world: World) -> None:
    shown = typed(world, f"plan {file_of(world)} --lang en")
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  holter train")]
    assert commands == [
        "holter train Dataset005_Other 2d 0 -tr nnUNetTrainer_250epochs",
        "holter train Dataset005_Other 2d 1 -tr nnUNetTrainer_250epochs",
        f"holter train {DATASET} 3d_fullres 0",
        f"holter train {DATASET} 3d_fullres 1",
    ]


def test_options_of_a_file_are_those_of_the_command_which_has_priority(world: World) -> None:
    file = file_of(world, 'extra = ["--npz"]\nslots = 3\nslurm = true\n' + FILE.replace("slots = 2", ""))
    out = f"--out {world.folder}/out"
    assert "#SBATCH --array=0-3%3" in (script := typed(world, f"run {file} {out}"))
    assert "0) set -- Dataset005_Other 2d 0 -tr nnUNetTrainer_250epochs --npz ;;" in script, "the higher priority first"
    assert "#SBATCH --array=0-3%4" in (script := typed(world, f"run {file} {out} --slots 4 -- --c"))
    assert "--npz" not in script and " --c ;;" in script


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.replace("folds =", "fold ="), "line 2, fold: this is not a key"),
        (FILE.replace("datasets = [5]", "datasets = [6]"), "line 8, datasets: No data set 6"),
        (FILE.replace('["2d"]', '["2D"]'), "line 9, configurations: The plans nnUNetPlans have no configuration 2D"),
        (FILE.replace('"0-1"', '"0-7"'), "line 2, folds: There is no fold 5"),
        (FILE.replace("slots = 2", 'slots = "two"'), "line 3, slots: 'two' cannot be used here"),
        (FILE.replace("slots = 2", "slots = 0"), "line 3, slots: 0 cannot be used here"),
        (FILE.replace("priority = 1", "priority = 1.5"), "line 11, priority: 1.5 is not a whole number"),
        (FILE.replace("[5]", "[5.0]"), r"line 8, datasets: \[5.0\] is neither"),
        (FILE.replace("[[trainings]]\ndatasets = [5]", "[[trainings]]"), "line 7, datasets: no data sets"),
        (FILE + "retry = true", "line 12, retry: this is not a key"),
        ("[trainings]\ndatasets = 4", "line 1, trainings: write each group"),
        (FILE + "x ==", "not valid TOML.*line 12"),
    ],
)  # fmt: skip
def test_an_error_of_a_file_names_line_and_key(world: World, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as raised:
        typed(world, f"plan {file_of(world, text)}")
    assert raised.value.next_step


def test_a_file_may_begin_with_the_mark_of_windows_and_another_encoding_is_named(world: World) -> None:
    file = Path(file_of(world))
    file.write_text(FILE, encoding="utf-8-sig")
    assert "3d_fullres" in typed(world, f"plan {file}")
    file.write_bytes("# 研究\n".encode("gb18030") + FILE.encode())
    with pytest.raises(BadInput, match="no UTF-8 text") as raised:
        typed(world, f"plan {file}")
    subprocess.run(["sh", "-c", str(raised.value.next_step)], check=True)
    assert file.with_name("utf8-study.toml").read_text(encoding="utf-8") == "# 研究\n" + FILE


def test_a_file_that_is_not_there_and_words_beside_a_file_are_errors(world: World) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        typed(world, f"plan {world.folder}/nothing.toml")
    file = file_of(world)
    for words, said in (("-c 2d", "would change only a part"), ("-f 0", "--folds"), ("5", "not both")):
        with pytest.raises(BadInput, match=said):
            typed(world, f"plan {file} {words}")


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("plan 7", f"holter study plan {DATASET}"),
        ("plan 4 -p nnUNetPlan", "holter study plan 4 -p nnUNetPlans"),
        ("plan 4 -c 3d_ful", f"holter study plan {DATASET} -c 3d_fullres"),
    ],
)
def test_the_next_command_of_an_error_is_one_of_this_command(world: World, words: str, step: str) -> None:
    with pytest.raises(BadInput) as raised:
        typed(world, words)
    assert phrase(raised.value.next_step, "en").endswith(step)


def test_the_next_command_of_an_error_can_be_typed_with_a_blank_in_a_name(world: World) -> None:
    world.dataset("Dataset006_脑 肿瘤")
    for words, step in (("Dataset006_脑瘤", ""), ("6 -c 3d_ful", " -c 3d_fullres")):
        with pytest.raises(BadInput) as raised:
            typed(world, f"plan {words}")
        assert phrase(raised.value.next_step, "en").endswith(f"holter study plan 'Dataset006_脑 肿瘤'{step}")


@pytest.mark.parametrize(
    ("words", "said"), [("--gpus 0", "Ray gives each task its GPU"), ("--slurm", "one of them starts the trainings")]
)
def test_ray_excludes_what_starts_trainings_otherwise(world: World, words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        typed(world, f"run 4 -c 2d --ray auto {words}")


def test_a_priority_decides_what_plan_and_the_array_begin_with(world: World) -> None:
    options = "4 -c 2d 3d_fullres -f 0-1 --priority 3d_fullres=1"
    shown = typed(world, f"plan {options} --lang en")
    commands = [line.split()[3:] for line in shown.splitlines() if line.startswith("  holter train")]
    assert commands == [["3d_fullres", "0"], ["3d_fullres", "1"], ["2d", "0"], ["2d", "1"]]
    script = typed(world, f"run {options} --slurm --out {world.folder}/out")
    assert f"  0) set -- {DATASET} 3d_fullres 0 ;;" in script
    with pytest.raises(BadInput, match="--priority is for holter study run"):
        typed(world, f"status {options}")
    with pytest.raises(BadInput, match="would change only a part"):
        typed(world, f"plan {file_of(world)} --priority 2d=1")


def test_plan_has_hours_from_the_published_table_only_of_what_nothing_is_known(world: World) -> None:
    world.log(world.fold("2d", "0", "checkpoint_latest.pth"), 40)
    shown = typed(world, "plan 4 -c 2d 3d_fullres --lang en")
    (line,) = [line for line in shown.splitlines() if "published" in line]
    assert "each of 5 trainings (3d_fullres, 1000 epochs)" in line and "12 to 14 hours on A100" in line
    world.log(world.fold("3d_fullres", "0", "checkpoint_latest.pth"), 40)
    assert "published" not in typed(world, "plan 4 -c 2d 3d_fullres --lang en")
    own = typed(world, "plan 4 -c 2d -tr nnUNetTrainerOfMine --lang en")
    assert "published" not in own, "nobody knows its epochs"


def test_the_command_that_predicts_an_epoch_can_be_typed_with_a_blank_in_a_name(world: World) -> None:
    world.dataset("Dataset006_脑 肿瘤")
    shown = typed(world, "plan 6 -c 2d -tr nnUNetTrainerOfMine --lang en")
    assert "holter bench 'Dataset006_脑 肿瘤' 2d predicts one" in shown
    assert "holter train 'Dataset006_脑 肿瘤' 2d 0 -tr" in shown


def test_a_fold_that_another_host_only_seems_to_train_is_named_and_retry_starts_it(world: World) -> None:
    folder = world.fold("2d", "1", "checkpoint_latest.pth", "debug.json")
    (folder / "debug.json").write_text(json.dumps({"hostname": "node07"}))
    world.log(folder, 40)
    words = f"run 4 -c 2d -f 1 --slurm --lang en --out {world.folder}/out"
    left = CliRunner().invoke(app, ["study", *words.split()], env=world.environ)
    assert "fold 1 runs already (on node07, as its training log" in left.stderr and "--retry" in left.stderr
    assert "nothing is left to start" in left.stderr and not left.stdout
    sent = CliRunner().invoke(app, ["study", *words.split(), "--retry"], env=world.environ)
    assert "#SBATCH --array=0-0" in sent.stdout and "node07" not in sent.stderr


def test_what_a_script_leaves_out_is_named(world: World) -> None:
    folder = world.fold("2d", "0", "checkpoint_latest.pth")
    world.entry(folder, state="gave-up", headline=Message(key="outcome.gave-up", values=()))
    lock = FoldLock(world.fold("2d", "1"))
    words = f"run 4 --slurm --lang en --out {world.folder}/out"
    try:
        done = CliRunner().invoke(app, ["study", *words.split(), "-c", "2d"], env=world.environ)
    finally:
        lock.close()
    assert "#SBATCH --array=0-2" in done.stdout
    said = done.stderr.splitlines()
    assert "broken before" in said[0] and "fold 0" in said[0] and "--retry" in said[0], said
    assert "fold 1 runs already" in said[1] and len(said) == 2, said
    locks = [FoldLock(world.fold("3d_lowres", fold)) for fold in "01234"]
    try:
        waits = CliRunner().invoke(
            app, ["study", *words.split(), "-c", "3d_lowres", "3d_cascade_fullres", "-f", "0-4"], env=world.environ
        )
    finally:
        for each in locks:
            each.close()
    assert not waits.stdout and "nothing can start now: 5 trainings of a cascade need others" in waits.stderr


def test_a_plan_that_could_not_be_started_says_so_and_what_could(world: World) -> None:
    shown = typed(world, "plan 4 -c 3d_lowres 3d_cascade_fullres -f 0-1 --lang en")
    assert "of which 2, 3, 4 are not in this study" in shown
    assert shown.splitlines()[-1] == f"Next: holter study run {DATASET} -c 3d_lowres 3d_cascade_fullres"
    found = json.loads(typed(world, "plan 4 -c 3d_lowres 3d_cascade_fullres -f 0-1 --lang en --json"))
    assert any("of which 2, 3, 4" in remark for remark in found["remarks"])


def test_a_folder_for_output_that_cannot_be_made_is_named_before_a_script_is_sent(world: World) -> None:
    (world.folder / "file").write_text("")
    for words in ("", "--submit"):
        with pytest.raises(FolderNotWritable, match="file/out") as raised:
            typed(world, f"run 4 -c 2d --slurm {words} --out {world.folder}/file/out")
        assert raised.value.next_step == "--out FOLDER"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run 4 -c 2d --chain 3", "--chain need --slurm"),
        ("run 4 -c 2d --slurm --chain 3 --slots 2", "a chain is none"),
        ("run 4 -c 2d --slurm --service", "nothing of the study runs after the script was sent"),
        ("plan 4 -c 2d --service", "--service is for holter study run"),
    ],
)
def test_chains_and_services_are_refused_where_they_would_do_nothing(world: World, words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        typed(world, words)
