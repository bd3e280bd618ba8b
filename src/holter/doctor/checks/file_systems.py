"""Checks of the file systems: fast enough for the reads of the plan, of which kind, and whose clock stamps files."""

from __future__ import annotations

from collections.abc import Mapping

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.needs import Reading, free_memory, reading, workers
from holter.doctor.records import Folder, Result, Survey
from holter.linux.mounts import is_remote
from holter.sentences import define_all

define_all(
    {
        "doctor.reading-speed.title": "reading speed",
        "doctor.file-system.title": "file system",
        "doctor.file-clock.title": "clock of the files",
        "doctor.reading-speed.go": (
            "{latency:ms} ms a read[[, {rate:bytes}/s]][[ ({kind})]]; the plan needs {need_reads:.0f} reads and "
            "{need_rate:bytes} a second"
        ),
        "doctor.reading-speed.cached": (
            "{latency:ms} ms a read: in memory, or its cache cannot be bypassed[[ ({kind})]]"
        ),
        "doctor.reading-speed.no-plan": "{latency:ms} ms a read[[, {rate:bytes}/s]][[ ({kind})]]",
        "doctor.reading-speed.slow-at-first": (
            "A read takes {latency:ms} ms[[, {rate:bytes}/s]][[ ({kind})]]; the plan needs {need_reads:.0f} reads and "
            "{need_rate:bytes} a second. "
            "The first epochs will be slow, later ones read from memory: the data fits."
        ),
        "doctor.reading-speed.slow-at-first.do": (
            "Copy the data to a local disk, or wait for the second epoch before you judge."
        ),
        "doctor.reading-speed.slow": (
            "A read takes {latency:ms} ms[[, {rate:bytes}/s]][[ ({kind})]]; the plan needs {need_reads:.0f} reads and "
            "{need_rate:bytes} a second, and memory cannot hold the data."
        ),
        "doctor.reading-speed.slow.do": "Copy the preprocessed data to a local SSD, and set nnUNet_preprocessed to it.",
        "doctor.reading-speed.slowish": "A read takes {latency:ms} ms[[ ({kind})]]; a local SSD needs a tenth of that.",
        "doctor.reading-speed.slowish.do": "Keep nnUNet_preprocessed on a local SSD.",
        "doctor.reading-speed.very-slow": (
            "A read takes {latency:ms} ms[[ ({kind})]]: a training would wait for every batch."
        ),
        "doctor.reading-speed.very-slow.do": "Keep nnUNet_preprocessed on a local SSD.",
        "doctor.file-system.go": "{kind}[[ at {mount}]]",
        "doctor.file-system.rotational": "The data is on a spinning disk ({kind}[[ at {mount}]]).",
        "doctor.file-system.rotational.do": "Keep nnUNet_preprocessed on an SSD.",
        "doctor.file-system.network": (
            "The data comes through {kind}[[ at {mount}]]; every worker depends on its server."
        ),
        "doctor.file-system.network.do": "Copy it to a local SSD (Slurm: $SLURM_TMPDIR) at the start of the job.",
        "doctor.file-clock.go": "agrees with this machine's",
        "doctor.file-clock.skew": (
            "The clock of the file server of {path} differs from this machine's by {seconds:duration}."
        ),
        "doctor.file-clock.skew.do": "Synchronise both clocks; until then the ages of files are wrong.",
    }
)

# Three times what the plan needs is enough for other folds too; a third of it starves the GPU.
ENOUGH_TIMES, TOO_SLOW_TIMES = 1.0, 0.33
# Without a plan: a SATA SSD answers in 0.1 to 0.3 ms, a spinning disk in 5 to 10, an NFS server in 0.5 to 5.
SLOW_READ_S, VERY_SLOW_READ_S = 0.003, 0.02
# A larger difference of the clocks makes checkpoints look older or newer than they are.
SKEW_S = 5.0


def reading_speed(survey: Survey) -> Result:
    """Check random reads and throughput of nnUNet_preprocessed against the plan's needs."""
    folder = survey.folder("preprocessed")
    if folder is None:
        return not_applicable("reading-speed", "no-preprocessed")
    if folder.read_latency_s is None:
        return unknown("reading-speed", folder.trouble or "no-file")
    values = {
        "latency": folder.read_latency_s,
        "rate": folder.read_bytes_per_s,
        "kind": folder.fs_type,
        "reads": folder.reads,
    }
    need = reading(survey)
    if need is None:
        return _without_need(folder, values)
    values |= {"need_rate": need.bytes_per_s, "need_reads": need.reads_per_s}
    times = _times(folder, need, workers(survey).train)
    fits = _fits_into_cache(survey)
    if times >= ENOUGH_TIMES:
        return go("reading-speed", "cached" if folder.cached else "go", **values)
    if fits:
        return result("warn", "reading-speed", "slow-at-first", **values)
    setting = f"rsync -a {folder.path} /local/ssd/"
    return result("no-go" if times < TOO_SLOW_TIMES else "warn", "reading-speed", "slow", setting=setting, **values)


def _times(folder: Folder, need: Reading, readers: int) -> float:
    # Storage speed as a multiple of the plan's need: each worker waits for one read at a time.
    reads = max(1, readers) / max(folder.read_latency_s or 0.0, 1e-6) / need.reads_per_s
    rate = (folder.read_bytes_per_s or need.bytes_per_s) / need.bytes_per_s
    return min(reads, rate)


def _fits_into_cache(survey: Survey) -> bool:
    free, files = free_memory(survey), survey.files
    return bool(free and files and files.stored_bytes and files.stored_bytes < free / 2)


def _without_need(folder: Folder, values: Mapping[str, object]) -> Result:
    latency = folder.read_latency_s or 0.0
    if latency >= SLOW_READ_S:
        return result("warn", "reading-speed", "very-slow" if latency >= VERY_SLOW_READ_S else "slowish", **values)
    return go("reading-speed", "cached" if folder.cached else "no-plan", **values)


def file_system(survey: Survey) -> Result:
    """Check the kind of storage that holds the data."""
    folder = survey.folder("preprocessed") or survey.folder("results")
    if folder is None:
        return not_applicable("file-system", "no-preprocessed")
    if folder.fs_type is None:
        return unknown("file-system", "mounts-unread")
    values = {"kind": folder.fs_type, "mount": folder.mount_point}
    if folder.rotational:
        return result("warn", "file-system", "rotational", **values)
    if is_remote(folder.fs_type):
        return result("warn", "file-system", "network", **values)
    return go("file-system", **values)


def file_clock(survey: Survey) -> Result:
    """Check that the clock of the file server agrees with this machine's clock."""
    folder = survey.folder("results")
    if folder is None:
        return not_applicable("file-clock", "no-results")
    if folder.clock_skew_s is None:
        return unknown("file-clock", folder.write_error or folder.trouble or "no-write")
    skew_s = abs(folder.clock_skew_s)
    if skew_s > SKEW_S:
        return result("warn", "file-clock", "skew", seconds=skew_s, path=folder.path)
    return go("file-clock")


CHECKS = (reading_speed, file_system, file_clock)
