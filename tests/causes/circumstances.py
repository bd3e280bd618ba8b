"""Facts that the tests of several causes share; ``...`` means that a fact does not apply."""

from __future__ import annotations

# The same, and no step ends.
CROWDED_STALL: dict[str, object] = {
    "host.others_cpu_ratio": 0.95, "cpu.queue_ratio": 0.88, "pressure.cpu": 0.99, "cpu.run_busy_ratio": 0.05,
    "step.times_usual": 23.0, "wait.ratio": 0.0, "workers.stopped": (), "workers.blocked": (), "workers.working": 0,
    "episode.kind": "stall", "main.state": "S", "main.waits_on": "native-call", "queue.ready": "full",
}  # fmt: skip
# Other jobs use the CPUs, and the training waits for one.
CROWDED: dict[str, object] = {
    "host.others_cpu_ratio": 0.95, "cpu.queue_ratio": 0.88, "pressure.cpu": 0.99, "cpu.run_busy_ratio": 0.05,
    "step.times_usual": 23.0, "wait.ratio": 0.0, "workers.stopped": (), "workers.blocked": (), "workers.working": 0,
}  # fmt: skip
# A process of the training died, and nothing usual explains it.
DEATH: dict[str, object] = {
    "episode.kind": "death", "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ...,
    "main.exit_signal": ..., "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "oom.kills": 0,
    "exception.truncated_file": False,
}  # fmt: skip
# A data worker died of SIGBUS.
SIGBUS: dict[str, object] = {
    "episode.kind": "death", "worker.exit_signal": 7, "worker.ending": "SIGBUS", "shm.trouble": ...,
    "shm.used_ratio": 0.01, "oom.kills": 0, "exception.kind": ..., "storage.fs_type": "fuse.sshfs",
    "storage.kernel_errors": (), "workers.case": "brain_003", "software.batchgenerators": "0.25.1",
    "export.replaced": ...,
}  # fmt: skip
# A process of the training died; nobody was OOM-killed.
DIED: dict[str, object] = {"episode.kind": "death", "oom.kills": 0, "export.replaced": ...}  # fmt: skip
# Steps take three times as long, and nothing waits for data.
SLOWER: dict[str, object] = {
    "episode.kind": "slow-down", "main.waits_on": "native-call", "queue.ready": "full", "queue.worker": "full",
    "step.times_usual": 3.0, "wait.ratio": 0.02, "gpu.present": True, "gpu.licence_stage": ...,
    "cpu.throttled_ratio": ..., "main.state": "S", "workers.stopped": (), "activity.present": True, "cpu.quota": ...,
    "cpu.allocated_ratio": 1.0, "workers.blocked": (),
}  # fmt: skip
# A job of few CPUs has stalled, and nobody computes: every Slurm job looks like this.
IDLE_JOB: dict[str, object] = {
    "episode.kind": "stall", "activity.present": False, "cpu.allocated_ratio": 0.06, "cpu.workers_per_cpu": 3.0,
    "cpu.run_busy_ratio": 0.02, "wait.ratio": 1.0, "step.times_usual": 90.0, "workers.stopped": (),
    "affinity.narrowed": False, "cpu.throttled_ratio": ..., "cpu.quota": ..., "workers.threads": 3,
}  # fmt: skip
# No process died, no error was raised.
NOBODY_DIED: dict[str, object] = {
    "worker.exit_signal": ..., "exception.role": ..., "exception.truncated_file": ..., "main.exit_signal": ...,
    "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "gpu.throttled": ...,
}  # fmt: skip
