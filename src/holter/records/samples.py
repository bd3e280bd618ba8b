"""Samples: one reading of one probe."""

from __future__ import annotations

from typing import Literal

from holter.records.text import Record, Role, Text


class OtherTraining(Record, frozen=True, kw_only=True):
    """Another nnU-Net training on this machine; fields are None if its settings may not be read."""

    pid: int
    started_s: float | None = None  # on the t_s clock; negative: before the recording
    same_data: bool | None = None  # the same preprocessed data set
    same_fold: bool | None = None  # and the same configuration, fold, trainer and plans


class HostSample(Record, frozen=True, kw_only=True, tag="host"):
    """The whole machine, with all its users."""

    t_s: float
    cpu_count: int | None = None
    cpu_busy_ratio: float | None = None  # mean over CPUs since the last sample, 0..1
    cpu_busy_ratio_each: tuple[float, ...] | None = None
    cpu_system_ratio: float | None = None
    cpu_iowait_ratio: float | None = None
    cpu_steal_ratio: float | None = None
    load_1min: float | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    memory_cached_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    swap_in_pages_total: int | None = None
    swap_out_pages_total: int | None = None
    oom_kill_total: int | None = None  # /proc/vmstat, whole host
    direct_scan_pages_total: int | None = None  # scanned by processes that had to reclaim memory themselves
    compact_stalls_total: int | None = None  # waits of a process for memory compaction
    pressure_cpu_some_ratio: float | None = None  # PSI avg10, 0..1
    pressure_cpu_full_ratio: float | None = None
    pressure_io_some_ratio: float | None = None
    pressure_io_full_ratio: float | None = None
    pressure_memory_some_ratio: float | None = None
    pressure_memory_full_ratio: float | None = None
    shm_total_bytes: int | None = None
    shm_used_bytes: int | None = None
    tmp_total_bytes: int | None = None
    tmp_used_bytes: int | None = None
    clock_source: str | None = None
    network_received_bytes_total: int | None = None  # of all devices except the loopback; with NFS also its data
    network_sent_bytes_total: int | None = None
    # Processes outside the training's tree are read every ten seconds; None in between.
    others_cpu_cores: float | None = None  # cores that they used since the last reading
    others_busiest: tuple[str, ...] | None = None  # "name 3.1": the busiest, with their cores
    other_trainings: tuple[OtherTraining, ...] | None = None


class CgroupSample(Record, frozen=True, kw_only=True, tag="cgroup"):
    """The cgroup limits of the training and its usage; the tightest limit of all nested groups."""

    t_s: float
    version: Literal["v1", "v2", "none"] = "none"
    path: str | None = None
    cpu_quota_cpus: float | None = None  # None: no quota
    cpu_periods_total: int | None = None
    cpu_throttled_periods_total: int | None = None
    cpu_throttled_s_total: float | None = None
    cpuset_cpus: int | None = None
    affinity_cpus: int | None = None
    effective_cpus: float | None = None  # min(affinity, cpuset, quota)
    memory_limit_bytes: int | None = None  # None: no limit
    memory_used_bytes: int | None = None
    memory_file_bytes: int | None = None  # page cache counted as use
    refault_pages_total: int | None = None  # file pages read again soon after reclaim dropped them
    pressure_memory_full_ratio: float | None = None  # PSI avg10 of the group, 0..1
    oom_total: int | None = None
    oom_kill_total: int | None = None
    pids_limit: int | None = None
    pids_used: int | None = None

    @property
    def memory_free_bytes(self) -> int | None:
        """Memory below the limit, with the page cache; None without a limit or if the use is unknown."""
        if self.memory_limit_bytes is None or self.memory_used_bytes is None:
            return None
        return max(0, self.memory_limit_bytes - max(0, self.memory_used_bytes - (self.memory_file_bytes or 0)))


class ProcessSample(Record, frozen=True, kw_only=True, tag="process"):
    """One process of the training's tree. ``entity`` on the tape is the PID."""

    t_s: float
    pid: int
    ppid: int | None = None
    name: str | None = None  # comm
    role: Role = "other"
    worker_index: int | None = None  # batchgenerators thread_id, if the hook reports it
    started_s: float | None = None  # on the t_s clock; negative: before the recording
    state: str | None = None  # R S D T t Z X I
    cpu_ratio: float | None = None  # cores used since the last sample; 1.0 is one core
    cpu_s_total: float | None = None
    cpu_wait_s_total: float | None = None  # the first thread was ready to run and got no CPU
    rss_bytes: int | None = None
    swap_bytes: int | None = None
    private_bytes: int | None = None  # pages of its own; this and the next three are read every five minutes
    shared_bytes: int | None = None  # pages that other processes map too, also those from the fork
    malloc_arenas: int | None = None  # extra arenas of the C library's malloc
    malloc_arena_bytes: int | None = None  # used or kept in these arenas
    threads: int | None = None
    threads_running: int | None = None  # running or runnable threads of a data worker with many threads
    voluntary_switches_total: int | None = None
    involuntary_switches_total: int | None = None
    minor_faults_total: int | None = None
    major_faults_total: int | None = None
    read_bytes_total: int | None = None  # from storage
    read_chars_total: int | None = None  # through read(), cache included
    write_bytes_total: int | None = None
    fds: int | None = None
    fd_limit: int | None = None
    cpu_time_limit_s: int | None = None  # RLIMIT_CPU; None: unlimited, as for the next two
    file_size_limit_bytes: int | None = None  # RLIMIT_FSIZE
    address_space_limit_bytes: int | None = None  # the smaller of RLIMIT_AS and RLIMIT_DATA
    cpus_allowed: int | None = None
    last_cpu: int | None = None
    wait_channel: str | None = None
    syscall: str | None = None  # name of the current system call; "running" while on a CPU
    syscall_file: str | None = None  # file behind the descriptor of a read
    syscall_mount: str | None = None  # "nfs4 /data" : type and mount point of that file


