"""Data records that probes produce, the tape stores, and detectors, evidence and causes use.

Every record is typed and frozen. Times named ``t_s`` are seconds since the start of the recording, on a clock that
never jumps; wall-clock times are named ``wall``. A field is None if the value could not be read or does not apply; it
is never 0 or -1 for "unknown". Counters end in ``_total`` and count since the process (or machine) started; all other
fields are the state at ``t_s``.
"""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records: immutable, keyword-only, None for unknown values."""


# --------------------------------------------------------------------------------------------------------------
# Sentences as data: what a person may read is a key and the values of its blanks until it is rendered.

Role = Literal["main", "train-worker", "val-worker", "export-worker", "resource-tracker", "compile-worker", "other"]
# Roles of processes that work for the training.
WORKERS: tuple[Role, ...] = ("train-worker", "val-worker", "export-worker")
DATA_WORKERS: tuple[Role, ...] = ("train-worker", "val-worker")


class Subject(Record, frozen=True, kw_only=True, tag="subject"):
    """The process that a sentence is about; only the role if no single process is meant."""

    role: Role
    index: int | None = None  # of a data worker: batchgenerators' thread_id
    pid: int | None = None

    @property
    def name(self) -> str:
        """Return the language-independent name, "train-worker 2 (PID 4711)": for comparison, not for display.

        It is used in values of facts, in JSON for the subject of an episode, and on older tapes.
        """
        number = "" if self.index is None else f" {self.index}"
        return f"{self.role}{number}" if self.pid is None else f"{self.role}{number} (PID {self.pid})"

    @classmethod
    def from_name(cls, name: str) -> Subject | None:
        """Return the process with that name, as ``name`` or a report writes it; None for any other text."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        role = "train-worker" if match["role"] == "worker" else match["role"]
        return cls(
            role=cast("Role", role),
            index=None if match["index"] is None else int(match["index"]),
            pid=None if match["pid"] is None else int(match["pid"]),
        )


_NAME = re.compile(
    r"(?P<role>main|worker|(?:train|val|export|compile)-worker|resource-tracker|other)"
    r"(?: (?P<index>\d+))?(?: \(PID (?P<pid>\d+)\))?"
)


class Message(Record, frozen=True, kw_only=True, tag="message"):
    """A sentence before rendering. ``sentences.define`` creates the keys; the values are in base units."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()

    def value(self, name: str) -> Value | None:
        """Return the value of one blank; None if it was not given."""
        return dict(self.values).get(name)


Single = str | bool | int | float | Subject | Message
Value = Single | tuple[Single, ...]  # a tuple is shown as a list
Text = str | Message  # a plain string is shown unchanged: text of another program, or of an older Holter
Actor = Subject | Text  # waiter or target of a wait: a process, a named thing, or a quoted file or mount


# --------------------------------------------------------------------------------------------------------------
# Samples: one reading of one probe. ``entity`` identifies one of several (a PID, a GPU index, a path).


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


class ProbeRun(Record, frozen=True, kw_only=True):
    """Cost and success of one probe run: a probe that stopped must show on the tape."""

    t_s: float
    probe: str
    ok: bool
    cost_s: float  # CPU time in the recorder if known, else wall time
    error: str | None = None


class Tick(Record, frozen=True, kw_only=True):
    """All samples of one instant, together with the events since the last tick."""

    t_s: float
    span_s: float = 0.0  # 0: one reading; 60: a roll-up of that many seconds
    host: HostSample | None = None
    cgroup: CgroupSample | None = None
    processes: tuple[ProcessSample, ...] = ()
    gpus: tuple[GpuSample, ...] = ()
    storage: tuple[StorageSample, ...] = ()
    beats: tuple[Beat, ...] = ()
    events: tuple[Event, ...] = ()


# --------------------------------------------------------------------------------------------------------------
# Events: things that happen at one moment.


class ProcessBorn(Record, frozen=True, kw_only=True, tag="process-born"):
    """A process joined the training's tree."""

    t_s: float
    pid: int
    role: Role = "other"
    name: str | None = None


