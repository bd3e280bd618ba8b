"""Facts about GPUs, compilation and ranks, computed from made-up ticks, real sentences and real version numbers."""

from __future__ import annotations

import pytest

from holter.evidence import collect
from holter.evidence.fact_book import Evidence
from holter.evidence.facts.gpu import fitting
from holter.evidence.facts.gpu.compiling import lacking
from holter.evidence.facts.gpu.health import trouble, xid_kind
from holter.probes.gpu.gpu import CALL_OVERDUE, NO_DRIVER, NOT_OPEN, NOT_OPEN_DEVICE, UNREACHABLE
from holter.records import (
    Beat,
    Environment,
    Episode,
    ExceptionSeen,
    GpuProcess,
    GpuSample,
    GpuSlice,
    KernelMessage,
    LogLine,
    ProcessSample,
    Tick,
)
from holter.reports.catalogue import phrase
from holter.tape import Recording

MAIN = 4711


def facts(*, kind="stall", gpus=(), events=(), beats=(), processes=None, environment=None, seconds=30) -> Evidence:
    """Evidence of an episode that began at 10 s, raised an alarm at 20 s, and looked the same all the time."""
    tree = processes if processes is not None else (ProcessSample(t_s=0.0, pid=MAIN, role="main", state="S"),)
    ticks = tuple(
        Tick(
            t_s=float(second),
            gpus=tuple(gpus),
            beats=tuple(beats),
            processes=tree,
            events=tuple(event for event in events if int(event.t_s) == second),
        )
        for second in range(seconds)
    )
    recording = Recording(all_ticks=ticks, environment=environment)
    return collect(recording, Episode(kind=kind, start_s=10.0, alarm_s=20.0, subject="training", pid=MAIN))


def gpu(**readings) -> GpuSample:
    given = {
        "t_s": 0.0, "index": 0, "utilization_ratio": 0.95, "power_w": 280.0, "power_limit_w": 400.0,
        "clock_reasons": (),
        "memory_used_bytes": 9 << 30, "memory_total_bytes": 40 << 30, "pcie_generation": 4, "pcie_generation_max": 4,
        "pcie_width": 16, "pcie_width_max": 16, "mig": False, "virtualization": "none",
        "processes": (GpuProcess(pid=MAIN, name="python", memory_bytes=9 << 30, ours=True),),
    }  # fmt: skip
    return GpuSample(**{**given, **readings})


def value(evidence: Evidence, name: str) -> object:
    fact = evidence.fact(name)
    return fact.value if fact.status == "known" else f"({fact.status})"


# --- the link ---------------------------------------------------------------------------------------------------


def test_a_link_is_judged_under_load_and_an_idle_gpu_may_lower_it():
    slow = {"pcie_generation": 1}
    assert value(facts(gpus=[gpu(**slow)]), "gpu.pcie_ratio") == pytest.approx(0.25 / 1.969, abs=0.001)
    assert value(facts(gpus=[gpu(**slow, utilization_ratio=0.0)]), "gpu.pcie_ratio") == "(unknown)"
    assert value(facts(gpus=[gpu(**slow, clock_reasons=("gpu-idle",))]), "gpu.pcie_ratio") == "(unknown)"
    assert value(facts(gpus=[gpu()]), "gpu.pcie_ratio") == 1.0


def test_the_best_link_under_load_counts_and_that_of_others_does_not():
    mixed = [gpu(), gpu(index=1, pcie_width=1, processes=(GpuProcess(pid=9, name="other"),))]
    assert value(facts(gpus=mixed), "gpu.pcie_ratio") == 1.0


def test_traffic_is_measured_against_the_link_as_it_is():
    found = facts(gpus=[gpu(pcie_width=1, pcie_rx_bytes_per_s=1.5e9, pcie_tx_bytes_per_s=0.1e9)])
    assert value(found, "gpu.pcie_busy_ratio") == pytest.approx(1.5 / 1.969, abs=0.001)
    assert value(facts(gpus=[gpu()]), "gpu.pcie_busy_ratio") == "(unknown)"


