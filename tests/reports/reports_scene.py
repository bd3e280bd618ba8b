"""A hand-made recording of ten minutes: a slow share in epoch 1, a frozen worker in epoch 2, and names to hide."""

from __future__ import annotations

import random
from pathlib import Path

from holter.evidence import chain
from holter.evidence.facts.machine import host
from holter.evidence.facts.training import progress
from holter.records import (
    Beat,
    CgroupSample,
    Diagnosis,
    Environment,
    Episode,
    EpochEnded,
    Event,
    ExceptionSeen,
    Fact,
    Finding,
    Frame,
    GpuSample,
    HostSample,
    Link,
    LogLine,
    PhaseChanged,
    ProbeRun,
    ProcessEnded,
    ProcessSample,
    Remedy,
    StackDump,
    StorageSample,
    Subject,
    Text,
    ThreadStack,
    Tick,
    Value,
    Verdict,
)
from holter.tape import Recording

GIB = 2**30
DURATION_S = 600
WORKERS = 6
FROZEN, FROZEN_PID = 2, 4713
SLOW = (230, 292)
STALL = (430, 471)
EPOCHS = ((20, 200), (200, 390), (390, 600))

HOST, USER = "radws17", "mlindqvist"
HOME = f"/home/{USER}"
DATA = f"/mnt/petalab/{USER}/nnUNet_preprocessed/Dataset042_Pancreas/nnUNetPlans_3d_fullres"
CASES = tuple(f"panc_{number:04d}" for number in (17, 58, 203, 377, 411, 560, 612, 734))
SECRETS = (HOST, USER, "petalab", HOME, DATA, "storage3.klinikum.example", *CASES)

WAITS_FOR_BATCH = progress.WAITS_FOR(what=progress.WAIT_NAMES["train-batch"]())
SLOWER = host.SLOWER(recent=0.42, usual=0.003)


def slow(t: int) -> bool:
    return SLOW[0] <= t < SLOW[1]


def stalled(t: int) -> bool:
    return STALL[0] <= t < STALL[1]


def recording() -> Recording:
    chance = random.Random(7)
    totals = {"steps": 0, "wait": 0.0, "compute": 0.0, "read": 0, "progressed": 0.0}
    ticks = tuple(_tick(t, chance, totals) for t in range(DURATION_S + 1))
    return Recording(
        all_ticks=ticks,
        all_stacks=_stacks(),
        all_episodes=(episode_slow(), episode_stall()),
        all_probe_runs=_probe_runs(),
        environment=environment(),
        path=Path(f"{HOME}/runs/fold0.holter"),
        finished=True,
    )


def _tick(t: int, chance: random.Random, totals: dict[str, float]) -> Tick:
    training = t >= 20
    if training and not stalled(t):
        steps = 1 if slow(t) else 4
        wait = 0.82 if slow(t) else 0.06
        totals["steps"] += steps
        totals["wait"] += wait * chance.uniform(0.85, 1.15)
        totals["compute"] += steps * 0.19 * chance.uniform(0.97, 1.04)
        totals["read"] += int(chance.uniform(28e6, 46e6) if slow(t) else chance.uniform(2e6, 9e6))
        totals["progressed"] = t
    busy = training and not stalled(t)
    return Tick(
        t_s=float(t),
        host=_host(t, busy, chance),
        cgroup=CgroupSample(
            t_s=float(t),
            version="v2",
            affinity_cpus=8,
            effective_cpus=8.0,
            memory_limit_bytes=32 * GIB,
            memory_used_bytes=int((9 + t / 120 + chance.random() * 0.2) * GIB),
        ),
        processes=_processes(t, busy, chance, totals),
        gpus=(_gpu(t, busy, chance),),
        storage=_storage(t, chance) if t % 5 == 0 else (),
        beats=_beats(t, totals),
        events=_events(t),
    )


