"""Facts about a machine (``Survey``), and their judgement (``Result``, ``Examination``).

As everywhere, None means that a fact could not be read; fields named ``unread`` give the reasons. A survey can be
saved as JSON and judged or compared elsewhere. It has Holter's own texts twice: in English, and in fields
``…_message`` as a sentence for any language.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from holter.records import CgroupSample, Environment, GpuSample, HostSample, Message, Record, Text, Value

State = Literal["go", "warn", "no-go", "unknown", "not-applicable"]
Verdict = Literal["go", "warn", "no-go"]
Worse = Literal["first", "second", "unclear"]
Group = Literal["cpu", "memory", "storage", "data", "gpu", "software", "machine", "run"]


class Asked(Record, frozen=True, kw_only=True):
    """The training to check; without a data set, only the machine is checked."""

    dataset: str | None = None
    configuration: str | None = None
    fold: str = "0"
    plans: str = "nnUNetPlans"
    trainer: str = "nnUNetTrainer"
    device: Literal["cuda", "cpu"] = "cuda"


class Plan(Record, frozen=True, kw_only=True):
    """One configuration, from the plans file and dataset.json."""

    patch_size: tuple[int, ...]
    batch_size: int
    spacing: tuple[float, ...] = ()
    transpose_forward: tuple[int, ...] = ()
    channels: int = 1
    heads: int = 2  # of the network's output: classes or regions
    regions: bool = False
    labels: tuple[int, ...] = ()  # allowed values in a segmentation
    parameters: int | None = None  # of the network, if its kind is known
    outputs: int = 1  # segmentations per batch, for deep supervision
    cases: int | None = None
    folds: int | None = None  # in splits_final.json; None: nnU-Net will make its five


class Software(Record, frozen=True, kw_only=True):
    """The training's Python, as described by itself."""

    python: str | None = None
    executable: str | None = None
    packages: tuple[tuple[str, str], ...] = ()
    cpu_count: int | None = None  # os.cpu_count() there: nnU-Net uses this number
    torch_cuda: str | None = None  # CUDA that torch was built for; None: none
    cudnn: int | None = None
    cuda_works: bool | None = None
    cuda_error: str | None = None
    cuda_error_message: Message | None = None
    architectures: tuple[str, ...] = ()  # that torch was built for
    capabilities: tuple[tuple[str, int, int], ...] = ()  # name, major, minor of each GPU
    numpy_bridge: bool | None = None  # a numpy array can become a tensor
    torch_error: str | None = None  # why torch cannot be imported
    torch_error_message: Message | None = None
    nnunet_error: str | None = None
    compiler: str | None = None
    compiler_version: str | None = None
    python_header: bool | None = None
    unwrapped: tuple[tuple[str, tuple[str, ...]], ...] = ()  # part of the hook -> what it will not find
    unread: str | None = None  # why nothing is known
    unread_message: Message | None = None

    @property
    def why_unread(self) -> Text | None:
        """Return why Python and its packages could not be examined; None if they were."""
        return self.unread_message or self.unread

    @property
    def why_no_torch(self) -> Text | None:
        """Why torch cannot be imported; None if it can."""
        return self.torch_error_message or self.torch_error

    @property
    def why_no_cuda(self) -> Text | None:
        """Why torch cannot use the GPU; None if no reason is known."""
        return self.cuda_error_message or self.cuda_error


class Folder(Record, frozen=True, kw_only=True):
    """One folder that a training reads or writes, as read by a process that may hang."""

    label: str  # preprocessed, results, tmp, compile-cache, fold
    path: str
    exists: bool | None = None
    mount_point: str | None = None
    fs_type: str | None = None
    rotational: bool | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None
    read_only: bool | None = None
    no_exec: bool | None = None
    readable: bool | None = None
    write_error: str | None = None  # why a small file could not be written there
    written: bool | None = None  # True: the small file was written
    clock_skew_s: float | None = None  # the file server's clock against ours
    read_latency_s: float | None = None  # median of small random reads that bypass the page cache
    read_latency_p95_s: float | None = None
    read_bytes_per_s: float | None = None
    reads: int = 0
    cached: bool | None = None  # the file system is memory, or its cache could not be bypassed
    problem: str | None = None
    problem_message: Message | None = None

    @property
    def trouble(self) -> Text | None:
        return self.problem_message or self.problem


class BadFile(Record, frozen=True, kw_only=True):
    """One preprocessed file that would fail in a training."""

    file: str
    problem: str
    problem_message: Message | None = None

    @property
    def trouble(self) -> Text:
        return self.problem_message or self.problem


