"""Every fact that evidence may state: name, meaning and unit.

A cause may only ask for names on this list (a test checks this); evidence files written by people use the same names.
"""

from __future__ import annotations

from holter.records import Record


class FactSpec(Record, frozen=True, kw_only=True):
    """One fact of the vocabulary."""

    name: str
    kind: str  # bool, number, text, list
    meaning: str
    unit: str = ""


def _bool(name: str, meaning: str) -> FactSpec:
    return FactSpec(name=name, kind="bool", meaning=meaning)


def _number(name: str, meaning: str, unit: str = "") -> FactSpec:
    return FactSpec(name=name, kind="number", meaning=meaning, unit=unit)


def _text(name: str, meaning: str) -> FactSpec:
    return FactSpec(name=name, kind="text", meaning=meaning)


def _list(name: str, meaning: str) -> FactSpec:
    return FactSpec(name=name, kind="list", meaning=meaning)


VOCABULARY: tuple[FactSpec, ...] = (
    # The training as a whole
    _text("episode.kind", "stall, slow-down, death, creep, unsaved, diverged"),
    _text("phase", "phase of the training when the episode began"),
    _number("progress.age_s", "time without progress when the alarm was raised", "s"),
    _bool("progress.resumed", "the training moved on by itself after the episode began"),
    _bool("progress.saved", "an epoch was finished; false: this start can have no checkpoint"),
    _bool("activity.present", "some process of the tree was working at the alarm"),
    _number("step.usual_s", "length of a step before the episode", "s"),
    _number("step.recent_s", "length of a step during the episode, the unfinished one included", "s"),
    _number("step.times_usual", "recent step time divided by the usual one"),
    _number("wait.ratio", "share of the step spent waiting for a batch, during the episode", "ratio"),
    _number("wait.usual_ratio", "share of the step spent waiting for a batch, before the episode", "ratio"),
    _list("symptoms", "what a person describes in words; the names are in evidence/text_facts/symptoms.py"),
    _list("resembles", "causes whose descriptions are like this one, best first: CAUSE, how well (0 to 1), the words"),
    # The main process
    _bool("main.alive", "the main process is there"),
    _text("main.state", "state letter of the main process"),
    _number("main.cpu_ratio", "cores used by the main process", "cores"),
    _text(
        "main.waits_on",
        "what the main thread is in: batch-queue, native-call, export-result, export-slot, file-read, "
        "checkpoint, python",
    ),
    _text("main.where", "frame of the main thread that shows what it does"),
    _text("main.ending", "how the main process ended: signal name, or 'exit code N'"),
    _number("main.exit_signal", "signal that ended the main process"),
    _bool("main.passed_on", "Holter was sent the signal that ended the main process, and passed it on"),
    _bool("main.time_limit", "a scheduler says that it ended the job because of its time limit"),
    # Queues
    _text("queue.ready", "batches ready for the main thread: empty, some, full"),
    _text("queue.worker", "batches in the queue that workers fill: empty, some, full"),
    _text("results_loop.waits_on", "worker-queue, tensor-hand-over, ready-queue"),
    # Data workers
    _number("workers.count", "data workers alive"),
    _list("workers.stopped", "workers in state T"),
    _list("workers.stopped_pids", "their PIDs"),
    _list("workers.blocked", "workers, or the main process, in uninterruptible sleep (D) or a slow read"),
    _number("workers.working", "data workers that use a good part of a core"),
    _number("workers.delivering", "data workers with a finished batch, waiting for space in the queue"),
    _number("workers.cpu_ratio", "cores used by all data workers", "cores"),
    _number("workers.cpu_each", "cores used by one data worker, on average", "cores"),
    _text("workers.blocked_file", "file that a blocked worker reads"),
    _text("workers.blocked_mount", "type and mount point of that file"),
    _text("workers.case", "case that the stuck or dead worker was processing"),
    # Endings
    _text("worker.ending", "how the first worker that died ended: signal name, or 'exit code N'"),
    _number("worker.exit_signal", "signal that ended it"),
    _bool("worker.with_others", "a sender outside the training ended several of its processes by that signal at once"),
    _number("worker.exit_code", "exit code with which it ended by itself"),
    _text("worker.subject", "which worker died first"),
    _text("worker.fatal_frame", "where a natively crashed worker was"),
    _text("exception.first", "first exception in time, echoes left out"),
    _text("exception.role", "role of the process that raised it"),
    _text("exception.file", "preprocessed file named by the exception or read by its worker"),
    _bool("exception.truncated_file", "the exception is that of a file shorter than its header says"),
    # Memory
    _bool("exception.cuda_oom", "the exception says that the GPU has no memory left"),
    _number("oom.kills", "OOM kills counted by kernel or cgroup during the episode"),
    _number("memory.used_ratio", "memory in use as a share of the limit that holds (cgroup or machine)", "ratio"),
    _number("shm.used_ratio", "use of /dev/shm", "ratio"),
    _number("shm.total_bytes", "size of /dev/shm", "B"),
    _number("shm.needed_ratio", "share of /dev/shm that full queues need, at least", "ratio"),
    _text("shm.trouble", "how shared memory failed: bus-error (SIGBUS while it was full), no-room (an exception)"),
    _bool("shm.no_space", "the exception about shared memory says that no space is left (ENOSPC)"),
    # CPU
    _number("cpu.effective", "CPUs that the run may use: min(affinity, cpuset, quota)", "CPUs"),
    _number("cpu.visible", "CPUs that os.cpu_count() reports", "CPUs"),
    _number("cpu.quota", "CPU quota of the cgroup", "CPUs"),
    _number("cpu.throttled_ratio", "share of quota periods that were throttled", "ratio"),
    _number("cpu.allocated_ratio", "CPUs that the run may use, as a share of os.cpu_count()", "ratio"),
    _number("cpu.workers_per_cpu", "data workers for each effective CPU"),
    _number("cpu.run_busy_ratio", "CPU used by the run, as a share of what it may use", "ratio"),
    _number("cpu.host_busy_ratio", "CPU use of the whole machine", "ratio"),
    _number("cpu.iowait_ratio", "CPU time of the machine that waits for storage", "ratio"),
    _number("pressure.cpu", "PSI cpu some", "ratio"),
    _number("pressure.io", "PSI io some", "ratio"),
    # Storage
    _text("storage.fs_type", "file-system type of nnUNet_preprocessed"),
    _number("storage.latency_s", "time of one small uncached read", "s"),
    _number("storage.pending_s", "time that a small read has been waiting without an answer", "s"),
    _number("storage.times_usual", "recent latency of a small read divided by the usual one"),
    _number("storage.usual_latency_s", "the same before the episode", "s"),
    _list("storage.kernel_errors", "I/O or NFS errors in the kernel log"),
    _text("storage.mount", "file system of data or results that is slowest to answer"),
    _text("storage.path", "folder of data or results that is slowest to answer"),
    # Writing
    _text("disk.error", "why something could not be written: full, inodes, quota, read-only"),
    _text("disk.file", "file that could not be written"),
    _text("disk.folder", "folder on the file system that it was for"),
    _text("disk.mount", "that file system"),
    _number("disk.free_bytes", "free space there at the last reading", "B"),
    _number("disk.needed_bytes", "space that the next checkpoint needs", "B"),
    _bool("disk.full", "no space, or no inode, was left at a reading around the episode"),
    _bool("disk.read_only", "it was mounted read-only at a reading around the episode"),
    _number("save.failed", "checkpoints that could not be saved, up to the alarm"),
    # GPU
    _bool("gpu.present", "a GPU can be read"),
    _number("gpu.utilization_ratio", "GPU utilisation during the episode", "ratio"),
    _number("gpu.usual_utilization_ratio", "GPU utilisation before the episode", "ratio"),
    _number("gpu.power_ratio", "power draw as a share of the power limit", "ratio"),
    _number("gpu.clock_ratio", "SM clock as a share of its maximum", "ratio"),
    _list("gpu.clock_reasons", "active clock event (throttle) reasons that slow the GPU"),
    _number("gpu.temperature_c", "highest temperature of the GPU during the episode", "°C"),
    _bool("gpu.throttled", "its clock was held down well below the maximum while it was busy"),
    _list("gpu.foreign_processes", "processes of others that compute on a GPU of ours"),
    _number("gpu.zombie_bytes", "GPU memory in use that no listed process holds", "B"),
    _text("gpu.shared", "what sharing the GPU explains: slow (slower steps), memory (too little GPU memory)"),
    _text("gpu.label", "the GPU that this is about, with its name"),
    _text("gpu.virtualization", "none, pass-through, vgpu, host-vgpu, host-vsga"),
    _text("gpu.licence_stage", "licensed, unlicensed-unrestricted, unlicensed-restricted, unlicensed"),
    _text("gpu.licence_text", "licence status as nvidia-smi prints it"),
    _bool("gpu.licence_worsened", "the licence stage got worse during the recording"),
    _list("gpu.kernel_errors", "Xid messages in the kernel log"),
    _bool("gpu.simulated", "the GPU readings are simulated"),
    # Export
    _number("export.workers", "export workers alive"),
    _number("export.replaced", "export workers that are younger than their pool: a dead one was replaced"),
    _text("export.ending", "how an export worker ended"),
    # Exceptions and echoes
    _text("exception.kind", "what the first exception says went wrong, in one word (evidence/error_kinds.py)"),
    _text(
        "echo.says",
        "the part of nnU-Net that reports that something died before: training, export, prediction, preprocessing",
    ),
    # Epochs, from the heartbeat or from nnU-Net's log
    _number("epochs.count", "epochs in the recording or log"),
    _text(
        "epochs.shape",
        "shape of the epoch times: flat, step-up, step-down, drift-up, decreasing, periodic, heavy-tail, first-only",
    ),
    _number("epochs.usual_s", "median epoch time before the change", "s"),
    _number("epochs.recent_s", "median epoch time after the change", "s"),
    _number("epochs.times_usual", "epoch time after the change divided by the time before it"),
    _text("epochs.changed_at", "wall-clock time of the change, as the log writes it"),
    _number("epochs.minutes_to_change", "minutes from the start of the training to the change or standstill", "min"),
    _number("epochs.first_times_usual", "time of the first epoch divided by the median of the others"),
    _number("epochs.restarts", "times that the training was started again"),
    # Versions, settings, machine
    _text("software.torch", "version of PyTorch"),
    _text("software.cuda", "CUDA version that PyTorch was built for"),
    _text("software.cudnn", "version of cuDNN"),
    _text("software.driver", "version of the NVIDIA driver"),
    _text("software.nnunetv2", "version of nnU-Net"),
    _text("software.batchgenerators", "version of batchgenerators"),
    _text("software.batchgeneratorsv2", "version of batchgeneratorsv2"),
    _text("software.threadpoolctl", "version of threadpoolctl"),
    _text("software.blosc2", "version of python-blosc2"),
    _text("system.os", "linux, windows, macos"),
    _text("system.container", "docker, podman, apptainer, kubernetes, lxc, none"),
    _text("system.virtual_machine", "kvm, vmware, microsoft, wsl, xen, virtualbox, unnamed, none"),
    _number("setting.n_proc_da", "nnUNet_n_proc_DA", "processes"),
    _number("setting.omp_threads", "OMP_NUM_THREADS", "threads"),
    _bool("setting.compile", "nnUNet_compile is not switched off"),
    _text("setting.pinning", "OMP_PROC_BIND"),
    _number("setting.slurm_cpus", "SLURM_CPUS_PER_TASK", "CPUs"),
    _text("plan.configuration", "nnU-Net configuration: 2d, 3d_fullres, …"),
    _text("plan.patch_size", "patch size"),
    # GPU: driver, memory, link, and what fits
    _text("gpu.trouble", "lost, hung, silent, forbidden, mismatch, closed: how driver or GPU fail to answer"),
    _text("gpu.xid_kind", "worst Xid in the kernel log: gone, memory, application, other"),
    _number("gpu.memory_ratio", "GPU memory in use, on the GPU or MIG slice of the run", "ratio"),
    _list("gpu.spinning", "GPUs of the run that show full utilisation at the power of an idle one"),
    _number("gpu.pcie_ratio", "PCIe link speed under load, as a share of what card and slot allow", "ratio"),
    _number("gpu.pcie_busy_ratio", "highest traffic on the PCIe link, as a share of its present speed", "ratio"),
    _bool("gpu.mig", "the GPU is divided into MIG slices"),
    _text("gpu.slice", "the MIG slice of the run"),
    _number("gpu.slice_bytes", "memory of that slice", "B"),
    _text("gpu.capability", "compute capability of the GPU"),
    _bool("gpu.capability_fits", "the CUDA version of PyTorch has code for this GPU"),
    _bool("gpu.driver_fits", "the driver is new enough for the CUDA version of PyTorch"),
    _text("software.slow_kernels", "known slow: conv3d-without-cudnn, conv3d-without-tensor-cores; else none"),
    _text("system.gpu_iommu", "how memory accesses of GPUs are mapped: translated, pass-through, none"),
    # Compilation, prediction, assertions
    _bool("compile.started", "the training said that it compiles its network"),
    _list("compile.children", "compilers of the run that were at work"),
    _text(
        "compile.missing",
        "what compilation lacks: compiler, old-compiler, python-headers, triton, linker, ptxas, cache, windows",
    ),
    _text("exception.assertion", "assertion that failed on the GPU"),
    _bool("predict.on_cpu", "a prediction did not fit into GPU memory and continued on the CPU"),
    _number("batch.times_per_sample", "time per sample at this batch size divided by that at a smaller one"),
    # Several GPUs
    _number("ddp.ranks", "processes that train together, one a GPU"),
    _list("ddp.behind", "those of them that the others wait for"),
    _number("ddp.steps", "most steps that any of them has finished"),
    _text("ddp.timed_out", "collective operation that NCCL gave up"),
    _bool("setting.nccl_p2p", "NCCL_P2P_DISABLE does not switch direct traffic between GPUs off"),
    # Other processes on the machine
    _number("host.others_cpu_ratio", "CPUs that processes outside the run use of those of the machine", "ratio"),
    _number("host.others_usual_ratio", "the same before the episode", "ratio"),
    _list("host.others", "processes outside the run that use most CPU, each with its cores"),
    _number("trainings.others", "other nnU-Net trainings on this machine"),
    _bool("unpack.raced", "another training on the same data set was started within five minutes of this one"),
    _number("unpack.rewritten", "unpacked files that could not be read when unpacking checked them"),
    # How workers share the CPUs
    _number("cpu.queue_ratio", "of the time that main process and workers wanted a CPU, the part without one", "ratio"),
    _number("workers.running_threads", "threads of a data worker that run, or are ready to"),
    _number("workers.switches_per_s", "times a second that a data worker was taken off its CPU", "1/s"),
    _number("workers.per_cpu_seen", "data workers for each CPU that any of them was seen on"),
    _bool("affinity.narrowed", "the workers may use fewer CPUs than the training's process could at first"),
    _number("workers.reborn_ratio", "share of the epochs, but the first, in which data workers were started", "ratio"),
    _number("epochs.edge_ratio", "share of an epoch that passes before its first step", "ratio"),
    # Reading
    _number("plan.median_voxels", "voxels of the median case"),
    _number("reading.share", "share of the stacks of working data workers that are in reading a case", "ratio"),
    _number("cache.reads_late_ratio", "bytes read from storage: last third of the recording divided by the first", ""),
    _bool("storage.windows_drive", "in WSL, the data are on a Windows drive"),
    _bool("exception.pinned_memory", "the exception is that of page-locked (pinned) memory"),
    # A finished run, a silent console, an optional step
    _bool("finish.done", "training and final validation are over and the results written"),
    _number("finish.age_s", "time since then", "s"),
    _text(
        "main.extra_step",
        "step that a training does not need and the main thread is in: drawing, run tracking, network",
    ),
    _bool("output.hidden", "the training log grows while the console shows nothing"),
    _bool("output.buffered", "the output goes to a file or pipe, and Python keeps it in a buffer"),
    # The machine itself
    _list("hardware.kernel_errors", "machine checks and memory errors in the kernel log"),
    _list("hardware.crash_signals", "signals of processes of the run that crashed by themselves"),
    # Two runs compared, by a person
    _number("batch.times_usual", "batch size divided by that of the run to compare with"),
    _number("batch.sample_times_usual", "time per sample divided by that of the run to compare with"),
    # Growth and shortage of memory
    _text("worker.role", "role of the worker that died first"),
    _text("memory.grows_in", "where memory rises all the time: main, workers, both, none"),
    _number("memory.main_growth_bytes_per_h", "growth of the main process", "B/h"),
    _number("memory.workers_growth_bytes_per_h", "growth of all data workers", "B/h"),
    _number(
        "memory.machine_growth_bytes_per_h",
        "growth of the memory in use on the whole machine; more than its processes grow: somebody else, or the kernel",
        "B/h",
    ),
    _number("memory.private_growth_bytes_per_h", "growth of the pages that data workers have to themselves", "B/h"),
    _number("memory.shared_growth_bytes_per_h", "growth of the pages that data workers share; below 0: loss", "B/h"),
    _number("memory.arenas", "extra arenas of the C library's malloc in the main process"),
    _number("memory.arena_share", "share of the main process's growth in these arenas", "ratio"),
    _number("memory.trim_freed_ratio", "share of its memory that malloc_trim(0) gave back", "ratio"),
    _number("memory.cache_ratio", "page cache as a share of the memory limit of the cgroup", "ratio"),
    _number("memory.cache_dropped_ratio", "share of the page cache before that the cgroup has dropped", "ratio"),
    _number("memory.refaults_per_s", "pages of files read again soon after they were dropped from the cgroup", "1/s"),
    _number("memory.direct_scans_per_s", "pages scanned by processes that had to reclaim memory themselves", "1/s"),
    _number("memory.compact_stalls_per_s", "waits for memory to be compacted", "1/s"),
    _number("pressure.memory", "PSI memory full", "ratio"),
    _number("swap.in_bytes_per_s", "read back from swap by the whole machine", "B/s"),
    _number("swap.out_bytes_per_s", "written to swap by the whole machine", "B/s"),
    _number("swap.run_bytes", "memory of the run in swap", "B"),
    _number("cpu.system_ratio", "share of the busy CPU time that the kernel takes", "ratio"),
    # Locks and open files
    _list("workers.locked", "data workers that wait on a lock and were not woken once"),
    _text("workers.lock", "where in the code they wait"),
    _number("workers.threads", "threads of the data worker with the most threads"),
    _number("fds.used_ratio", "open files of the process that is nearest to its limit", "ratio"),
    _number("fds.limit", "that limit"),
    _number("fds.grown", "open files that it has gained"),
    # Output
    _number("log.age_s", "time since the last line of the training log", "s"),
    # Where a process is stuck, from repeated stacks
    _text("main.stands_at", "function, file and line of the main process in every stack"),
    _text("main.stands_in", "what holds it there: a lock, a socket, a loop …"),
    _text("main.stands_owner", "whose code that is: user, nnunet, torch, python, library"),
    _text("workers.stand_at", "function, file and line in which all data workers are stuck"),
    _text("workers.stand_in", "what holds them there"),
    _list("frozen.processes", "processes that a cgroup freezer has stopped"),
    _number("pauses.count", "pauses of the training, each too short to be a stall"),
    _number("pauses.each_s", "length of a pause", "s"),
    _number("pauses.every_steps", "steps from one pause to the next"),
    _number("pauses.part", "share of the time that the pauses take", "ratio"),
    # Limits of the processes (ulimit)
    _text("limit.reached", "limit of the process that was reached: cpu-time, file-size, address-space, processes"),
    _bool("memory.refused", "memory was refused although several times as much was free"),
    _number("memory.asked_bytes", "what the allocation that was refused had asked for", "B"),
    _bool("data.read_only", "nnU-Net hands parts of read-only memory maps to its transforms"),
    _number("limit.value", "that limit: seconds or bytes"),
    _number("limit.address_space_bytes", "address space that a process of the run may map (ulimit -v)", "B"),
    _number("limit.file_size_bytes", "size beyond which no file of the run may grow (ulimit -f)", "B"),
    _number("limit.cpu_time_s", "CPU time that a process of the run may use (ulimit -t)", "s"),
    _bool("limit.near", "the limit was read, and what was used, written or asked for comes near it"),
    # The result of the training
    _list("loss.not_finite", "losses that were NaN or infinite in two successive epochs: train_loss, val_loss"),
    _text("loss.since", "epoch and iteration since which the training loss has not been finite"),
    _text("results.gone", "what happened to the results folder: deleted, replaced"),
    _bool("main.early", "the main process ended with exit code 0 before its last epoch"),
    # Kind of run: what it lacks cannot be the cause
    _bool("scope.nnunet", "nnU-Net is what runs"),
    _bool("scope.training", "steps, epochs or log sentences of a training were seen"),
    _bool("scope.export", "predictions are exported, or were: final validation or prediction"),
    _bool("scope.gpu", "a GPU is there, or an error names one"),
    _bool("scope.ranks", "several processes train together, one a GPU"),
    _bool("scope.windows", "Windows, or WSL on it"),
    _bool("scope.job", "the run belongs to a job of a scheduler"),
    _bool("scope.container", "the training runs in a container"),
)

NAMES = frozenset(spec.name for spec in VOCABULARY)
# Conditions admit or exclude a cause but give no score and no headline. How a change came (when, how abruptly, how
# often) and a read-out are observations, not conditions.
CONDITION_AREAS = ("episode.", "scope.", "setting.", "system.", "plan.")
CONDITIONS = frozenset(
    {
        "phase",
        "main.alive",
        "gpu.present",
        "gpu.virtualization",
        "gpu.utilization_ratio",  # an idle GPU: every stopped training leaves it idle
        "step.usual_s",
        "step.recent_s",
        "step.times_usual",  # if the episode is the long step, this only repeats it
        "progress.age_s",
        "storage.fs_type",  # data on a network share: most of them are fast and never fail
    }
)


def is_condition(name: str) -> bool:
    """Return whether a fact is a condition: it says what is possible, not what happens."""
    return name in CONDITIONS or name.startswith(CONDITION_AREAS)


# One training alone does not show these: they compare two runs or need an action. Only an evidence file states them.
STATED_ONLY = frozenset(
    {"batch.times_usual", "batch.times_per_sample", "batch.sample_times_usual", "memory.trim_freed_ratio"}
)
