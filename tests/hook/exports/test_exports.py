"""Memory foretold, cases kept, and a real final validation that loses its main process and an export worker."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.pool
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from holter.hook import available_memory, permissions
from holter.hook.exports import validation
from holter.hook.exports import worker_memory as memory
from holter.hook.exports.kept import RECORD, SUMMARY, Kept
from holter.hook.exports.pool import ExportPool
from holter.probes.training.heartbeat import HeartbeatProbe
from needs import imported

GIB = 1 << 30
VALIDATE = Path(__file__).parents[1] / "validate_only.py"


# ---------------------------------------------------------------------------------------------- whose pools


def predict_from_data_iterator():
    """Make a pool as the function of this name in nnU-Net does."""
    return multiprocessing.get_context("spawn").Pool(1)


@pytest.mark.parametrize(("powers", "cared_for"), [((), False), (("validation",), True), (("workers",), False)])
def test_pools_are_replaced_only_with_the_power_to(monkeypatch, powers, cared_for):
    monkeypatch.setattr(permissions, "GRANTED", frozenset(powers))
    restore = validation.watch_results()
    try:
        with predict_from_data_iterator() as pool:
            assert isinstance(pool, ExportPool) == cared_for
    finally:
        restore()
    assert "Pool" not in vars(multiprocessing.get_context("spawn"))


def test_pools_that_others_make_meanwhile_are_theirs(monkeypatch):
    monkeypatch.setattr(permissions, "GRANTED", frozenset({"validation"}))
    restore = validation.watch_results()
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert isinstance(pool, multiprocessing.pool.Pool)
    finally:
        restore()


# --------------------------------------------------------------------------------------------------- memory


def test_as_many_workers_as_their_largest_cases_fit_into_memory():
    cases = [memory.Need(worker=size * GIB, prediction=0) for size in (1, 1, 4, 2)]
    assert memory.affordable(cases, 8, 100 * GIB, None) == 8
    assert memory.affordable(cases, 3, 7 * GIB, None) == 3
    assert memory.affordable(cases, 3, 6 * GIB, None) == 2
    assert memory.affordable(cases, 3, 1 * GIB, None) == 1  # no fewer, even if that one is too large


def test_predictions_must_fit_into_shared_memory():
    cases = [memory.Need(worker=GIB, prediction=GIB // 2)] * 4
    assert memory.affordable(cases, 4, 100 * GIB, GIB) == 2
    assert memory.affordable(cases, 4, None, None) == 4


def machine(root: Path, groups: str, **files: str) -> tuple[Path, Path]:
    proc, cgroups = root / "proc", root / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n")
    (proc / "self" / "cgroup").write_text(groups)
    for name, text in files.items():
        path = cgroups / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return proc, cgroups


def test_free_memory_is_that_of_the_tightest_group(tmp_path):
    files = {
        "job__memory_dot_max": str(4 * GIB),
        "job__memory_dot_current": str(3 * GIB),
        "job__memory_dot_stat": f"anon {GIB}\ninactive_file {GIB}\n",
        "job__step__memory_dot_max": "max",
        "job__step__memory_dot_current": "0",
        "job__step__memory_dot_stat": "",
    }
    assert available_memory.available_bytes(*machine(tmp_path, "0::/job/step\n", **files)) == 2 * GIB


def test_free_memory_is_found_in_groups_of_version_1_whose_path_is_the_hosts(tmp_path):
    files = {
        "memory__memory_dot_limit_in_bytes": str(3 * GIB),
        "memory__memory_dot_usage_in_bytes": str(GIB),
        "memory__memory_dot_stat": "total_inactive_file 0\n",
    }
    proc, cgroups = machine(tmp_path, "4:cpu:/x\n3:memory:/docker/0123\n", **files)
    assert available_memory.available_bytes(proc, cgroups) == 2 * GIB


def test_without_a_group_the_machines_memory_counts(tmp_path):
    assert available_memory.available_bytes(*machine(tmp_path, "0::/\n")) == 8 * GIB
    assert available_memory.available_bytes(tmp_path / "none", tmp_path / "none") is None


# --------------------------------------------------------------------------------------------------- kept cases


@pytest.fixture
def trainer(tmp_path):
    torch = imported("torch")
    (tmp_path / "validation").mkdir()
    (tmp_path / "source").mkdir()
    for case in ("a", "b"):
        (tmp_path / "validation" / f"{case}.nii.gz").write_bytes(b"complete")
        (tmp_path / "source" / f"{case}.b2nd").write_bytes(b"image")
    return SimpleNamespace(
        output_folder=str(tmp_path),
        preprocessed_dataset_folder=str(tmp_path / "source"),
        dataset_json={"file_ending": ".nii.gz"},
        network=torch.nn.BatchNorm1d(3),
        plans_manager=SimpleNamespace(plans={}),
        configuration_name="3d_fullres",
        inference_allowed_mirroring_axes=(0, 1),
        device="cpu",
    )


def kept(trainer, *, probabilities: bool = False) -> set[str]:
    return Kept(trainer, probabilities=probabilities).complete(["a", "b"])


def test_only_cases_written_down_are_kept(trainer):
    assert kept(trainer) == set()  # complete as they may be, nobody knows where they come from
    Kept(trainer, probabilities=False).add("a")
    assert kept(trainer) == {"a"}
    assert kept(trainer, probabilities=True) == set()


def test_a_file_that_has_changed_since_is_not_kept(trainer):
    for case in ("a", "b"):
        Kept(trainer, probabilities=False).add(case)
    (Path(trainer.output_folder) / "validation" / "a.nii.gz").write_bytes(b"torn")
    (Path(trainer.preprocessed_dataset_folder) / "b.b2nd").write_bytes(b"another image")
    assert kept(trainer) == set()


@pytest.mark.parametrize("what", ["weights", "mirroring"])
def test_what_another_network_or_setting_made_is_not_kept(trainer, what):
    Kept(trainer, probabilities=False).add("a")
    if what == "weights":
        trainer.network.running_mean += 1e-6
    else:
        trainer.inference_allowed_mirroring_axes = (0,)
    assert kept(trainer) == set()


def test_a_line_cut_short_spoils_no_other(trainer):
    Kept(trainer, probabilities=False).add("a")
    with (Path(trainer.output_folder) / "validation" / RECORD).open("a") as file:
        file.write('{"case": "b", "ke')
    assert kept(trainer) == {"a"}


def test_a_validation_that_came_to_its_summary_is_done_again_when_asked(trainer):
    Kept(trainer, probabilities=False).add("a")
    (Path(trainer.output_folder) / "validation" / SUMMARY).write_text("{}")
    assert kept(trainer) == set()
    assert not (Path(trainer.output_folder) / "validation" / RECORD).exists()


# --------------------------------------------------------------------------------------------- the real thing


def kill_an_export_worker(scratch: Path, main: subprocess.Popen[str]) -> int | None:
    """Kill an export worker with a case in hand; stopped first, so that it cannot be done just then."""
    pages = HeartbeatProbe(scratch, 0.0)

    def with_a_case() -> list[int]:
        return [beat.pid for beat in pages.read(0.0).samples if beat.role == "export-worker" and beat.case]

    while main.poll() is None:
        for pid in with_a_case():
            os.kill(pid, signal.SIGSTOP)
            if pid in with_a_case():
                os.kill(pid, signal.SIGKILL)
                return pid
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.002)
    return None


@pytest.mark.sample
@pytest.mark.training
def test_a_validation_that_lost_its_main_process_and_a_worker_has_stocks_summary(brain, finished, hooked, tmp_path):
    """Stock's validation; one under the hook, killed after its first case; one that resumes and loses a worker."""

    def settings(name: str, **more: str) -> dict[str, str]:
        fewer = {"nnUNet_n_proc_DA": "1", "nnUNet_def_n_proc": "1"}  # each process loads torch for seconds
        return brain.environment() | fewer | {"nnUNet_results": str(tmp_path / name)} | more

    for name in ("stock", "healed"):
        shutil.copytree(finished.results, tmp_path / name, ignore=shutil.ignore_patterns("validation"))
    what = (VALIDATE, brain.dataset, brain.configuration, "0")
    stock = subprocess.run(
        [sys.executable, *map(str, what)], env=os.environ | settings("stock"), capture_output=True, check=False
    )
    assert stock.returncode == 0, stock.stderr
    (summary,) = (tmp_path / "stock").rglob("validation/summary.json")
    expected = summary.read_text().replace(str(tmp_path / "stock"), str(tmp_path / "healed"))
    folder = tmp_path / "healed" / summary.parent.relative_to(tmp_path / "stock")

    first = hooked.start(*what, **settings("healed", HOLTER_HEAL="validation"))
    while not (folder / RECORD).exists() or not (folder / RECORD).read_text().endswith("\n"):
        assert first.poll() is None and not (folder / SUMMARY).exists(), first.communicate()[1]
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    line = (folder / RECORD).read_text().splitlines()[0]  # the second, if it got there, as if cut short
    (folder / RECORD).write_text(f'{line}\n{{"case": "')
    case = json.loads(line)["case"]
    before = (folder / f"{case}.nii.gz").stat().st_mtime_ns

    second = hooked.start(*what, **settings("healed", HOLTER_HEAL="validation"))
    killed = kill_an_export_worker(hooked.scratch, second)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert (folder / SUMMARY).read_text() == expected
    assert (folder / f"{case}.nii.gz").stat().st_mtime_ns == before
    assert not (folder / RECORD).exists()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in summary.parent.iterdir())
    notes = {line["what"]: line["text"] for line in hooked.lines("note")}
    assert notes == {"exports-kept": "1 of 2 from an earlier attempt"}
    (begun, done) = hooked.lines("action")
    assert f"(PID {killed}) ended (SIGKILL)" in begun["text"] and done["state"] == "done"