class ProcessEnded(Record, frozen=True, kw_only=True, tag="process-ended"):
    """A process of the tree ended. Exactly one of the two codes is set if the ending is known."""

    t_s: float
    pid: int
    role: Role = "other"
    worker_index: int | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    rss_bytes: int | None = None  # last seen
    case: str | None = None  # in hand when it ended
    source: str = "seen"  # hook, wait, pidfd, seen (gone, ending unknown)
    expected: bool = False  # it was shutting down normally
    by_parent: bool = False  # its parent ended it (SIGTERM during shutdown): an echo, not a cause
    early: bool = False  # with exit code 0, before its last planned epoch


class ExceptionSeen(Record, frozen=True, kw_only=True, tag="exception"):
    """A Python exception that was not caught, or that a data worker printed."""

    t_s: float
    pid: int | None = None
    role: Role = "other"
    error: str = "Exception"  # class name
    message: str = ""
    traceback: str = ""
    case: str | None = None
    thread: str | None = None  # thread that raised it; None: the main thread, or unknown
    echo: bool = False  # it only repeats that something else died before
    source: str = "hook"  # hook, log


class PhaseChanged(Record, frozen=True, kw_only=True, tag="phase"):
    """The training entered a phase."""

    t_s: float
    phase: Phase
    epoch: int | None = None


class EpochEnded(Record, frozen=True, kw_only=True, tag="epoch"):
    """One epoch as nnU-Net's log reports it."""

    t_s: float
    epoch: int
    duration_s: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    pseudo_dice: tuple[float, ...] | None = None
    not_finite: tuple[str, ...] = ()  # train_loss or val_loss, if NaN or infinite
    learning_rate: float | None = None
    wall: str | None = None  # the log's own time stamp of the "Epoch time" line


class LogLine(Record, frozen=True, kw_only=True, tag="log"):
    """A line of nnU-Net's log or console that is kept: warnings, errors, phase lines."""

    t_s: float
    text: str
    source: str = "training-log"
    level: Literal["info", "warning", "error"] = "info"


class KernelMessage(Record, frozen=True, kw_only=True, tag="kernel"):
    """A line of the kernel log that concerns the run."""

    t_s: float
    what: Literal["oom-kill", "xid", "mce", "io-error", "nfs", "segfault", "other"]
    text: str
    pid: int | None = None


class Noted(Record, frozen=True, kw_only=True, tag="note"):
    """A note of the recorder: a failed probe, a gap, a simulated reading, a user's mark."""

    t_s: float
    what: str  # kebab-case
    text: str = ""  # quoted text; on older tapes any sentence
    message: Message | None = None  # in place of ``text``
    pid: int | None = None  # of the training process that sent it

    @property
    def said(self) -> Text:
        """The note's sentence."""
        return self.message or self.text


class ActionTaken(Record, frozen=True, kw_only=True, tag="action"):
    """An action on the run: started, done, failed, or proposed (what ``--heal`` would do)."""

    t_s: float
    # replace-workers, save-checkpoint, set-aside-checkpoint, keep-checkpoint, export-again, announce-restart, restart,
    # end-group, wait, leave-alone, stop
    action: str
    state: Literal["proposed", "begun", "done", "failed"]
    text: str = ""  # quoted text; on older tapes any sentence
    message: Message | None = None  # before, after, why; instead of ``text``
    cause: str | None = None  # the diagnosis behind it
    settings: tuple[tuple[str, str], ...] = ()  # environment variables changed
    asks: tuple[tuple[str, Value], ...] = ()  # of a wait: values for the text to the administrator
    pids: tuple[int, ...] = ()  # processes that it ends: their deaths are no faults
    generation: int = 0  # of the affected training process; of a restart: the new one
    source: Literal["hook", "supervisor"] = "supervisor"

    @property
    def said(self) -> Text:
        """The sentence about the action."""
        return self.message or self.text


AbilityName = Literal[
    "heartbeat", "loader", "log", "exceptions", "stacks", "gpu", "kernel-log", "endings", "results",  # can be seen
    "replace-workers", "save", "restart",  # can be done
]  # fmt: skip


class Ability(Record, frozen=True, kw_only=True):
    """One thing that Holter can see of this run or do to it, or the reason why not."""

    name: AbilityName
    can: bool
    what: str | None = None  # which loader, which GPU, which command
    why_not: Message | None = None