def _host(t: int, busy: bool, chance: random.Random) -> HostSample:
    level = 0.08 if not busy else 0.22 if slow(t) else 0.68
    return HostSample(
        t_s=float(t),
        cpu_count=16,
        cpu_busy_ratio=level * chance.uniform(0.9, 1.1),
        memory_total_bytes=64 * GIB,
        memory_available_bytes=int((44 - t / 110) * GIB),
        pressure_cpu_some_ratio=0.01 if not busy else 0.09 * chance.uniform(0.7, 1.3),
        pressure_io_some_ratio=(0.71 if slow(t) else 0.03) * chance.uniform(0.8, 1.2),
        pressure_memory_some_ratio=0.0,
    )


def _gpu(t: int, busy: bool, chance: random.Random) -> GpuSample:
    level = 0.0 if not busy else 0.19 if slow(t) else 0.93
    return GpuSample(
        t_s=float(t),
        index=0,
        name="NVIDIA RTX A5000",
        driver="535.161.08",
        utilization_ratio=min(1.0, level * chance.uniform(0.9, 1.08)),
        memory_used_bytes=9 * GIB if t > 18 else GIB,
        memory_total_bytes=24 * GIB,
        power_w=24 + level * 190 * chance.uniform(0.9, 1.05),
        power_limit_w=230.0,
        sm_clock_mhz=1695 if level > 0.5 else 1170 if level else 210,
        sm_clock_max_mhz=2100,
        clock_reasons=(),
        unread=("ecc_uncorrected_total: not supported", "pcie_rx_bytes_per_s: no permission"),
    )