# --- memory, slices, spinning -------------------------------------------------------------------------------------


def test_full_use_at_the_power_of_an_idle_gpu_is_spinning():
    assert value(facts(gpus=[gpu(utilization_ratio=1.0, power_w=90.0)]), "gpu.spinning") == (
        "GPU 0 (100% busy at 22% of its power)",
    )
    words = facts(gpus=[gpu(utilization_ratio=1.0, power_w=90.0)]).fact("gpu.spinning").words
    assert phrase(words, "zh") == "GPU 0（利用率 100 %，功耗只有上限的 22 %）"
    assert value(facts(gpus=[gpu(utilization_ratio=1.0)]), "gpu.spinning") == ()
    assert value(facts(gpus=[gpu(power_w=None)]), "gpu.spinning") == "(unknown)"


def test_the_slice_that_lists_us_is_ours_and_its_memory_counts():
    slices = (
        GpuSlice(name="1g.5gb", uuid="MIG-a", memory_used_bytes=4 << 30, memory_total_bytes=5 << 30, pids=(MAIN,)),
        GpuSlice(name="3g.20gb", uuid="MIG-b", memory_used_bytes=0, memory_total_bytes=20 << 30, pids=(9,)),
    )
    found = facts(gpus=[gpu(mig=True, slices=slices)])
    assert (value(found, "gpu.slice"), value(found, "gpu.slice_bytes")) == ("1g.5gb", 5 << 30)
    assert value(found, "gpu.memory_ratio") == 0.8
    hidden = tuple(
        GpuSlice(name=part.name, uuid=part.uuid, memory_total_bytes=part.memory_total_bytes) for part in slices
    )
    assert value(facts(gpus=[gpu(mig=True, slices=hidden)]), "gpu.slice") == "(unknown)"
    assert value(facts(gpus=[gpu(mig=True, slices=hidden[:1])]), "gpu.slice") == "1g.5gb"
    assert value(facts(gpus=[gpu()]), "gpu.slice_bytes") == "(not-applicable)"


# --- driver and kernel log ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("note", "word"),
    [
        (UNREACHABLE(error="gpu is lost"), "lost"),
        (
            NOT_OPEN_DEVICE(error="unknown error", device="/dev/nvidiactl", refusal="operation not permitted"),
            "forbidden",
        ),
        (NOT_OPEN(error="rm has detected an nvml/rm version mismatch."), "mismatch"),
        (NOT_OPEN(error="driver not loaded"), "closed"),
        (CALL_OVERDUE(call="nvmlDeviceGetUtilizationRates", silent=45.0), "silent"),
        (CALL_OVERDUE(call="nvmlDeviceGetUtilizationRates", silent=4.0), None),
        (NO_DRIVER(), None),
        # Plain text is a quotation: NVML's words count, those of an older Holter do not.
        ("the driver does not reach this GPU: gpu is lost", "lost"),
        ("rm has detected an nvml/rm version mismatch.", "mismatch"),
        ("the NVIDIA driver does not open: driver not loaded", None),
        ("nvmlDeviceGetUtilizationRates has not returned for 45 s", None),
        (None, None),
    ],
)  # fmt: skip
def test_what_a_note_of_the_gpu_probe_tells(note, word):
    assert trouble(note) == word


def test_a_silent_driver_hangs_only_if_the_main_process_does():
    silent = GpuSample(t_s=0.0, index=0, note=CALL_OVERDUE(call="nvmlDeviceGetMemoryInfo", silent=40.0))
    blocked = (ProcessSample(t_s=0.0, pid=MAIN, role="main", state="D"),)
    assert value(facts(gpus=[silent]), "gpu.trouble") == "silent"
    assert value(facts(gpus=[silent], processes=blocked), "gpu.trouble") == "hung"
    assert value(facts(gpus=[gpu()]), "gpu.trouble") == "(not-applicable)"
    assert value(facts(), "gpu.trouble") == "(unknown)"


