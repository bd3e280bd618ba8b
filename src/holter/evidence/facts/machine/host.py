"""Facts about CPU limits, pressure and storage."""

from __future__ import annotations

from holter.evidence.disk_space import describe_mount
from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import KERNEL_SILENT
from holter.evidence.window import Window, last, middle
from holter.records import DATA_WORKERS, CgroupSample, HostSample, KernelMessage
from holter.sentences import define

# Where the training reads data and writes: a dead mount under either one blocks it.
FOLDERS = ("preprocessed", "results")

CPUS_ALLOCATED = define("seen.cpu.allocated", "{effective:g} of {visible:cpus}")
CPUS_USED = define("seen.cpu.used", "of {effective:cpus}")
CPUS_AND_WORKERS = define(
    "seen.cpu.workers", "{count} workers, {effective:cpus}", one="{count} worker, {effective:cpus}"
)
THROTTLED = define("seen.cpu.throttled", "{throttled} of {periods} periods")
SLOWER = define("seen.storage.slower", "{recent:.3f} s instead of {usual:.4f} s")
NO_QUOTA = define("why.cpu.no-quota", "no CPU quota is set")
NOT_COUNTED = define("why.cpu.not-counted", "the cgroup does not count throttled periods")
NO_ANSWER = define("why.storage.no-answer", "no read was answered")
NO_FOLDER = define("why.storage.no-folder", "neither nnUNet_preprocessed nor the results folder is known")
NO_PREPROCESSED = define("why.storage.no-preprocessed", "nnUNet_preprocessed is not known")


def collect(window: Window, book: FactBook) -> None:
    """Add the facts about CPUs that the run may use and does use, about pressure, and about storage."""
    hosts = [tick.host for tick in window.during if tick.host]
    groups = [tick.cgroup for tick in window.during if tick.cgroup]
    _cpu(window, book, hosts, groups)
    _throttling(window, book)
    for name, values in (
        ("cpu.host_busy_ratio", [host.cpu_busy_ratio for host in hosts]),
        ("cpu.steal_ratio", [host.cpu_steal_ratio for host in hosts]),
        ("cpu.iowait_ratio", [host.cpu_iowait_ratio for host in hosts]),
        ("pressure.cpu", [host.pressure_cpu_some_ratio for host in hosts]),
        ("pressure.io", [host.pressure_io_some_ratio for host in hosts]),
    ):
        book.known(name, middle(values), unless=KERNEL_SILENT())
    _storage(window, book)


def _hosts(window: Window) -> list[HostSample]:
    return [tick.host for tick in window.all if tick.host and tick.t_s >= window.episode.start_s - 60]


def _cpu(window: Window, book: FactBook, hosts: list[HostSample], groups: list[CgroupSample]) -> None:
    groups = groups or [tick.cgroup for tick in window.all if tick.cgroup]
    effective = last(group.effective_cpus for group in groups)
    visible = last(host.cpu_count for host in hosts or _hosts(window))
    book.known("cpu.effective", effective)
    book.known("cpu.visible", visible)
    if effective is not None and visible:
        book.known("cpu.allocated_ratio", effective / visible, CPUS_ALLOCATED(effective=effective, visible=visible))
    quota = last(group.cpu_quota_cpus for group in groups)
    if groups and quota is None:
        book.not_applicable("cpu.quota", NO_QUOTA())
    else:
        book.known("cpu.quota", quota)
    workers = [
        sum(process.role in DATA_WORKERS for process in tick.processes) for tick in window.all[-120:] if tick.processes
    ]
    if effective and workers:
        detail = CPUS_AND_WORKERS(count=max(workers), effective=effective)
        book.known("cpu.workers_per_cpu", max(workers) / effective, detail)
    used = [sum(process.cpu_ratio or 0.0 for process in tick.processes) for tick in window.during if tick.processes]
    if used and effective:
        book.known("cpu.run_busy_ratio", sum(used) / len(used) / effective, CPUS_USED(effective=effective))


def _throttling(window: Window, book: FactBook) -> None:
    groups = [tick.cgroup for tick in window.during if tick.cgroup and tick.cgroup.cpu_periods_total is not None]
    if book.facts["cpu.quota"].status == "not-applicable":
        book.not_applicable("cpu.throttled_ratio", NO_QUOTA())
        return
    if len(groups) < 2:
        book.unknown("cpu.throttled_ratio", NOT_COUNTED())
        return
    periods = (groups[-1].cpu_periods_total or 0) - (groups[0].cpu_periods_total or 0)
    throttled = (groups[-1].cpu_throttled_periods_total or 0) - (groups[0].cpu_throttled_periods_total or 0)
    book.known(
        "cpu.throttled_ratio",
        throttled / periods if periods > 0 else 0.0,
        THROTTLED(throttled=throttled, periods=periods),
    )


def _storage(window: Window, book: FactBook) -> None:
    now = window.storage("preprocessed")
    samples = window.storage("preprocessed", window.all)
    if not samples:
        book.unknown(("storage.fs_type", "storage.latency_s"), NO_PREPROCESSED())
    else:
        book.known("storage.fs_type", samples[-1].fs_type)
        latency = [sample.read_latency_s for sample in now if sample.read_latency_s is not None]
        book.known("storage.latency_s", max(latency) if latency else None, unless=NO_ANSWER())
    _answers(window, book)
    usual = [sample.read_latency_s for sample in window.storage("preprocessed", window.before)]
    book.known("storage.usual_latency_s", middle(usual))
    now_s, usual_s = book.value("storage.latency_s"), book.value("storage.usual_latency_s")
    if isinstance(now_s, (int, float)) and isinstance(usual_s, (int, float)) and usual_s > 0:
        book.known("storage.times_usual", now_s / usual_s, SLOWER(recent=now_s, usual=usual_s))
    errors = [
        event.text[:160]
        for event in window.recording.events(KernelMessage, start_s=window.episode.start_s - 60, end_s=window.end_s)
        if event.what in ("io-error", "nfs")
    ]
    book.known("storage.kernel_errors", tuple(errors))


# State the longest wait for a read of data or results, and the slowest folder and mount.
def _answers(window: Window, book: FactBook) -> None:
    readings = [sample for label in FOLDERS for sample in window.storage(label)]
    slowest = max(readings, key=lambda read: (read.probe_pending_s or 0.0, read.read_latency_s or 0.0), default=None)
    if slowest is None:
        book.unknown("storage.pending_s", NO_FOLDER())
        book.unknown("storage.mount", NO_FOLDER())
        book.not_applicable("storage.path", NO_FOLDER())
        return
    book.known("storage.pending_s", slowest.probe_pending_s or 0.0, slowest.path)
    book.known("storage.mount", describe_mount(slowest) or None, slowest.path)
    book.known("storage.path", slowest.path)
