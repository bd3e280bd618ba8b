"""Each fault does to a real training what its sentence says, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from demo.conftest import TRAIN_WORKERS, Stage, Training, cpu_ratio, wait_until
from holter.causes import CAUSES
from holter.demo.faults import FAULTS, Context, DemoFault, find_fault, prepared
from holter.demo.faults.cpu_quota import QUOTA_CPUS
from holter.demo.faults.signals import FreezeWorker, KillMain
from holter.demo.faults.vgpu_licence import SCRIPT_VARIABLE
from holter.errors import BadInput, DemoFailed
from holter.probes.gpu.gpu_script import parse
from holter.records import GpuSample
from needs import require_for

Break = Callable[[DemoFault], tuple[Training, Context]]

WAITS_CPUS = 0.25  # one that waits polls every 2 ms, which costs a few per cent


def test_every_fault_has_a_name_of_its_own_and_can_be_found_by_it() -> None:
    names = [fault.name for fault in FAULTS]
    assert names == [
        "freeze-then-kill",
        "freeze-worker",
        "kill-worker",
        "kill-main",
        "slow-disk",
        "cpu-quota",
        "truncated-file",
        "worker-exception",
        "export-worker-killed",
        "vgpu-licence",
        "none",
    ]
    assert [find_fault(name) for name in names] == list(FAULTS)


def test_the_true_cause_of_every_fault_is_one_that_a_diagnosis_can_name() -> None:
    causes = {fault.true_cause for fault in FAULTS if fault.name != "none"}
    assert causes <= set(CAUSES)
    assert find_fault("none").true_cause is None


def test_an_unknown_fault_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(BadInput, match=r"no fault 'freeze'.*freeze-worker, kill-worker"):
        find_fault("freeze")


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_undo_before_anything_happened_is_harmless_and_can_be_repeated(name: str, tmp_path: Path) -> None:
    fault = find_fault(name)
    context = Context(scratch=tmp_path, preprocessed=tmp_path)
    fault.relieve(context)
    fault.undo(context)
    fault.undo(context)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_is_undone_when_the_demo_is_interrupted(tmp_path: Path) -> None:
    class Recorder(DemoFault):
        undone = 0

        def undo(self, context: Context) -> None:
            self.undone += 1

    fault = Recorder()
    with (
        pytest.raises(KeyboardInterrupt),
        prepared(fault, Context(scratch=tmp_path, preprocessed=tmp_path)) as variables,
    ):
        assert variables == {}
        raise KeyboardInterrupt
    assert fault.undone == 1


@pytest.mark.parametrize("fault", [FreezeWorker(), KillMain()])
def test_a_fault_that_finds_no_training_says_so(fault: DemoFault, tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="training"):
        fault.inject(Context(scratch=tmp_path, preprocessed=tmp_path))


@pytest.mark.training
@pytest.mark.long
def test_freezing_one_worker_stalls_the_training_until_it_is_thawed(broken: Break) -> None:
    fault = find_fault("freeze-worker")
    training, context = broken(fault)
    fault.inject(context)
    states = [psutil.Process(worker.pid).status() for worker in context.of_role("train-worker")]
    assert states.count(psutil.STATUS_STOPPED) == 1
    assert wait_until(lambda: training.cpu_ratio(1) < WAITS_CPUS, 8)
    assert training.cpu_ratio(2) < WAITS_CPUS  # still, and silently
    assert "no longer alive" not in training.output()
    fault.relieve(context)
    assert training.goes_on()


@pytest.mark.training
@pytest.mark.long
def test_on_a_slow_disk_workers_wait_in_the_kernel_for_reads_until_it_is_fast_again(broken: Break) -> None:
    fault = find_fault("slow-disk")
    training, context = broken(fault)
    fault.inject(context)
    pids = [worker.pid for worker in context.of_role("train-worker")]
    assert wait_until(lambda: sum(_waits_for_disk(pid) for pid in pids) == TRAIN_WORKERS, 10)
    assert wait_until(lambda: training.cpu_ratio(1) < WAITS_CPUS, 10)
    fault.relieve(context)
    assert training.goes_on()


@pytest.mark.training
@pytest.mark.long
def test_a_cut_quota_throttles_the_whole_training_and_is_lifted_again(broken: Break) -> None:
    fault = find_fault("cpu-quota")
    training, context = broken(fault)
    tree = [training.main, *training.main.children()]
    assert cpu_ratio(tree) > 1.5 * QUOTA_CPUS
    fault.inject(context)
    time.sleep(0.5)
    assert cpu_ratio(tree, 3) < 1.3 * QUOTA_CPUS
    assert f"holter-demo-{os.getpid()}" in Path(f"/proc/{training.main.pid}/cgroup").read_text()
    fault.relieve(context)
    assert training.goes_on()
    fault.undo(context)
    assert f"holter-demo-{os.getpid()}" not in Path(f"/proc/{training.main.pid}/cgroup").read_text()


@pytest.mark.training
@pytest.mark.long
@pytest.mark.sample
def test_a_restricted_vgpu_leaves_the_main_thread_in_a_native_wait_beside_idle_workers(broken: Break) -> None:
    fault = find_fault("vgpu-licence")
    training, context = broken(fault)
    script = Path(fault.prepare(context)[SCRIPT_VARIABLE])
    assert _gpu(script).licence_stage == "unlicensed-unrestricted"
    fault.inject(context)
    assert _gpu(script).licence_text == "Unlicensed (Restricted)"
    workers = [psutil.Process(worker.pid) for worker in context.of_role("train-worker")]
    assert wait_until(lambda: "nanosleep" in _wait_channel(training.main.pid), 10)
    assert wait_until(lambda: cpu_ratio(workers, 1) < WAITS_CPUS, 10)  # queues are full
    assert training.cpu_ratio(2) < 0.1
    fault.relieve(context)
    assert _gpu(script).utilization_ratio == 0.97
    assert not (context.scratch / "step-delay-s").exists()


@pytest.mark.training
def test_killing_the_main_process_leaves_orphans_that_undo_ends(broken: Break) -> None:
    fault = find_fault("kill-main")
    training, context = broken(fault)
    fault.inject(context)
    assert training.process.wait(10) == -9
    time.sleep(1)
    orphans = [worker.pid for worker in context.of_role("train-worker") if psutil.pid_exists(worker.pid)]
    assert len(orphans) == TRAIN_WORKERS
    fault.undo(context)
    assert wait_until(lambda: not any(_runs(pid) for pid in orphans), 5)


@pytest.mark.training
def test_when_the_training_is_over_the_slow_disk_is_taken_down(stage: Stage) -> None:
    fault = find_fault("slow-disk")
    require_for(fault)
    fault.prepare(stage.context)  # it is there already, unless this test runs alone
    mount = str(stage.context.scratch / "slow-disk")
    assert mount in Path("/proc/self/mountinfo").read_text()
    stage.clear()
    assert mount not in Path("/proc/self/mountinfo").read_text()
    assert not any("slow_fs" in " ".join(child.cmdline()) for child in psutil.Process().children())


def _gpu(script: Path) -> GpuSample:
    """As the probe reads it, which refuses what is no GpuSample."""
    return parse(script.read_text())[0]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_channel(pid: int) -> str:
    return Path(f"/proc/{pid}/wchan").read_text()


def _waits_for_disk(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_DISK_SLEEP or any(
        word in _wait_channel(pid) for word in ("folio", "request_wait", "fuse")
    )