def _processes(t: int, busy: bool, chance: random.Random, totals: dict[str, float]) -> tuple[ProcessSample, ...]:
    main = ProcessSample(
        t_s=float(t),
        pid=4700,
        name="nnUNetv2_train",
        role="main",
        state="R" if busy else "S",
        cpu_ratio=1.1 if busy else 0.02,
        rss_bytes=int(5.2 * GIB),
        read_bytes_total=10**8,
    )
    if t < 14:
        return (main,)
    return (
        main,
        *(_worker(t, n, "train-worker", 4711 + n, busy, chance, totals) for n in range(WORKERS)),
        *(_worker(t, n, "val-worker", 4721 + n, busy, chance, totals) for n in range(WORKERS // 2) if t < 560),
    )


def _worker(
    t: int, n: int, role: str, pid: int, busy: bool, chance: random.Random, totals: dict[str, float]
) -> ProcessSample:
    frozen = stalled(t) and role == "train-worker" and n == FROZEN
    in_d = slow(t) and role == "train-worker" and chance.random() < 0.72
    idle = role == "val-worker" or not busy
    return ProcessSample(
        t_s=float(t),
        pid=pid,
        ppid=4700,
        name="nnUNetv2_train",
        role=role,  # type: ignore[arg-type]
        worker_index=n,
        state="T" if frozen else "D" if in_d else "S" if idle else "R",
        cpu_ratio=0.0 if frozen or idle else 0.08 if in_d else chance.uniform(0.7, 1.0),
        rss_bytes=int((0.9 + n * 0.05) * GIB),
        read_bytes_total=int(totals["read"] / WORKERS) if role == "train-worker" else 0,
        syscall_file=f"{DATA}/{CASES[n]}.b2nd" if in_d else None,
        syscall_mount="nfs4 /mnt/petalab" if in_d else None,
    )


def _storage(t: int, chance: random.Random) -> tuple[StorageSample, ...]:
    return (
        StorageSample(
            t_s=float(t),
            label="preprocessed",
            path=DATA,
            mount_point="/mnt/petalab",
            fs_type="nfs4",
            device="storage3.klinikum.example:/export/petalab",
            read_latency_s=(0.42 if slow(t) else 0.003) * chance.uniform(0.7, 1.6),
        ),
    )


def _beats(t: int, totals: dict[str, float]) -> tuple[Beat, ...]:
    if t < 20:
        return ()
    epoch = next(index for index, (start, end) in enumerate(EPOCHS) if start <= t <= end)
    empty = stalled(t) or slow(t)
    main = Beat(
        t_s=float(t),
        pid=4700,
        phase="train",
        epoch=epoch,
        progress_total=int(totals["steps"]),
        progressed_s=totals["progressed"],
        waits_for="train-batch" if empty else "none",
        wait_began_s=float(STALL[0]) if stalled(t) else None,
        data_wait_s_total=totals["wait"],
        compute_s_total=totals["compute"],
        steps_total=int(totals["steps"]),
        worker_queue=0 if empty else 2 + t % 2,
        worker_queue_size=6,
        ready_queue=0 if empty else 5 + (t // 3) % 2,
        ready_queue_size=6,
    )
    return (
        main,
        *(
            Beat(
                t_s=float(t),
                pid=4711 + n,
                role="train-worker",
                worker_index=n,
                case=_case(t, n),
                steps_total=int(totals["steps"] / WORKERS),
            )
            for n in range(WORKERS)
        ),
    )


def _case(t: int, n: int) -> str | None:
    if stalled(t):
        return CASES[2] if n == FROZEN else None
    return CASES[(t // 2 + n) % len(CASES)]


def _events(t: int) -> tuple[Event, ...]:
    found: list[Event] = []
    if t == 0:
        found.append(PhaseChanged(t_s=0.0, phase="startup"))
    for epoch, (start, end) in enumerate(EPOCHS):
        if t == start:
            found.append(PhaseChanged(t_s=float(t), phase="train", epoch=epoch))
        if t == end - 12:
            found.append(PhaseChanged(t_s=float(t), phase="validate", epoch=epoch))
        if t == end:
            found.append(
                EpochEnded(
                    t_s=float(t),
                    epoch=epoch,
                    duration_s=float(end - start) - 0.7,
                    train_loss=(-0.21, -0.53, -0.61)[epoch],
                    val_loss=(-0.33, -0.55, -0.58)[epoch],
                    pseudo_dice=(0.61 + epoch * 0.08, 0.22 + epoch * 0.13),
                )
            )
    if t == 25:
        found.append(LogLine(t_s=25.0, text=f"predicting {CASES[0]} from {HOME}/data", level="warning"))
    if t == 560:
        found.append(ProcessEnded(t_s=560.0, pid=4721, role="val-worker", worker_index=0, exit_code=0, expected=True))
        found.append(
            ExceptionSeen(
                t_s=560.0,
                pid=4722,
                role="val-worker",
                error="ValueError",
                message=f"mmap length is greater than file size: {DATA}/{CASES[3]}_seg.b2nd",
                traceback=f'File "{HOME}/mambaforge/envs/nn/lib/python3.11/site-packages/nnunetv2/x.py", line 3',
            )
        )
    return tuple(found)


def _stacks() -> tuple[StackDump, ...]:
    lib = f"{HOME}/mambaforge/envs/nn/lib/python3.11"
    return (
        StackDump(
            t_s=436.0,
            pid=4700,
            role="main",
            rung="py-spy",
            threads=(
                ThreadStack(
                    name="MainThread",
                    active=False,
                    frames=(
                        Frame(function="__get_next_item", file=f"{lib}/site-packages/batchgenerators/x.py", line=261),
                        Frame(function="run_training", file=f"{HOME}/src/trainer.py", line=1396),
                    ),
                ),
                ThreadStack(
                    name="Thread-3 (results_loop)",
                    active=False,
                    frames=(
                        Frame(function="recv", file=f"{lib}/multiprocessing/connection.py", line=250),
                        Frame(function="rebuild_storage_fd", file=f"{lib}/site-packages/torch/reductions.py", line=542),
                    ),
                ),
            ),
        ),
        StackDump(
            t_s=436.0,
            pid=FROZEN_PID,
            role="train-worker",
            rung="proc",
            threads=(ThreadStack(state="T", wait_channel="do_signal_stop"),),
            refused=("py-spy: permission denied",),
        ),
    )


def _probe_runs() -> tuple[ProbeRun, ...]:
    costs = {"process": 0.0011, "gpu": 0.0006, "host": 0.0003, "heartbeat": 0.0001, "storage": 0.0004}
    runs = [
        ProbeRun(t_s=float(minute * 60), probe=probe, ok=True, cost_s=cost)
        for minute in range(11)
        for probe, cost in costs.items()
    ]
    runs.append(ProbeRun(t_s=0.0, probe="kernel-log", ok=False, cost_s=0.0002, error="/dev/kmsg: permission denied"))
    return tuple(runs)


def environment() -> Environment:
    return Environment(
        wall_start="2026-03-04T08:12:09+00:00",
        utc_offset_s=3600,
        hostname=HOST,
        command=(f"{HOME}/mambaforge/envs/nn/bin/nnUNetv2_train", "42", "3d_fullres", "0"),
        main_pid=4700,
        hooked=True,
        os="Ubuntu 22.04.4 LTS",
        kernel="5.15.0-100-generic",
        container="none",
        virtual_machine="none",
        cpu_model="AMD EPYC 7313 16-Core Processor",
        versions=(("python", "3.11.8"), ("torch", "2.3.0"), ("nnunetv2", "2.8.1"), ("batchgenerators", "0.25.5")),
        variables=(("nnUNet_n_proc_DA", "6"), ("nnUNet_preprocessed", f"/mnt/petalab/{USER}/nnUNet_preprocessed")),
        plans=(("dataset", "Dataset042_Pancreas"), ("configuration", "3d_fullres"), ("fold", "0")),
        output_folder=f"{HOME}/results/Dataset042_Pancreas/fold_0",
        preprocessed_folder=DATA,
    )


def episode_stall() -> Episode:
    return Episode(
        kind="stall",
        phase="train",
        start_s=float(STALL[0]),
        alarm_s=STALL[0] + 6.0,
        end_s=float(STALL[1]),
        detector="stall",
        subject=Subject(role="main"),
        pid=4700,
        reason="no progress for 6 s (limit 5 s) and nobody in the process tree works",
    )


def episode_slow() -> Episode:
    return Episode(
        kind="slow-down",
        phase="train",
        start_s=float(SLOW[0]),
        alarm_s=SLOW[0] + 18.0,
        end_s=float(SLOW[1]),
        detector="progress",
        subject=Subject(role="main"),
        reason="a step takes 1.01 s instead of 0.21 s",
    )


def diagnosis_stall() -> Diagnosis:
    worker = Subject(role="train-worker", index=FROZEN, pid=FROZEN_PID)
    hand_over = chain.HAND_OVER(worker=worker)
    return Diagnosis(
        episode=episode_stall(),
        wait_chain=(
            Link(
                waiter=chain.MAIN(),
                target=chain.BATCH_QUEUE(),
                how=WAITS_FOR_BATCH,
            ),
            Link(waiter=chain.BATCH_QUEUE(), target=chain.RESULTS_LOOP(), how=progress.FILL(ready=0, size=6)),
            Link(waiter=chain.RESULTS_LOOP(), target=hand_over, how=progress.STACK(method="py-spy")),
            Link(waiter=hand_over, target=chain.STOPPED(), how=chain.PROCESS_STATE()),
        ),
        verdicts=(
            Verdict(
                cause="frozen-worker",
                verdict="confirmed",
                score=0.97,
                supports=(
                    finding("workers.stopped", "worker-stopped", (worker,)),
                    finding("results_loop.waits_on", "hand-over-waits", "tensor-hand-over", "rebuild_storage_fd"),
                    finding("main.waits_on", "main-waits-for-workers", "batch-queue", "__get_next_item"),
                    finding("queue.ready", "ready-queue-empty", "empty", progress.FILL(ready=0, size=6)),
                ),
                against=(finding("progress.resumed", "progress-goes-on", "yes"),),
                unknown=(finding("gpu.clock_reasons", "unknown-fact", "None", "not supported"),),
            ),
            Verdict(
                cause="slow-storage",
                verdict="possible",
                score=0.22,
                supports=(finding("pressure.io", "io-pressure", "0.031"),),
                against=(finding("workers.stopped", "worker-stopped", (worker,)),),
            ),
            Verdict(cause="gpu-side-stall", verdict="excluded", score=0.0),
            Verdict(cause="worker-killed", verdict="excluded", score=0.0),
        ),
        facts=(
            Fact(name="storage.kernel_errors", status="unknown", reason="/dev/kmsg: permission denied"),
            Fact(name="main.where", value="x", detail=f"{worker.name} is in state T, reading {DATA}/{CASES[2]}.b2nd"),
        ),
        remedies=(
            (
                "frozen-worker",
                (
                    Remedy(id="continue-process", safety="SAFE", command=f"kill -CONT {FROZEN_PID}"),
                    Remedy(
                        id="end-and-continue",
                        safety="CONSENT",
                        command="nnUNetv2_train Dataset042_Pancreas 3d_fullres 0 --c",
                    ),
                    Remedy(id="file-system-sharing", safety="CONSENT"),
                ),
            ),
        ),
    )


# What the words for the administrator are filled with.
ASKED = (
    ("cause", "slow-storage"),
    ("host", HOST),
    ("path", DATA),
    ("mount", "nfs4 /mnt/petalab"),
    ("latency", "0.42"),
    ("usual", "0.003"),
)


def diagnosis_slow() -> Diagnosis:
    file = f"{DATA}/{CASES[1]}.b2nd"
    blocked = tuple(Subject(role="train-worker", index=number, pid=4711 + number) for number in (0, 3))
    return Diagnosis(
        episode=episode_slow(),
        wait_chain=(
            Link(
                waiter=chain.MAIN(),
                target=chain.BATCH_QUEUE(),
                how=WAITS_FOR_BATCH,
            ),
            Link(waiter=chain.BATCH_QUEUE(), target=chain.BLOCKED_WORKERS(count=5), how=progress.FILL(ready=0, size=6)),
            Link(waiter=chain.BLOCKED_WORKERS(count=5), target=file, how=chain.BY_CALL()),
            Link(waiter=file, target="nfs4 /mnt/petalab", how=chain.BY_MOUNT()),
        ),
        verdicts=(
            Verdict(
                cause="slow-storage",
                verdict="likely",
                score=0.71,
                supports=(
                    finding("workers.blocked", "worker-blocked", blocked),
                    finding("pressure.io", "io-pressure", "0.71"),
                    finding("storage.latency_s", "read-is-slow", "0.42"),
                    finding(
                        "storage.times_usual",
                        "read-slower-than-before",
                        "140",
                        host.SLOWER(recent=0.42, usual=0.003),
                    ),
                ),
                unknown=(finding("storage.kernel_errors", "unknown-fact", "None", "/dev/kmsg: permission denied"),),
            ),
            Verdict(cause="cpu-starved-augmentation", verdict="excluded", score=0.0),
        ),
        remedies=(
            (
                "slow-storage",
                (
                    Remedy(id="measure-storage", safety="SAFE", command=f"df -hT {DATA}"),
                    Remedy(
                        id="copy-to-local-disk",
                        safety="CONSENT",
                        command=f"rsync -a {DATA} /scratch/\nexport nnUNet_preprocessed=/scratch",
                    ),
                    Remedy(id="ask-administrator", values=ASKED),
                ),
            ),
        ),
    )


def diagnoses() -> tuple[Diagnosis, ...]:
    return (diagnosis_slow(), diagnosis_stall())


def finding(fact: str, text: str, value: Value, detail: Text = "") -> Finding:
    return Finding(fact=fact, text=text, values=(("value", value), ("detail", detail), ("fact", fact)))