def test_the_lost_gpu_of_somebody_else_is_not_ours():
    lost = GpuSample(t_s=0.0, index=1, note=UNREACHABLE(error="gpu is lost"))
    assert value(facts(gpus=[gpu(), lost]), "gpu.trouble") == "(not-applicable)"
    assert value(facts(gpus=[lost]), "gpu.trouble") == "lost"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("NVRM: Xid (PCI:0000:2b:00): 79, GPU has fallen off the bus.", "gone"),
        ("NVRM: GPU 0000:2b:00.0: GPU has fallen off the bus.", "gone"),
        ("NVRM: Xid (PCI:0000:01:00): 119, pid=12, name=python, Timeout after 6s of waiting for RPC response", "gone"),
        ("NVRM: Xid (PCI:0000:3b:00): 48, pid=7, An uncorrectable double bit error (DBE) has been detected", "memory"),
        ("NVRM: Xid (0000:01:00): 31, Ch 0000000b, engmask 00000120, intr 10000000", "application"),
        ("NVRM: Xid (PCI:0000:10:1c): 63, pid=1896, Row Remapper: New row marked for remapping", "other"),
    ],
)
def test_xid_numbers_of_hardware_and_of_programs_are_told_apart(line, kind):
    assert xid_kind(line) == kind


def test_the_worst_xid_of_the_episode_counts():
    lines = [
        KernelMessage(t_s=9.0, what="xid", text="NVRM: Xid (PCI:0000:2b:00): 43, pid=7, name=python, Ch 00000008"),
        KernelMessage(t_s=9.0, what="xid", text="NVRM: Xid (PCI:0000:2b:00): 79, GPU has fallen off the bus."),
    ]
    assert value(facts(events=lines), "gpu.xid_kind") == "gone"
    assert value(facts(events=lines[:1]), "gpu.xid_kind") == "application"
    assert value(facts(), "gpu.xid_kind") == "(not-applicable)"


def test_a_gpu_error_after_the_episode_is_not_its_own():
    text = "NVRM: Xid (PCI:0000:2b:00): 79, GPU has fallen off the bus."
    during = facts(gpus=[gpu()], events=(KernelMessage(t_s=21.0, what="xid", text=text),), seconds=200)
    assert (value(during, "gpu.kernel_errors"), value(during, "gpu.xid_kind")) == ((text,), "gone")
    later = facts(gpus=[gpu()], events=(KernelMessage(t_s=150.0, what="xid", text=text),), seconds=200)
    assert (value(later, "gpu.kernel_errors"), value(later, "gpu.xid_kind")) == ((), "(not-applicable)")


# --- what was said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx", "compiler"),
        ("RuntimeError: Failed to find C compiler. Please specify via CC environment variable.", "compiler"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/usr/bin/gcc'", "compiler"),
        ("error: ‘for’ loop initial declarations are only allowed in C99 mode", "old-compiler"),
        ("g++: error: unrecognized command line option '-std=c++17'", "old-compiler"),
        ("main.c:3:10: fatal error: Python.h: No such file or directory", "python-headers"),
        ("TritonMissing: Cannot find a working triton installation.", "triton"),
        ("/usr/bin/ld: cannot find -lcuda: No such file or directory", "linker"),
        ("PermissionError: [Errno 13] Permission denied: '/tmp/torchinductor_root/abc'", "cache"),
        ("RuntimeError: Windows not yet supported for torch.compile", "windows"),
        ("BackendCompilerFailed: backend='inductor' raised: AssertionError", None),
    ],
)
def test_what_a_failed_compilation_lacks(text, word):
    assert lacking(text) == word


WATCHDOG = (
    "[rank1]:[E ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=42, "
    "OpType=ALLGATHER, NumelIn=1, NumelOut=2, Timeout(ms)=600000) ran for 600013 milliseconds before timing out."
)