class GpuProcess(Record, frozen=True, kw_only=True):
    """A process that NVML lists on a GPU."""

    pid: int
    name: str | None = None
    memory_bytes: int | None = None
    ours: bool = False  # belongs to the watched tree


class GpuSlice(Record, frozen=True, kw_only=True):
    """One MIG device: the part of a GPU that a process sees as its whole GPU."""

    name: str | None = None  # "NVIDIA A100-SXM4-40GB MIG 1g.5gb"
    uuid: str | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    pids: tuple[int, ...] | None = None  # processes that compute on it; None: cannot be read


class Unread(Record, frozen=True, kw_only=True):
    """A value that could not be read, and why."""

    field: str  # "power_w"
    why: Text


class GpuSample(Record, frozen=True, kw_only=True, tag="gpu"):
    """One GPU as NVML and nvidia-smi report it. ``entity`` on the tape is the index."""

    t_s: float
    index: int
    source: Literal["nvml", "simulated", "none"] = "nvml"  # none: no GPU or no driver, and ``note`` says which
    note: Text | None = None
    name: str | None = None
    uuid: str | None = None
    driver: str | None = None
    utilization_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    sm_clock_mhz: int | None = None
    sm_clock_max_mhz: int | None = None
    memory_clock_mhz: int | None = None
    memory_clock_max_mhz: int | None = None
    temperature_c: int | None = None
    clock_reasons: tuple[str, ...] | None = None  # e.g. ("sw-power-cap",); empty: none active; None: cannot be read
    ecc_uncorrected_total: int | None = None
    pcie_generation: int | None = None
    pcie_generation_max: int | None = None
    pcie_width: int | None = None
    pcie_width_max: int | None = None
    pcie_rx_bytes_per_s: float | None = None
    pcie_tx_bytes_per_s: float | None = None
    processes: tuple[GpuProcess, ...] | None = None
    mig: bool | None = None
    slices: tuple[GpuSlice, ...] | None = None  # visible slices of a GPU in MIG mode
    compute_capability: str | None = None  # "8.6"
    virtualization: Literal["none", "pass-through", "vgpu", "host-vgpu", "host-vsga"] | None = None
    licence_supported: bool | None = None
    licence_stage: (
        Literal["licensed", "unlicensed-unrestricted", "unlicensed-restricted", "unlicensed", "unknown"] | None
    ) = None
    licence_text: str | None = None  # as nvidia-smi prints it
    licence_product: str | None = None
    unread: tuple[Unread | str, ...] = ()  # text, "power_w: not supported", on older tapes

    @property
    def gaps(self) -> tuple[Unread, ...]:
        """Values that could not be read, for tapes of any version."""
        return tuple(_unread(entry) if isinstance(entry, str) else entry for entry in self.unread)


def _unread(text: str) -> Unread:
    field, _, why = text.partition(":")
    return Unread(field=field, why=why.strip())


class StorageSample(Record, frozen=True, kw_only=True, tag="storage"):
    """One path that the training reads or writes. ``entity`` on the tape is the label."""

    t_s: float
    label: str  # preprocessed, results, tmp
    path: str
    mount_point: str | None = None
    fs_type: str | None = None
    device: str | None = None
    rotational: bool | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None
    read_only: bool | None = None
    checkpoint_bytes: int | None = None  # largest checkpoint in this folder: the size of the next one
    read_latency_s: float | None = None  # one small uncached read
    probe_pending_s: float | None = None  # age of an unanswered probe: the mount may hang
    missing: bool | None = None  # the path does not exist; None: no answer
    identity: str | None = None  # device and inode of the folder: another value under the same path is another folder
    problem: Text | None = None


Phase = Literal[
    "startup", "unpack", "compile", "train", "validate", "checkpoint", "final-validation", "shutdown", "unknown",
    "epoch-end",  # after the last step of an epoch: logs, plots, and code of custom trainers
    "predict", "preprocess",  # commands that do not train
]  # fmt: skip
WaitKind = Literal["none", "train-batch", "val-batch", "export-slot", "export-result"]


class Beat(Record, frozen=True, kw_only=True, tag="beat"):
    """One reading of a process's heartbeat page. ``entity`` on the tape is the PID."""

    t_s: float
    pid: int
    role: Role = "main"
    worker_index: int | None = None
    phase: Phase = "unknown"
    epoch: int | None = None
    iteration: int | None = None  # within the epoch's train or validate part
    progress_total: int = 0  # grows whenever a unit of work is finished
    progressed_s: float | None = None  # t_s of the last growth
    pulse_s: float | None = None  # t_s of the last sign of life of the interpreter (1 Hz thread, main only)
    waits_for: WaitKind = "none"
    wait_began_s: float | None = None
    data_wait_s: float | None = None  # last step: time in next(loader)
    compute_s: float | None = None  # last step: the rest
    data_wait_s_total: float = 0.0
    compute_s_total: float = 0.0
    steps_total: int = 0  # batches taken (main) or produced (worker)
    worker_queue: int | None = None  # batches in the queue filled by workers
    worker_queue_size: int | None = None
    ready_queue: int | None = None  # batches ready for the main thread
    ready_queue_size: int | None = None
    case: str | None = None  # identifier in hand, None between cases
    case_began_s: float | None = None


Sample = HostSample | CgroupSample | ProcessSample | GpuSample | StorageSample | Beat
SAMPLE_TYPES: tuple[type[Sample], ...] = (HostSample, CgroupSample, ProcessSample, GpuSample, StorageSample, Beat)
