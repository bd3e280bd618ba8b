"""What a crowded machine, a server and a mount that fails explain, and what not; facts of recorded faults."""

from __future__ import annotations

import pytest

from causes.usual import UNSAID
from holter.causes import verdicts
from holter.evidence import NAMES, Evidence
from holter.evidence.frames import place
from holter.records import Fact, Frame, ThreadStack, Verdict


def judged(facts: dict[str, object]) -> dict[str, Verdict]:
    """Verdicts by cause; None means that the fact does not apply; the rest is unknown."""
    assert facts.keys() <= NAMES
    stated = {
        name: Fact(name=name, value=value, status="not-applicable" if value is None else "known")
        for name, value in facts.items()
    }
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


CROWDED = {
    "host.others_cpu_ratio": 0.95, "cpu.queue_ratio": 0.88, "pressure.cpu": 0.99, "cpu.run_busy_ratio": 0.05,
    "step.times_usual": 23.0, "wait.ratio": 0.0, "workers.stopped": (), "workers.blocked": (), "workers.working": 0,
}  # fmt: skip
STANDS = {**CROWDED, "episode.kind": "stall", "main.state": "S", "main.waits_on": "native-call", "queue.ready": "full"}
SIGBUS = {
    "episode.kind": "death", "worker.exit_signal": 7, "worker.ending": "SIGBUS", "shm.trouble": None,
    "shm.used_ratio": 0.01, "oom.kills": 0, "exception.kind": None, "storage.fs_type": "fuse.sshfs",
    "storage.kernel_errors": (), "workers.case": "brain_003",
    "software.batchgenerators": "0.25.1", "export.replaced": None,
}  # fmt: skip


def test_load_of_others_explains_slow_steps_but_no_standstill_in_which_nobody_wants_a_cpu():
    slow = judged({**CROWDED, "episode.kind": "slow-down", "main.state": "S", "activity.present": False})
    assert slow["concurrent-jobs-contention"].score > 0.5
    assert judged({**STANDS, "activity.present": False})["concurrent-jobs-contention"].verdict == "excluded"
    assert judged({**STANDS, "activity.present": True})["concurrent-jobs-contention"].verdict != "confirmed"


def test_nothing_stands_still_on_a_gpu_that_is_not_there():
    assert judged({**STANDS, "gpu.present": False})["gpu-side-stall"].verdict == "excluded"
    assert judged({**STANDS, "gpu.present": True})["gpu-side-stall"].verdict in ("likely", "confirmed")


def test_a_step_that_waits_for_a_server_is_in_an_extra_step_and_in_no_native_call():
    frames = (
        Frame(function="SocketIO.readinto", file="/usr/lib/python3.11/socket.py", line=706),
        Frame(function="HTTPResponse.begin", file="/usr/lib/python3.11/http/client.py", line=318),
        Frame(function="MyTrainer.upload", file="/home/a/my_trainer.py", line=31),
        Frame(function="MyTrainer.train_step", file="/home/a/my_trainer.py", line=26),
    )
    assert place(ThreadStack(name="MainThread", frames=frames, state="S", syscall="recvfrom")) == (
        "python", "MyTrainer.upload (my_trainer.py:31)",
    )  # fmt: skip
    found = judged({**STANDS, "main.waits_on": "python", "main.extra_step": "MyTrainer.upload", "disk.error": None})
    assert found["plot-or-extra-hook-hang"].verdict == "confirmed"
    assert found["gpu-side-stall"].verdict == "excluded"


@pytest.mark.parametrize("lack", [{"disk.error": "read-only", "disk.read_only": True}, {"disk.full": True}])
def test_drawing_is_not_blamed_where_nothing_can_be_written(lack):
    found = judged({"episode.kind": "stall", "main.extra_step": "plot_progress_png", **lack})
    assert found["plot-or-extra-hook-hang"].verdict == "excluded"


def test_a_bus_error_on_a_remote_mount_is_the_mounts_unless_shared_memory_was_full():
    found = judged(SIGBUS)
    assert found["remote-fs-error"].verdict == "likely"
    assert found["worker-killed"].verdict != "confirmed"
    assert found["worker-killed"].score < found["remote-fs-error"].score
    told = judged({**SIGBUS, "storage.kernel_errors": ("nfs: server not responding",)})
    assert told["remote-fs-error"].verdict == "confirmed"
    full = judged({**SIGBUS, "shm.trouble": "bus-error", "shm.used_ratio": 1.0})
    assert full["remote-fs-error"].verdict == "excluded"
    assert judged({**SIGBUS, "storage.fs_type": "ext4"})["worker-killed"].verdict == "confirmed"


def test_what_the_machine_never_had_and_what_was_not_counted_is_not_offered():
    found = judged({**SIGBUS, "system.container": "docker", "gpu.present": False, "echo.says": "training"})
    assert found["container-lost-gpu"].verdict == "excluded"
    assert found["ram-oom-train-worker"].verdict == "excluded"
    lost = {"episode.kind": "death", "exception.kind": "gpu-missing", "gpu.present": False, "gpu.trouble": "forbidden"}
    assert judged({**lost, "system.container": "docker"})["container-lost-gpu"].verdict == "confirmed"


def test_few_cores_are_told_by_all_steps_and_not_by_one_stack():
    facts = {
        **CROWDED, "episode.kind": "slow-down", "cpu.allocated_ratio": 0.5, "cpu.workers_per_cpu": 3.0,
        "wait.ratio": 0.67, "main.waits_on": "native-call", "step.times_usual": 0.94, "cpu.run_busy_ratio": 0.8,
    }  # fmt: skip
    assert judged(facts)["few-cores-allocated"].verdict == "likely"


RESTRICTED = {"episode.kind": "slow-down", "gpu.virtualization": "vgpu", "gpu.licence_stage": "unlicensed-restricted"}


def test_epoch_times_alone_make_their_causes_possible_and_a_licence_that_restricts_likely():
    found = judged({**RESTRICTED, "epochs.shape": "step-up"})
    assert found["vgpu-unlicensed"].verdict == "likely"
    late = judged({**RESTRICTED, "epochs.shape": "step-up", "epochs.minutes_to_change": 21.0})["vgpu-unlicensed"]
    assert late.score > found["vgpu-unlicensed"].score
    for shape, cause in (
        ("step-down", "concurrent-jobs-contention"), ("heavy-tail", "slow-storage"), ("drift-up", "swap-thrash"),
        ("drift-up", "gpu-thermal-or-power"), ("first-only", "page-cache-cold"),
    ):  # fmt: skip
        verdict = judged({"episode.kind": "slow-down", "epochs.shape": shape})[cause]
        assert verdict.verdict == "possible"
        assert verdict.score > 0


def test_a_line_about_a_bus_error_confirms_a_small_shared_memory_only_with_its_size():
    line = {
        "episode.kind": "death", "shm.trouble": "no-room", "exception.first": "BusError: Unexpected bus error",
        "oom.kills": 0,
    }  # fmt: skip
    assert judged(line)["shm-too-small"].verdict == "likely"
    assert judged({**line, "shm.used_ratio": 0.97})["shm-too-small"].verdict == "confirmed"
    assert judged({**line, "shm.total_bytes": 64 << 20})["shm-too-small"].verdict == "confirmed"
