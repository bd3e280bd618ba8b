"""The machine, the versions and the settings of a run."""

from __future__ import annotations

from datetime import datetime

from holter.records.text import Record


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
    num_cases: int | None = None  # that a prediction or a preprocessing works on
    working_folder: str | None = None  # in which the command was started
    resume_command: str | None = None  # the user's own command to continue the training (--resume-command)

    @property
    def began_s(self) -> float | None:
        """The start of the recording, as Unix time; None if it is unknown."""
        try:
            return datetime.fromisoformat(self.wall_start.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return None