def test_a_watchdog_that_aborts_the_process_still_names_the_kind_of_error():
    found = facts(kind="death", events=[LogLine(t_s=9.0, text=WATCHDOG, level="error")])
    assert (value(found, "ddp.timed_out"), value(found, "exception.kind")) == ("allgather", "nccl-timeout")


def test_what_was_not_recorded_is_unknown_and_what_was_not_said_does_not_apply():
    assert value(facts(), "compile.missing") == "(unknown)"
    assert value(facts(events=[LogLine(t_s=1.0, text="Training done.")]), "compile.missing") == "(not-applicable)"


def test_assertions_on_the_gpu_and_the_fall_back_are_read_from_the_console():
    lines = [
        LogLine(t_s=2.0, text="Using torch.compile..."),
        LogLine(t_s=9.0, text="/pytorch/aten/src/ATen/native/cuda/ScatterGatherKernel.cu:144: operator(): block: "
                '[1,0,0], thread: [2,0,0] Assertion `idx_dim >= 0 && idx_dim < index_size && "index out of bounds"` '
                "failed."),
        LogLine(t_s=9.0, text="Prediction on device was unsuccessful, probably due to a lack of memory. Moving results "
                "arrays to CPU"),
    ]  # fmt: skip
    found = facts(events=lines)
    assert str(value(found, "exception.assertion")).startswith("ScatterGatherKernel.cu idx_dim >= 0")
    assert value(found, "predict.on_cpu") is True
    assert value(found, "compile.started") is True


def test_compilers_count_while_they_work():
    def tree(cpu):
        return (
            ProcessSample(t_s=0.0, pid=MAIN, role="main", state="S"),
            ProcessSample(t_s=0.0, pid=2, role="compile-worker", name="python", cpu_ratio=cpu),
            ProcessSample(t_s=0.0, pid=3, name="cc1plus", cpu_ratio=cpu),
            ProcessSample(t_s=0.0, pid=4, name="bash", cpu_ratio=cpu),
        )

    assert value(facts(processes=tree(0.9)), "compile.children") == ("cc1plus", "python")
    assert value(facts(processes=tree(0.0)), "compile.children") == ()


# --- ranks --------------------------------------------------------------------------------------------------------


def beat(pid: int, **state) -> Beat:
    return Beat(
        **{"t_s": 0.0, "pid": pid, "phase": "train", "epoch": 3, "progress_total": 9, "steps_total": 9, **state}
    )


@pytest.mark.parametrize(
    ("second", "behind", "chinese"),
    [
        ({"waits_for": "train-batch"}, ("PID 12 (waits for train-batch)",), "PID 12（在等训练批次）"),
        ({"epoch": 2, "phase": "checkpoint"}, ("PID 12 (still in checkpoint)",), "PID 12（还在保存检查点）"),
        ({}, (), ""),
    ],
)
def test_who_is_elsewhere_than_the_others_is_behind(second, behind, chinese):
    found = facts(beats=[beat(11), beat(12, **second)])
    assert value(found, "ddp.behind") == behind
    assert phrase(found.fact("ddp.behind").words or "", "zh") == chinese
    assert value(found, "ddp.ranks") == 2


def test_ranks_that_went_on_until_the_end_accuse_none_of_them():
    beats = [beat(11, t_s=20.0, progressed_s=19.9), beat(12, t_s=20.0, progressed_s=19.8, waits_for="train-batch")]
    assert value(facts(kind="death", beats=beats), "ddp.behind") == "(not-applicable)"


def test_a_stopped_rank_is_behind_though_its_page_looks_like_the_others():
    tree = tuple(ProcessSample(t_s=0.0, pid=pid, role="main", state=state) for pid, state in ((11, "R"), (12, "T")))
    found = facts(beats=[beat(11), beat(12)], processes=tree)
    assert value(found, "ddp.behind") == ("PID 12 (state T)",)
    assert value(found, "main.state") == "T", "it holds up the others"


def test_the_process_that_starts_the_ranks_is_none_of_them():
    starter = Beat(t_s=0.0, pid=10, phase="startup")
    assert value(facts(beats=[starter, beat(11)]), "ddp.ranks") == 1
    assert value(facts(beats=[starter, beat(11)]), "ddp.behind") == "(not-applicable)"