class Files(Record, frozen=True, kw_only=True):
    """The preprocessed cases, as far as there was time to read them."""

    folder: str
    cases: int = 0
    files: int = 0
    lengths_checked: int = 0
    read_whole: int = 0
    bad: tuple[BadFile, ...] = ()
    missing: tuple[str, ...] = ()  # a case without its segmentation or properties
    labels: tuple[int, ...] | None = None  # seen in segmentations; None: none was read
    labels_bad: tuple[BadFile, ...] = ()
    segmentations_read: int = 0
    stored_bytes: int | None = None
    voxels: int | None = None  # of all cases, one channel
    largest_case_voxels: int | None = None
    archives: bool = False  # cases are stored as .npz
    holds_patch: bool | None = None  # a whole patch of the plan fits inside some case
    needs_unpacking: bool = False
    unpacked_bytes: int | None = None  # bytes that unpacking would take
    export_needs: tuple[tuple[str, int, int], ...] = ()  # case, bytes of a worker, bytes of its prediction
    pending: str | None = None  # the file that hung when it was read, or how its reader ended
    pending_message: Message | None = None
    unread: str | None = None  # why contents were not read
    unread_message: Message | None = None
    took_s: float | None = None

    @property
    def what_hangs(self) -> Text | None:
        """The file that hung, or how its reader ended."""
        return self.pending_message or self.pending

    @property
    def why_unread(self) -> Text | None:
        """Why contents were not read; None if they were."""
        return self.unread_message or self.unread


class Fold(Record, frozen=True, kw_only=True):
    """The present contents of this fold's results folder."""

    folder: str
    checkpoints: tuple[str, ...] = ()
    checkpoint_bytes: int | None = None  # largest, of any fold of this model
    lock: Literal["none", "held", "left-over", "elsewhere"] | None = None
    lock_holder: str | None = None


class Neighbour(Record, frozen=True, kw_only=True):
    """Another nnU-Net training on this machine."""

    pid: int
    dataset: str
    configuration: str
    fold: str
    user: str | None = None
    trainer: str = "nnUNetTrainer"
    plans: str = "nnUNetPlans"
    results: str | None = None  # its nnUNet_results; None: its environment may not be read
    preprocessed: str | None = None
    is_orphan: bool = False  # an idle worker whose main process is gone, and no training


class Machine(Record, frozen=True, kw_only=True):
    """Facts about the machine that no other record has."""

    uptime_s: float | None = None
    clock_synchronised: bool | None = None
    clock_error_s: float | None = None
    files_soft_limit: int | None = None
    files_hard_limit: int | None = None
    processes_soft_limit: int | None = None
    user_tasks: int | None = None
    visible_gpus: str | None = None  # CUDA_VISIBLE_DEVICES
    job_end_unix_s: float | None = None
    taken_unix_s: float | None = None


class GpuText(Record, frozen=True, kw_only=True):
    """Why a field of a GPU could not be read, as a sentence for any language; the GPU's record has it in English."""

    index: int
    field: str  # of GpuSample: "note", or what could not be read
    why: Message


class Survey(Record, frozen=True, kw_only=True):
    """All facts; pure functions judge them."""

    asked: Asked
    machine: Machine = Machine()
    environment: Environment | None = None
    host: HostSample | None = None
    cgroup: CgroupSample | None = None
    gpus: tuple[GpuSample, ...] = ()
    gpu_texts: tuple[GpuText, ...] = ()
    software: Software = Software()
    folders: tuple[Folder, ...] = ()
    plan: Plan | None = None
    files: Files | None = None
    fold: Fold | None = None
    neighbours: tuple[Neighbour, ...] | None = None
    took_s: float | None = None

    def folder(self, label: str) -> Folder | None:
        """Return the folder with this label, or None."""
        return next((folder for folder in self.folders if folder.label == label), None)

    def gpu_text(self, gpu: GpuSample, field: str) -> Text | None:
        """Return why a field of a GPU could not be read, or its note; None if nothing is said."""
        message = next(
            (message.why for message in self.gpu_texts if (message.index, message.field) == (gpu.index, field)), None
        )
        if message is not None or field == "note":
            return message or gpu.note
        return next((gap.why for gap in gpu.gaps if gap.field == field), None)

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that a training would inherit."""
        return dict(self.environment.variables) if self.environment is not None else {}

    @property
    def packages(self) -> dict[str, str]:
        """Package versions in the training's Python."""
        return dict(self.software.packages)


class Result(Record, frozen=True, kw_only=True):
    """The result of one check. ``doctor.CHECK.VARIANT`` is its sentence; ``.do`` is the one change to make.

    Values are in base units, as in a ``Message``.
    """

    check: str
    state: State
    variant: str
    values: tuple[tuple[str, Value], ...] = ()
    setting: str | None = None  # a command to type, the same in all languages


class Examination(Record, frozen=True, kw_only=True):
    verdict: Verdict
    results: tuple[Result, ...]
    survey: Survey

    @property
    def exit_code(self) -> int:
        """0 if a training may start, 1 if the user should look first."""
        return 0 if self.verdict == "go" else 1


class Difference(Record, frozen=True, kw_only=True):
    """One fact in which two machines differ, and how much it matters (higher: more)."""

    fact: str
    first: str
    second: str
    weight: float
    worse: Worse = "unclear"
    # Result of the check on the worse machine. The JSON output keeps its first name.
    result: Result | None = msgspec.field(default=None, name="told")