class ContractSettled(Record, frozen=True, kw_only=True, tag="contract"):
    """What Holter can see of this run and do to it; set in the first minute, recorded again on each change."""

    t_s: float
    sees: tuple[Ability, ...]
    does: tuple[Ability, ...]

    def ability(self, name: AbilityName) -> Ability:
        """Return one ability.

        Raises:  KeyError if the contract does not have it.
        """
        return {ability.name: ability for ability in (*self.sees, *self.does)}[name]

    @property
    def only_watches(self) -> bool:
        """Whether Holter was not asked to act."""
        return any(
            ability.why_not is not None and ability.why_not.key == "contract.only-watches" for ability in self.does
        )


class Notice(Record, frozen=True, kw_only=True, tag="notice"):
    """A notice without alarm: the training continues, but something is not as it should be."""

    t_s: float
    what: str  # kebab-case
    message: Message
    pids: tuple[int, ...] = ()


class Judged(Record, frozen=True, kw_only=True, tag="judged"):
    """An episode was judged at this moment, from what was known then. A replay of the tape gives the same result."""

    t_s: float
    detector: str  # with the next two fields it identifies the episode
    subject: str  # ``Episode.subject_name``
    start_s: float
    cause: str | None = None  # None: no cause was likely
    verdict: Literal["confirmed", "likely"] | None = None


Event = (
    ProcessBorn
    | ProcessEnded
    | ExceptionSeen
    | PhaseChanged
    | EpochEnded
    | LogLine
    | KernelMessage
    | Noted
    | ActionTaken
    | ContractSettled
    | Judged
    | Notice
)


# --------------------------------------------------------------------------------------------------------------
# Stacks


class Frame(Record, frozen=True, kw_only=True):
    """One Python (or native) frame, innermost first in a ThreadStack."""

    function: str
    file: str = ""
    line: int | None = None


class ThreadStack(Record, frozen=True, kw_only=True):
    """One thread. For the rung ``proc`` there are no frames, only state, wait channel and system call."""

    name: str | None = None
    thread_id: int | None = None
    active: bool | None = None
    owns_gil: bool | None = None
    state: str | None = None
    wait_channel: str | None = None
    syscall: str | None = None
    frames: tuple[Frame, ...] = ()


class StackDump(Record, frozen=True, kw_only=True):
    """All threads of one process, and how they were read."""

    t_s: float
    pid: int
    role: Role = "other"
    rung: Literal["py-spy", "faulthandler", "proc", "none"]
    came_s: float | None = None  # when the recorder received it; ``t_s`` is when it was requested
    threads: tuple[ThreadStack, ...] = ()
    refused: tuple[Text, ...] = ()  # "py-spy: permission denied": methods tried before


# --------------------------------------------------------------------------------------------------------------
# Environment


class Environment(Record, frozen=True, kw_only=True):
    """Machine, versions and settings of a run, captured once (and again when more is known)."""

    wall_start: str  # ISO 8601, UTC
    utc_offset_s: int = 0
    hostname: str | None = None
    command: tuple[str, ...] = ()
    main_pid: int | None = None
    attached: bool = False  # the training started before the recording
    hooked: bool | None = None
    holter: str | None = None
    os: str | None = None
    kernel: str | None = None
    machine: str | None = None
    container: str | None = None  # docker, podman, apptainer, kubernetes, lxc; "none"
    virtual_machine: str | None = None  # kvm, vmware, microsoft, wsl, xen; "none"
    gpu_iommu: str | None = None  # translated, pass-through, none: how memory accesses of NVIDIA GPUs are mapped
    slurm_job: str | None = None
    cpu_model: str | None = None
    versions: tuple[tuple[str, str], ...] = ()  # python, torch, cuda, nnunetv2, batchgenerators, blosc2, …
    variables: tuple[tuple[str, str], ...] = ()  # environment variables that matter
    plans: tuple[tuple[str, str], ...] = ()  # dataset, configuration, fold, trainer, patch size, batch size, …
    output_folder: str | None = None
    console: str | None = None  # standard output: file, pipe, terminal, null, socket; "read": source of this recording
    preprocessed_folder: str | None = None
    scratch: str | None = None  # folder of heartbeat pages and stack files
    device: str | None = None  # as the trainer names it: cuda:0, cpu
    num_epochs: int | None = None  # that the trainer plans
    resume_command: str | None = None  # the user's own command to continue the training (--resume-command)


