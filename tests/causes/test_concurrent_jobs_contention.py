"""concurrent-jobs-contention: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import CROWDED, CROWDED_STALL
from causes.judge import judged
from causes.laws import ConfirmedLaws, LookAlike


class TestConcurrentJobsContention(ConfirmedLaws):
    cause = "concurrent-jobs-contention"
    confirmed_by = {
        "episode.kind": "slow-down", "workers.stopped": (), "workers.blocked": (), "workers.count": 6,
        "cpu.throttled_ratio": ..., "cpu.quota": ..., "cpu.allocated_ratio": 1.0, "gpu.throttled": ...,
        "host.others_cpu_ratio": 0.55, "cpu.queue_ratio": 0.5, "wait.ratio": 0.6, "cpu.run_busy_ratio": 0.4,
        "trainings.others": 1, "step.times_usual": 1.8, "gpu.licence_stage": ...,
    }  # fmt: skip
    look_alikes = (
        # A run that has its CPUs busy by itself is not held up by others.
        LookAlike({"cpu.run_busy_ratio": 0.97}),
        # Others work, but nobody waits for a CPU: there are enough for all.
        LookAlike({"cpu.queue_ratio": 0.01}),
        # Workers pinned to one core wait for each other.
        LookAlike({"affinity.narrowed": True}),
        # Pauses of eight seconds between steps of 0.2 s, beside other work: the fault lab's, confirmed before.
        LookAlike({"pauses.count": 4}),
        # A GPU that is too hot explains slower steps, whatever the neighbours do.
        LookAlike({"gpu.throttled": True}),
    )  # fmt: skip


def test_a_host_that_gives_cpus_to_others_explains_slow_steps():
    # In the guest nobody else works, and a run that gets its virtual CPU may still not run.
    guest = {**CROWDED, "episode.kind": "slow-down", "host.others_cpu_ratio": 0.02, "cpu.queue_ratio": 0.02}
    stolen = judged({**guest, "cpu.steal_ratio": 0.35})["concurrent-jobs-contention"]
    assert stolen.verdict in ("likely", "confirmed")
    assert any(finding.text == "cpus-stolen" for finding in stolen.supports)
    assert judged({**guest, "cpu.steal_ratio": 0.02})["concurrent-jobs-contention"].verdict == "excluded"


def test_load_of_others_explains_slow_steps_but_no_standstill_in_which_nobody_wants_a_cpu():
    slow = judged({**CROWDED, "episode.kind": "slow-down", "main.state": "S", "activity.present": False})
    assert slow["concurrent-jobs-contention"].score > 0.5
    assert judged({**CROWDED_STALL, "activity.present": False})["concurrent-jobs-contention"].verdict == "excluded"
    assert judged({**CROWDED_STALL, "activity.present": True})["concurrent-jobs-contention"].verdict != "confirmed"