def test_one_slow_rank_slows_all_and_all_slow_ranks_are_no_rank():
    def run(*shares):
        ticks = tuple(
            Tick(t_s=float(second), beats=tuple(
                beat(11 + number, data_wait_s_total=share * second, compute_s_total=(1 - share) * second)
                for number, share in enumerate(shares)
            ))
            for second in range(30)
        )  # fmt: skip
        episode = Episode(kind="slow-down", start_s=10.0, alarm_s=20.0, subject="training")
        return value(collect(Recording(all_ticks=ticks), episode), "ddp.behind")

    assert run(0.02, 0.6) == ("PID 12 (waits 60% of a step for its batch)",)
    assert run(0.5, 0.6) == ()


# --- versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("torch", "cudnn", "slow"),
    [
        ("2.9.0+cu128", "9.10.2.21", "conv3d-without-cudnn"),
        ("2.9.0", "9.15.1.9", "conv3d-without-cudnn"),  # it does not ask for the version of cuDNN
        ("2.9.1", "9.10.2.21", "conv3d-without-cudnn"),
        ("2.9.1", "91301", "conv3d-without-cudnn"),
        ("2.9.1", "9.15.1.9", "none"),
        ("2.9.1", None, None),
        ("2.8.0", "9.10.2.21", "none"),
        ("2.10.0", None, "none"),
        ("1.8.1", "8005", "conv3d-without-tensor-cores"),
        ("1.10.0", "8.2.0.53", "none"),
        (None, "9.10.2.21", None),
    ],
)
def test_versions_that_are_known_to_be_slow(torch, cudnn, slow):
    assert fitting.slow_kernels(torch, cudnn) == slow


@pytest.mark.parametrize(
    ("driver", "cuda", "fits"),
    [("470.256.02", "12.8", False),
     ("535.161.08", "12.8", True), ("550.90.07", "13.0", False), ("580.65", "13.0", True),
     ("550.90.07", None, None), (None, "12.8", None), ("550.90.07", "10.2", None)],
)  # fmt: skip
def test_a_driver_must_be_of_the_series_that_cuda_asks_for(driver, cuda, fits):
    assert fitting.driver_fits(driver, cuda) is fits


@pytest.mark.parametrize(
    ("capability", "cuda", "fits"),
    [("12.0", "12.6", False), ("12.0", "12.8", True), ("9.0", "11.7", False), ("8.9", "11.8", True),
     ("7.0", "13.0", False),
     ("7.0", "12.6", True), ("7.5", "13.0", True), (None, "12.8", None), ("99.0", "13.0", None)],
)  # fmt: skip
def test_pytorch_must_have_code_for_the_gpu(capability, cuda, fits):
    assert fitting.capability_fits(capability, cuda) is fits


def test_the_wheel_of_cudnn_tells_its_version():
    environment = Environment(
        wall_start="2026-03-04T08:12:09+00:00",
        versions=(("torch", "2.9.1"), ("nvidia-cudnn-cu12", "9.10.2.21"), ("cuda", "12.8")),
        gpu_iommu="translated",
    )
    found = facts(environment=environment, gpus=[gpu(compute_capability="9.0")])
    assert value(found, "software.cudnn") == "9.10.2.21"
    assert value(found, "software.slow_kernels") == "conv3d-without-cudnn"
    assert value(found, "gpu.capability_fits") is True
    assert value(found, "system.gpu_iommu") == "translated"


def test_an_exception_is_found_by_its_traceback():
    error = ExceptionSeen(
        t_s=9.0, role="main", error="InductorError", message="see below",
        traceback="...\ntorch._inductor.exc.InvalidCxxCompiler: No working C++ compiler found",
    )  # fmt: skip
    found = facts(kind="death", events=[error])
    assert (value(found, "exception.kind"), value(found, "compile.missing")) == ("compile", "compiler")