# --------------------------------------------------------------------------------------------------------------
# Results of detectors, evidence and causes

EpisodeKind = Literal["stall", "slow-down", "death", "creep", "unsaved", "diverged"]


class Episode(Record, frozen=True, kw_only=True):
    """A stretch of time that a detector marked."""

    kind: EpisodeKind
    phase: Phase = "unknown"
    start_s: float  # when the problem started, as far as known
    alarm_s: float  # when it was noticed
    end_s: float | None = None  # None: not over
    detector: str = ""
    subject: Subject | str = ""  # a process, or one of "training", "memory", "epoch time"
    pid: int | None = None
    reason: Text = ""  # one sentence with the numbers that raised the alarm
    generation: int = 0  # of the training process, counted over restarts

    @property
    def subject_name(self) -> str:
        """Return the subject as in JSON and ``Judged``; with detector and start it identifies the episode."""
        return self.subject if isinstance(self.subject, str) else self.subject.name

    @property
    def is_about_main(self) -> bool:
        """Return whether the subject is the main process."""
        return isinstance(self.subject, Subject) and self.subject.role == "main"


class Fact(Record, frozen=True, kw_only=True):
    """One known, unknown or inapplicable property of an episode."""

    name: str  # from evidence.vocabulary
    value: bool | int | float | str | tuple[str, ...] | None = None
    status: Literal["known", "unknown", "not-applicable"] = "known"
    reason: Text | None = None  # why unknown or not applicable
    detail: Text | None = None  # what was seen, with numbers, for people
    processes: tuple[Subject, ...] = ()  # processes named in the value

    @property
    def actors(self) -> tuple[Subject | str, ...]:
        """Return the processes named in the value; other text, from an evidence file, as it is."""
        by_name: dict[str, Subject | str] = {process.name: process for process in self.processes}
        names = self.value if isinstance(self.value, tuple) else (str(self.value),)
        return tuple(by_name.get(name, name) for name in names)


class Link(Record, frozen=True, kw_only=True):
    """One link of the waiting chain: ``waiter`` waits on ``target``."""

    waiter: Actor
    target: Actor
    how: Text  # what shows it: a stack frame, a state, a queue reading


class Finding(Record, frozen=True, kw_only=True):
    """One fact as a cause reads it; ``text`` is a catalogue key, filled with ``values``."""

    fact: str
    text: str
    values: tuple[tuple[str, Value], ...] = ()


class Remedy(Record, frozen=True, kw_only=True):
    """A remedy. SAFE: the result of the training is provably unchanged. CONSENT: the user decides."""

    id: str
    safety: Literal["ADVICE", "CONSENT", "SAFE"] = "ADVICE"
    command: str | None = None
    values: tuple[tuple[str, Value], ...] = ()


class Plan(Record, frozen=True, kw_only=True):
    """The next action on a run, as data."""

    action: Literal["replace-workers", "restart", "wait", "stop", "nothing"]
    cause: str | None = None
    rung: int = 0  # 1 in the epoch, 2 restart, 3 restart with safer settings, 4 outside our reach
    settings: tuple[tuple[str, str], ...] = ()  # environment variables of the training to set
    delay_s: float = 0.0  # wait before it
    reason: str = ""  # catalogue key of why


class Verdict(Record, frozen=True, kw_only=True):
    """The result of one cause for one episode."""

    cause: str
    verdict: Literal["confirmed", "likely", "possible", "excluded"]
    score: float  # 0..1; only for ranking within one diagnosis
    supports: tuple[Finding, ...] = ()
    against: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()


class Diagnosis(Record, frozen=True, kw_only=True):
    """The verdicts on one episode, best first, with the waiting chain."""

    episode: Episode
    wait_chain: tuple[Link, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    facts: tuple[Fact, ...] = ()
    remedies: tuple[tuple[str, tuple[Remedy, ...]], ...] = ()  # by cause
    later: tuple[Fact, ...] = ()  # learned after the verdict: mostly how it ended
