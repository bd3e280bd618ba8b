"""Checks of folders: writable, with enough free space, and fast enough for the reads of the plan."""

from __future__ import annotations

from collections.abc import Mapping

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.needs import COPIES_OF_CHECKPOINT, Reading, checkpoint_bytes, free_memory, reading, workers
from holter.doctor.records import Folder, Result, State, Survey
from holter.linux.mounts import is_remote
from holter.sentences import define_all
from holter.sizes import GIB

define_all(
    {
        "doctor.folders-set.title": "nnU-Net variables",
        "doctor.folders-answer.title": "folders answer",
        "doctor.folders-writable.title": "folders writable",
        "doctor.room-for-results.title": "space for checkpoints",
        "doctor.room-for-unpacking.title": "space to unpack",
        "doctor.room-in-tmp.title": "space in tmp",
        "doctor.reading-speed.title": "reading speed",
        "doctor.file-system.title": "file system",
        "doctor.file-clock.title": "clock of the files",
        "doctor.why.limits-unread": "CPU affinity and limits could not be read",
        "doctor.why.stat-unread": "/proc/stat could not be read",
        "doctor.why.meminfo-unread": "/proc/meminfo could not be read",
        "doctor.why.environment-unread": "the environment could not be read",
        "doctor.why.not-read": "it was not read",
        "doctor.why.mounts-unread": "the mount table could not be read",
        "doctor.why.no-file": "there is no file to read yet",
        "doctor.why.driver-silent": "the NVIDIA driver did not answer",
        "doctor.why.no-labels": "dataset.json does not say which labels there are",
        "doctor.why.no-count": "dataset.json does not say how many cases there are",
        "doctor.why.no-segmentation": "no segmentation was read",
        "doctor.why.no-properties": "the properties (.pkl) of no case could be read",
        "doctor.why.no-write": "no file could be written",
        "doctor.why.no-adjtimex": "the kernel does not report it (adjtimex)",
        "doctor.why.proc-unlisted": "/proc could not be listed",
        "doctor.why.cpu-silent": "this processor does not report it",
        "doctor.why.no-stage": "nvidia-smi -q does not report the stage",
        "doctor.why.no-virtualization": "the driver does not report whether this is a virtual GPU",
        "doctor.why.driver-does-not-tell": "the driver does not report it",
        "doctor.why.not-looked-at": "it was not checked",
        "doctor.why.no-package": "no package was found",
        "doctor.why.no-cgroup": "no control group is visible",
        "doctor.why.shm-unread": "/dev/shm could not be read",
        "doctor.why.no-whole-file": "no file was read to its end",
        "doctor.why.no-folder": "no folder was checked",
        "doctor.why.results-unread": "the results folder could not be read",
        "doctor.folders-set.go": "all three are set",
        "doctor.folders-set.missing": "Not set: {names}.",
        "doctor.folders-set.missing.do": "Set them where the training starts (~/.bashrc, the job script).",
        "doctor.folders-answer.go": "all {count}",
        "doctor.folders-answer.problem": (
            "{path}: {why}. The mount may hang, and every process that touches it with it."
        ),
        "doctor.folders-answer.problem.do": "Have the file server or the mount looked at first.",
        "doctor.folders-answer.forbidden": "{path} may not be read by this user.",
        "doctor.folders-answer.forbidden.do": "Have its permissions changed.",
        "doctor.folders-writable.go": "a small file could be written in each",
        "doctor.folders-writable.refused": "Nothing can be written to {path}[[: {why}]].",
        "doctor.folders-writable.refused.do": (
            "Free disk space, have permissions or quota changed, or use another folder."
        ),
        "doctor.room-for-results.go": "{need:bytes} of {free:bytes} free for four checkpoints",
        "doctor.room-for-results.no-plan": "{free:bytes} free",
        "doctor.room-for-results.little": (
            "{free:bytes} are free in {path}; checkpoints and predictions may take {need:bytes}."
        ),
        "doctor.room-for-results.little.do": "Free disk space.",
        "doctor.room-for-results.close": (
            "{free:bytes} are free in {path}; four checkpoints take {need:bytes}, predictions come on top."
        ),
        "doctor.room-for-results.close.do": "Free disk space.",
        "doctor.room-for-results.too-little": "{free:bytes} are free in {path}; four checkpoints take {need:bytes}.",
        "doctor.room-for-results.too-little.do": "Free disk space, or set nnUNet_results to another disk.",
        "doctor.room-for-results.inodes": "{count} more files can be created on the file system of {path} (inodes).",
        "doctor.room-for-results.inodes.do": "Remove or pack folders with very many small files.",
        "doctor.room-for-unpacking.unpacked": "nothing needs to be unpacked",
        "doctor.room-for-unpacking.go": "about {need:bytes} of {free:bytes} free",
        "doctor.room-for-unpacking.too-little": "Unpacking takes about {need:bytes} in {path}; {free:bytes} are free.",
        "doctor.room-for-unpacking.too-little.do": (
            "Free disk space, or preprocess with nnU-Net 2.6 or newer, which does not unpack."
        ),
        "doctor.room-in-tmp.go": "{free:bytes} free",
        "doctor.room-in-tmp.little": "{free:bytes} are free in {path}; compiled kernels and sockets go there.",
        "doctor.room-in-tmp.little.do": "Free disk space, or use another folder for temporary files.",
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
        "doctor.file-clock.skew": "The file server of {path} is {seconds:duration} away from this machine's clock.",
        "doctor.file-clock.skew.do": "Have both synchronised; ages of files are wrong until then.",
    }
)

