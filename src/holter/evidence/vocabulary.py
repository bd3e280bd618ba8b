"""Every fact that evidence may state: name, title in reports, note and unit.

A cause may only ask for names on this list (a test checks this); evidence files written by people use the same names.
"""

from __future__ import annotations

from functools import partial

from holter.records import Record
from holter.sentences import define_all


class FactSpec(Record, frozen=True):
    name: str
    title: str  # in reports, where it is translated
    kind: str  # bool, number, text, list
    note: str = ""  # for those who state the fact: how exactly it is meant
    unit: str = ""

    @property
    def meaning(self) -> str:
        """The title with the note, in English."""
        return f"{self.title} ({self.note})" if self.note else self.title


_bool = partial(FactSpec, kind="bool")
_number = partial(FactSpec, kind="number")
_text = partial(FactSpec, kind="text")
_list = partial(FactSpec, kind="list")

VOCABULARY: tuple[FactSpec, ...] = (
    # The training as a whole
    _text("episode.kind", "kind of trouble"),
    _text("phase", "phase of the training"),
    _number("progress.age_s", "time without progress", unit="s", note="when the alarm was raised"),
    _bool("progress.resumed", "whether the training moved on by itself"),
    _bool("progress.saved", "whether an epoch was finished", note="false: this start can have no checkpoint"),
    _bool("activity.present", "whether any process of the run was working", note="at the alarm"),
    _number("step.usual_s", "usual length of a step", unit="s", note="before the episode"),
    _number("step.recent_s", "length of a step now", unit="s", note="during the episode, the unfinished one included"),
    _number("step.times_usual", "length of a step compared with the usual one"),
    _number("wait.ratio", "share of a step spent waiting for its batch", unit="ratio", note="during the episode"),
    _number("wait.usual_ratio", "the same share before", unit="ratio"),
    _list("symptoms", "symptoms in the description", note="the names are in evidence/text_facts/symptoms.py"),
    _list("resembles", "causes whose reports use these words", note="best first: CAUSE, how well (0 to 1), the words"),
    # The main process
    _bool("main.alive", "whether the main process is alive"),
    _text("main.state", "state of the main process"),
    _number("main.cpu_ratio", "CPU use of the main process", unit="cores"),
    _text("main.waits_on", "what the main thread waits on"),
    _text("main.where", "where the main thread is"),
    _text("main.ending", "how the main process ended", note="signal name, or 'exit code N'"),
    _number("main.exit_signal", "signal that ended the main process"),
    _bool("main.passed_on", "whether the signal was sent to Holter", note="and Holter passed it on"),
    _bool("main.node_failed", "whether the machine of the job failed", note="as the scheduler says"),
    _bool("main.time_limit", "whether the time limit of the job ended it", note="as the scheduler says"),
    # Queues
    _text("queue.ready", "batches ready for the main thread"),
    _text("queue.worker", "batches in the workers' queue"),
    _text("results_loop.waits_on", "what the results loop waits on"),
    # Data workers
    _number("workers.count", "number of data workers"),
    _list("workers.stopped", "stopped workers", note="in state T"),
    _list("workers.stopped_pids", "PIDs of the stopped workers"),
    _list(
        "workers.blocked",
        "workers blocked in a read",
        note="in uninterruptible sleep (D) or a slow read; the main process counts too",
    ),
    _number("workers.working", "data workers at work", note="they use a good part of a core"),
    _number("workers.delivering", "workers that wait for space in the queue"),
    _number("workers.cpu_ratio", "CPU use of the data workers", unit="cores"),
    _number("workers.cpu_each", "CPU use of one data worker", unit="cores"),
    _text("workers.blocked_file", "file that a blocked worker reads"),
    _text("workers.blocked_mount", "mount of that file", note="type and mount point"),
    _text("workers.case", "case that the worker is working on"),
    # Endings
    _text("worker.ending", "how the worker ended", note="signal name, or 'exit code N'"),
    _number("worker.exit_signal", "signal that ended the worker"),
    _bool(
        "worker.with_others",
        "whether the same signal reached other processes too",
        note="a sender outside the training, at once",
    ),
    _number("worker.exit_code", "exit code of the worker"),
    _text("worker.subject", "which worker ended first"),
    _text("worker.fatal_frame", "where the worker crashed", note="in native code"),
    _text("exception.first", "first exception", note="in time; echoes left out"),
    _text("exception.role", "process that raised the exception"),
    _text("exception.file", "file that the exception names", note="or that its worker was reading"),
    _bool(
        "exception.truncated_file",
        "whether the exception reports a truncated file",
        note="shorter than its header says",
    ),
    # Memory
    _bool("exception.cuda_oom", "whether the exception says that GPU memory ran out"),
    _number("oom.kills", "OOM-killed processes", note="counted by kernel or cgroup during the episode"),
    _number(
        "memory.used_ratio",
        "memory in use as a share of the limit",
        unit="ratio",
        note="that of the cgroup or the machine",
    ),
    _number("shm.used_ratio", "use of /dev/shm", unit="ratio"),
    _number("shm.total_bytes", "size of /dev/shm", unit="B"),
    _number("shm.needed_ratio", "share of /dev/shm that full queues need", unit="ratio", note="at least"),
    _text("shm.trouble", "how shared memory failed"),
    _bool("shm.no_space", "whether the error says that shared memory has no space left", note="ENOSPC"),
    # CPU
    _number("cpu.effective", "CPUs that the run may use", unit="CPUs", note="the least of affinity, cpuset and quota"),
    _number("cpu.visible", "CPUs of the machine", unit="CPUs", note="as os.cpu_count() reports"),
    _number("cpu.quota", "CPU quota", unit="CPUs", note="of the cgroup"),
    _number("cpu.throttled_ratio", "share of quota periods held back", unit="ratio"),
    _number("cpu.allocated_ratio", "share of the machine's CPUs that the run may use", unit="ratio"),
    _number("cpu.workers_per_cpu", "data workers for each usable CPU"),
    _number("cpu.run_busy_ratio", "use of the usable CPUs", unit="ratio", note="by the run"),
    _number("cpu.host_busy_ratio", "CPU use of the whole machine", unit="ratio"),
    _number("cpu.iowait_ratio", "CPU time that waits for storage", unit="ratio"),
    _number(
        "cpu.steal_ratio", "CPU time that the host gave to others", unit="ratio", note="steal: in a virtual machine"
    ),
    _number("cpu.load", "load average", note="of the last minute"),
    _number("cpu.load_ratio", "load average for each CPU", note="of the last minute"),
    _number("pressure.cpu", "time lost waiting for a CPU", unit="ratio", note="PSI cpu some"),
    _number("pressure.io", "time lost waiting for storage", unit="ratio", note="PSI io some"),
    # Storage
    _text("storage.fs_type", "file system of the data", note="nnUNet_preprocessed"),
    _number("storage.latency_s", "time of one small read", unit="s", note="uncached"),
    _number("storage.pending_s", "a small read that has not come back", unit="s"),
    _number("storage.times_usual", "time of one small read compared with the usual one"),
    _number("storage.usual_latency_s", "usual time of one small read", unit="s", note="before the episode"),
    _list("storage.kernel_errors", "storage errors in the kernel log", note="I/O or NFS errors"),
    _text("storage.mount", "file system that is slowest to answer", note="of data or results"),
    _text("storage.path", "folder that is slowest to answer", note="of data or results"),
    # Writing
    _text("disk.error", "why something could not be written"),
    _text("disk.file", "file that could not be written"),
    _text("disk.folder", "folder that is written to"),
    _text("disk.mount", "file system that is written to"),
    _number("disk.free_bytes", "free space for results", unit="B", note="at the last reading"),
    _number("disk.needed_bytes", "space that the next checkpoint needs", unit="B"),
    _bool("disk.full", "whether the disk is full", note="no space, or no inode, around the episode"),
    _bool("disk.read_only", "whether the disk is read-only", note="around the episode"),
    _number("save.failed", "checkpoints that could not be saved", note="up to the alarm"),
    # GPU
    _bool("gpu.present", "whether a GPU can be read"),
    _number("gpu.utilization_ratio", "GPU utilisation", unit="ratio", note="during the episode"),
    _number("gpu.usual_utilization_ratio", "usual GPU utilisation", unit="ratio", note="before the episode"),
    _number("gpu.power_ratio", "GPU power as a share of its limit", unit="ratio"),
    _number("gpu.clock_ratio", "GPU clock as a share of its maximum", unit="ratio", note="SM clock"),
    _list(
        "gpu.clock_reasons", "reasons why the GPU's clock is held down", note="active clock event (throttle) reasons"
    ),
    _number("gpu.temperature_c", "temperature of the GPU", unit="°C", note="highest during the episode"),
    _bool("gpu.throttled", "whether the GPU's clock was held down while it was busy", note="well below its maximum"),
    _list("gpu.foreign_processes", "processes of others on the GPU"),
    _number("gpu.zombie_bytes", "GPU memory that no listed process holds", unit="B"),
    _text("gpu.shared", "what sharing the GPU explains"),
    _text("gpu.label", "the GPU"),
    _text("gpu.virtualization", "whether the GPU is virtual"),
    _text("gpu.licence_stage", "licence stage of the virtual GPU"),
    _text("gpu.licence_text", "licence state as printed", note="by nvidia-smi"),
    _bool("gpu.licence_worsened", "whether the licence got worse", note="during the recording"),
    _list("gpu.kernel_errors", "GPU errors in the kernel log", note="Xid messages"),
    _bool("gpu.simulated", "whether the GPU readings are simulated"),
    # Export
    _number("export.workers", "number of export workers"),
    _number("export.replaced", "export workers that were replaced", note="they are younger than their pool"),
    _text("export.ending", "how an export worker ended"),
    # Exceptions and echoes
    _text("exception.kind", "what kind of error the first exception is", note="in one word (evidence/error_kinds.py)"),
    _text("echo.says", "which repeated sentence was printed"),
    # Epochs, from the heartbeat or from nnU-Net's log
    _number("epochs.count", "number of recorded epochs"),
    _text("epochs.shape", "shape of the epoch times"),
    _number("epochs.usual_s", "usual epoch time", unit="s", note="median before the change"),
    _number("epochs.recent_s", "recent epoch time", unit="s", note="median after the change"),
    _number("epochs.times_usual", "recent epoch time compared with the usual one"),
    _text("epochs.changed_at", "when epoch times changed", note="by the clock, as the log writes it"),
    _number(
        "epochs.minutes_to_change",
        "minutes until epoch times changed",
        unit="min",
        note="from the start of the training to the change or standstill",
    ),
    _number("epochs.first_times_usual", "first epoch compared with the others", note="their median"),
    _number("epochs.restarts", "restarts of the training"),
    # Versions, settings, machine
    _text("software.torch", "version of PyTorch"),
    _text("software.cuda", "CUDA version of PyTorch"),
    _text("software.cudnn", "version of cuDNN"),
    _text("software.driver", "version of the NVIDIA driver"),
    _text("software.nnunetv2", "version of nnU-Net"),
    _text("software.batchgenerators", "version of batchgenerators"),
    _text("software.batchgeneratorsv2", "version of batchgeneratorsv2"),
    _text("software.threadpoolctl", "version of threadpoolctl"),
    _text("software.blosc2", "version of python-blosc2"),
    _text("system.os", "operating system"),
    _text("system.container", "container"),
    _text("system.virtual_machine", "virtual machine"),
    _number("setting.n_proc_da", "setting nnUNet_n_proc_DA", unit="processes"),
    _number("setting.omp_threads", "setting OMP_NUM_THREADS", unit="threads"),
    _bool("setting.compile", "setting nnUNet_compile", note="true: not switched off"),
    _text("setting.pinning", "setting OMP_PROC_BIND"),
    _number("setting.slurm_cpus", "setting SLURM_CPUS_PER_TASK", unit="CPUs"),
    _text("plan.configuration", "configuration", note="2d, 3d_fullres, …"),
    _text("plan.patch_size", "patch size"),
    # GPU: driver, memory, link, and what fits
    _text("gpu.trouble", "how the driver fails to answer"),
    _text("gpu.xid_kind", "what the kernel log says of the GPU", note="the worst Xid"),
    _number("gpu.memory_ratio", "GPU memory in use", unit="ratio", note="of the GPU or MIG slice of the run"),
    _list("gpu.spinning", "GPUs that only seem to work", note="full utilisation at the power of an idle one"),
    _number(
        "gpu.pcie_ratio",
        "speed of the PCIe link under load",
        unit="ratio",
        note="as a share of what card and slot allow",
    ),
    _number(
        "gpu.pcie_busy_ratio",
        "traffic on the PCIe link",
        unit="ratio",
        note="the highest, as a share of the link's present speed",
    ),
    _number("gpu.memory_errors", "uncorrected errors of GPU memory", note="ECC, since the driver was loaded"),
    _bool("gpu.mig", "whether the GPU is divided (MIG)"),
    _text("gpu.slice", "MIG slice"),
    _number("gpu.slice_bytes", "memory of the MIG slice", unit="B"),
    _text("gpu.capability", "compute capability of the GPU"),
    _bool("gpu.capability_fits", "whether PyTorch has code for the GPU", note="by its CUDA version"),
    _bool("gpu.driver_fits", "whether the driver is new enough", note="for the CUDA version of PyTorch"),
    _text("software.slow_kernels", "whether these versions are known to be slow"),
    _text("system.gpu_iommu", "IOMMU of the GPUs"),
    # Compilation, prediction, assertions
    _bool("compile.started", "whether the network is compiled"),
    _list("compile.children", "compilers at work"),
    _text("compile.missing", "what is missing for compilation"),
    _text("exception.assertion", "assertion that failed on the GPU"),
    _bool("predict.on_cpu", "whether a prediction fell back to the CPU", note="it did not fit into GPU memory"),
    _number("batch.times_per_sample", "time per sample compared with a smaller batch size", note="divided by that"),
    # Several GPUs
    _number("ddp.ranks", "processes that train together", note="one a GPU"),
    _list("ddp.behind", "which process is behind", note="the others wait for it"),
    _number("ddp.steps", "steps finished by any of them", note="the most"),
    _text("ddp.timed_out", "collective operation that timed out", note="NCCL gave it up"),
    _bool("setting.nccl_p2p", "setting NCCL_P2P_DISABLE", note="true: direct traffic between GPUs is not switched off"),
    # Other processes on the machine
    _number("host.others_cpu_ratio", "CPU use of others on the machine", unit="ratio", note="as a share of its CPUs"),
    _number(
        "host.others_usual_ratio", "usual CPU use of others on the machine", unit="ratio", note="before the episode"
    ),
    _list("host.others", "who else uses CPU", note="processes, each with its cores"),
    _number("trainings.others", "other nnU-Net trainings on this machine"),
    _bool(
        "unpack.raced",
        "whether another training on the same data was started at the same time",
        note="within five minutes",
    ),
    _number("unpack.rewritten", "unpacked files that could not be read when they were checked"),
    # How workers share the CPUs
    _number(
        "cpu.queue_ratio",
        "time in which the run wanted a CPU and got none",
        unit="ratio",
        note="main process and workers; as a share of the time in which they wanted one",
    ),
    _number("workers.running_threads", "threads of a data worker that run at the same time", note="or are ready to"),
    _number(
        "workers.switches_per_s", "how often a data worker loses its CPU", unit="1/s", note="it was taken off the CPU"
    ),
    _number("workers.per_cpu_seen", "data workers for each CPU that they were seen on"),
    _bool("affinity.narrowed", "whether the workers may use fewer CPUs than the training at first"),
    _number(
        "workers.reborn_ratio",
        "share of the epochs in which data workers were started",
        unit="ratio",
        note="but the first",
    ),
    _number("epochs.edge_ratio", "share of an epoch before its first step", unit="ratio"),
    # Reading
    _number("plan.median_voxels", "voxels of the median case"),
    _number("reading.share", "share of the working data workers that read", unit="ratio", note="share of their stacks"),
    _number(
        "cache.reads_late_ratio",
        "reading from storage now, compared with the start",
        note="last third of the recording divided by the first",
    ),
    _bool("storage.windows_drive", "whether the data are on a Windows drive", note="in WSL"),
    _bool("exception.pinned_memory", "whether the exception is that of page-locked memory"),
    # A finished run, a silent console, an optional step
    _bool("finish.done", "whether training and validation are complete", note="and the results are written"),
    _number("finish.age_s", "time since everything was complete", unit="s"),
    _text("main.extra_step", "optional step that the main thread is in", note="drawing, run tracking, network"),
    _bool("output.hidden", "whether the console is silent while the log goes on"),
    _bool("output.buffered", "whether Python holds back what it prints", note="the output goes to a file or pipe"),
    # The machine itself
    _list("hardware.kernel_errors", "hardware errors in the kernel log", note="machine checks and memory errors"),
    _list("hardware.crash_signals", "signals of crashes", note="of processes of the run"),
    # Two runs compared, by a person
    _number("batch.times_usual", "batch size compared with the other run", note="divided by that of the other"),
    _number(
        "batch.sample_times_usual",
        "time for one sample compared with the other run",
        note="divided by that of the other",
    ),
    # Growth and shortage of memory
    _text("worker.role", "role of the worker that ended first"),
    _text("memory.grows_in", "where memory rises all the time"),
    _number("memory.main_growth_bytes_per_h", "growth of the main process", unit="B/h"),
    _number("memory.workers_growth_bytes_per_h", "growth of the data workers", unit="B/h"),
    _number(
        "memory.machine_growth_bytes_per_h",
        "growth of the memory in use on the machine",
        unit="B/h",
        note="more than its processes grow: somebody else, or the kernel",
    ),
    _number("memory.private_growth_bytes_per_h", "growth of the workers' own pages", unit="B/h"),
    _number(
        "memory.shared_growth_bytes_per_h", "growth of the workers' shared pages", unit="B/h", note="below 0: loss"
    ),
    _number("memory.arenas", "arenas of the C library", note="extra ones, in the main process"),
    _number("memory.arena_share", "share of the growth in arenas", unit="ratio", note="of the main process"),
    _number("memory.trim_freed_ratio", "what malloc_trim(0) gives back", unit="ratio"),
    _number("memory.cache_ratio", "page cache as a share of the memory limit", unit="ratio", note="of the cgroup"),
    _number("memory.cache_dropped_ratio", "page cache that was dropped", unit="ratio"),
    _number(
        "memory.refaults_per_s",
        "dropped pages that are read again",
        unit="1/s",
        note="pages of files, soon after the cgroup dropped them",
    ),
    _number(
        "memory.direct_scans_per_s",
        "pages scanned to reclaim memory",
        unit="1/s",
        note="by processes that had to do it themselves",
    ),
    _number("memory.compact_stalls_per_s", "waits for memory to be compacted", unit="1/s"),
    _number("pressure.memory", "time lost waiting for memory", unit="ratio", note="PSI memory full"),
    _number("swap.in_bytes_per_s", "read back from swap", unit="B/s", note="by the whole machine"),
    _number("swap.out_bytes_per_s", "written to swap", unit="B/s", note="by the whole machine"),
    _number("swap.run_bytes", "memory of the run in swap", unit="B"),
    _number("cpu.system_ratio", "share of the kernel in the busy CPU time", unit="ratio"),
    # Locks and open files
    _list("workers.locked", "workers that wait on a lock", note="and were not woken once"),
    _text("workers.lock", "where they wait", note="in the code"),
    _number("workers.threads", "threads of a data worker", note="of the one with the most"),
    _number(
        "fds.used_ratio",
        "open files as a share of the limit",
        unit="ratio",
        note="of the process that is nearest to its limit",
    ),
    _number("fds.limit", "limit of open files"),
    _number("fds.grown", "open files gained"),
    # Output
    _number("log.age_s", "time since the training log's last line", unit="s"),
    # Where a process is stuck, from repeated stacks
    _text("main.stands_at", "where the main process is stuck", note="function, file and line in every stack"),
    _text("main.stands_in", "what holds the main process there", note="a lock, a socket, a loop …"),
    _text("main.stands_owner", "whose code the main process is in"),
    _text("workers.stand_at", "where all data workers are stuck", note="function, file and line"),
    _text("workers.stand_in", "what holds the data workers there"),
    _list("frozen.processes", "processes in a freezer", note="of a cgroup"),
    _number("pauses.count", "number of pauses", note="each too short to be a stall"),
    _number("pauses.each_s", "length of a pause", unit="s"),
    _number("pauses.every_steps", "steps between two pauses"),
    _number("pauses.part", "share of the time lost in pauses", unit="ratio"),
    # Limits of the processes (ulimit)
    _text("limit.reached", "limit that was reached"),
    _bool("memory.refused", "whether memory was refused while it was free", note="several times as much was free"),
    _number("memory.asked_bytes", "memory that was asked for", unit="B"),
    _bool("data.read_only", "whether read-only data is handed on"),
    _number("limit.value", "that limit", note="seconds, bytes or processes"),
    _number("limit.processes", "limit of processes and threads", note="of a container: PidsLimit, pids.max"),
    _number("limit.address_space_bytes", "limit of the address space", unit="B", note="ulimit -v"),
    _number("limit.file_size_bytes", "limit of the size of a file", unit="B", note="ulimit -f"),
    _number("limit.cpu_time_s", "limit of the CPU time", unit="s", note="ulimit -t"),
    _bool("limit.near", "whether something came near that limit", note="what was used, written or asked for"),
    # The result of the training
    _list("loss.not_finite", "losses that are not finite", note="train_loss, val_loss, in two successive epochs"),
    _text("loss.since", "since when the loss is not finite", note="epoch and iteration"),
    _text("results.gone", "what happened to the results folder"),
    _bool("main.early", "whether it ended before its last epoch", note="with exit code 0"),
    # Kind of run: what it lacks cannot be the cause
    _bool("scope.nnunet", "whether nnU-Net is what runs"),
    _bool("scope.training", "whether a training was seen", note="its steps, epochs or log lines"),
    _bool("scope.export", "whether predictions are exported", note="or were: final validation or prediction"),
    _bool("scope.gpu", "whether a GPU is there", note="or an error names one"),
    _bool("scope.ranks", "whether several processes train together", note="one a GPU"),
    _bool("scope.windows", "whether this is Windows", note="or WSL on it"),
    _bool("scope.job", "whether this is a job of a scheduler"),
    _bool("scope.container", "whether this is a container"),
)

define_all({f"fact.{spec.name}": spec.title for spec in VOCABULARY})

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
