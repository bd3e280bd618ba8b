"""The results lie on a mount that does not answer: the main process itself hangs in the kernel."""

from __future__ import annotations

from holter.causes import diagnose
from holter.records import Beat, Environment, Episode, ProcessSample, StorageSample, Tick
from holter.remedies import propose
from holter.remedies.admin_request import asked
from holter.remedies.ladder import Situation, next_plan
from holter.tape import Recording

SILENT_S = 40.0


def hanging(state: str = "D", pending: bool = True) -> Recording:
    """A training that stood still at 100 s, in its write of a checkpoint."""
    ticks = []
    for t_s in range(60, 141):
        stands = t_s >= 100
        main = ProcessSample(
            t_s=t_s, pid=1, role="main", state=state if stands else "R", cpu_ratio=0.0 if stands else 0.9,
            wait_channel="rpc_wait_bit_killable" if stands and state == "D" else None,
        )  # fmt: skip
        workers = tuple(
            ProcessSample(t_s=t_s, pid=pid, role="train-worker", state="S", cpu_ratio=0.0) for pid in (2, 3)
        )
        beat = Beat(
            t_s=t_s, pid=1, phase="checkpoint", epoch=3, progress_total=min(t_s, 100), progressed_s=min(t_s, 100)
        )
        storage = StorageSample(
            t_s=t_s, label="results", path="/data/results/fold_0", mount_point="/data", fs_type="nfs4",
            device="server:/export", probe_pending_s=float(t_s - 100) if stands and pending else None,
            read_latency_s=None if stands and pending else 0.004,
        )  # fmt: skip
        ticks.append(Tick(t_s=float(t_s), processes=(main, *workers), beats=(beat,), storage=(storage,)))
    return Recording(all_ticks=tuple(ticks), environment=Environment(wall_start="", hostname="node7"))


def episode() -> Episode:
    alarm_s = 100 + SILENT_S
    return Episode(kind="stall", phase="checkpoint", start_s=100.0, alarm_s=alarm_s, subject="training", pid=1)


def test_a_main_process_in_the_kernel_on_a_dead_mount_is_the_storages() -> None:
    recording = hanging()
    found = propose(diagnose(recording, episode()), recording.environment, is_over=False)
    # Not confirmed: how much it waited for batches is not known of a phase without steps.
    assert (found.verdicts[0].cause, found.verdicts[0].verdict) == ("slow-storage", "likely")
    assert next_plan(found, (), Situation(140.0, True, False, 3, 2, True)).action == "wait"
    told = dict(asked(found, "slow-storage"))
    assert told["mount"] == "nfs4 server:/export on /data"
    assert (told["variant"], told["path"], told["host"]) == ("dead", "/data/results/fold_0", "node7")


def test_a_main_process_that_sleeps_while_the_mount_answers_is_not() -> None:
    found = diagnose(hanging(state="S", pending=False), episode())
    assert {verdict.cause: verdict.verdict for verdict in found.verdicts}["slow-storage"] in ("possible", "excluded")