VARIABLES = {"preprocessed": "nnUNet_preprocessed", "results": "nnUNet_results", "tmp": "TMPDIR"}
# Without a plan: four checkpoints of a large network, and the predictions of the final validation.
COMMON_ROOM = 10 * GIB
# A log, plots, four checkpoints, and a prediction a case.
INODES = 100
LOW_ROOM_TIMES = 2
# Three times what the plan needs is enough for other folds too; a third of it starves the GPU.
ENOUGH_TIMES, TOO_SLOW_TIMES = 1.0, 0.33
# Without a plan: a SATA SSD answers in 0.1 to 0.3 ms, a spinning disk in 5 to 10, an NFS server in 0.5 to 5.
SLOW_READ_S, VERY_SLOW_READ_S = 0.003, 0.02
TMP_ROOM = 1 * GIB
# A larger difference of the clocks makes checkpoints look older or newer than they are.
SKEW_S = 5.0


def folders_set(survey: Survey) -> Result:
    """Check nnU-Net's three variables."""
    if survey.environment is None:
        return unknown("folders-set", "environment-unread")
    missing = [name for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results") if name not in survey.variables]
    if missing:
        setting = f"export {' '.join(f'{name}=/path/to/{name}' for name in missing)}"
        # A training does not read nnUNet_raw.
        state: State = "warn" if missing == ["nnUNet_raw"] or survey.asked.dataset is None else "no-go"
        return result(state, "folders-set", "missing", setting=setting, names=tuple(missing))
    return go("folders-set")


def folders_answer(survey: Survey) -> Result:
    """Check that every folder can be read, and that no mount hangs."""
    if not survey.folders:
        return unknown("folders-answer", "no-folder")
    for folder in survey.folders:
        if folder.trouble is not None:
            where = f"{folder.path} ({folder.fs_type} {folder.mount_point})" if folder.fs_type else folder.path
            return result("no-go", "folders-answer", "problem", path=where, why=folder.trouble)
        if folder.readable is False:
            return result("no-go", "folders-answer", "forbidden", path=folder.path, setting=f"ls -ld {folder.path}")
    return go("folders-answer", count=len(survey.folders))


def folders_writable(survey: Survey) -> Result:
    """Check that a small file could be written where the training writes."""
    wanted = [folder for folder in survey.folders if folder.label in ("results", "preprocessed", "tmp")]
    if not [folder for folder in wanted if folder.label == "results"]:
        return not_applicable("folders-writable", "no-results")
    refused = [folder for folder in wanted if folder.written is False]
    refused.sort(key=lambda folder: folder.label == "preprocessed")
    if refused:
        folder = refused[0]
        values = {"path": folder.path, "why": folder.write_error}
        # The training writes splits_final.json and unpacked files there, but only if they are missing.
        harmless = folder.label == "preprocessed" and survey.plan is not None and survey.plan.folds is not None
        state: State = "warn" if harmless else "no-go"
        setting = f"export {VARIABLES[folder.label]}=/path/to/a/writable/folder"
        return result(state, "folders-writable", "refused", setting=setting, **values)
    if any(folder.written is None for folder in wanted):
        return unknown("folders-writable", next(f.path for f in wanted if f.written is None))
    return go("folders-writable")


def room_for_results(survey: Survey) -> Result:
    """Check the free space and inodes for checkpoints."""
    folder = survey.folder("results")
    if folder is None:
        return not_applicable("room-for-results", "no-results")
    if folder.free_bytes is None:
        return unknown("room-for-results", folder.trouble)
    if folder.free_inodes is not None and folder.free_inodes < INODES:
        return result("no-go", "room-for-results", "inodes", path=folder.path, count=folder.free_inodes)
    checkpoint = checkpoint_bytes(survey)
    need = COPIES_OF_CHECKPOINT * checkpoint if checkpoint is not None else COMMON_ROOM
    values = {"need": need, "free": folder.free_bytes, "path": folder.path}
    if checkpoint is None:
        state: State = "warn" if folder.free_bytes < need else "go"
        return result(state, "room-for-results", "little" if state == "warn" else "no-plan", **values)
    if folder.free_bytes < need:
        return result("no-go", "room-for-results", "too-little", **values)
    if folder.free_bytes < LOW_ROOM_TIMES * need:
        return result("warn", "room-for-results", "close", **values)
    return go("room-for-results", **values)


def room_for_unpacking(survey: Survey) -> Result:
    """Check the free space for older preprocessed data (.npz), which is unpacked at the start."""
    files, folder = survey.files, survey.folder("preprocessed")
    if files is None:
        return not_applicable("room-for-unpacking", "no-data")
    if not files.needs_unpacking:
        return not_applicable("room-for-unpacking", "unpacked")
    if folder is None or folder.free_bytes is None:
        return unknown("room-for-unpacking", folder.trouble if folder else "not-looked-at")
    read = sum(1 for _ in files.export_needs)
    if not files.unpacked_bytes or not read:
        return unknown("room-for-unpacking", files.why_unread or "no-whole-file")
    need = files.unpacked_bytes * files.cases // max(1, files.segmentations_read)
    values = {"need": need, "free": folder.free_bytes, "path": folder.path}
    return (
        result("no-go", "room-for-unpacking", "too-little", **values)
        if need > folder.free_bytes
        else go("room-for-unpacking", **values)
    )


def room_in_tmp(survey: Survey) -> Result:
    """Check the free space for temporary files: compiled kernels, sockets between processes."""
    folder = survey.folder("tmp")
    if folder is None or folder.free_bytes is None:
        return unknown("room-in-tmp", folder.trouble if folder else "not-looked-at")
    values = {"free": folder.free_bytes, "path": folder.path}
    if folder.free_bytes < TMP_ROOM or (folder.free_inodes is not None and folder.free_inodes < INODES):
        return result("warn", "room-in-tmp", "little", setting="export TMPDIR=/path/with/room", **values)
    return go("room-in-tmp", **values)


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
    """Check the clock that stamps files against this machine's."""
    folder = survey.folder("results")
    if folder is None:
        return not_applicable("file-clock", "no-results")
    if folder.clock_skew_s is None:
        return unknown("file-clock", folder.write_error or folder.trouble or "no-write")
    skew_s = abs(folder.clock_skew_s)
    if skew_s > SKEW_S:
        return result("warn", "file-clock", "skew", seconds=skew_s, path=folder.path)
    return go("file-clock")


CHECKS = (
    folders_set, folders_answer, folders_writable, room_for_results, room_for_unpacking, room_in_tmp, reading_speed,
    file_system, file_clock,
)  # fmt: skip
