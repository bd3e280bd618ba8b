"""Machine, versions and settings of a training, read from files; no code of the training is executed."""

from __future__ import annotations

import datetime
import os
import platform
import re
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from holter import __version__
from holter.patterns import later
from holter.probes.process.interpreter import package_versions
from holter.records import Environment
from holter.texts.plans import describe_plans
from holter.texts.training_command import parse_training_command

# Names that matter for a diagnosis. Prefixes only if every name with that prefix is a setting.
_PREFIXES = (
    "nnUNet_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLOSC_", "CUDA_", "CUDNN_", "CUBLAS_", "NCCL_",
    "NVIDIA_", "PYTORCH_", "TORCH", "TRITON_", "MALLOC_", "PYTHON", "LD_PRELOAD", "NUMEXPR_",
)  # fmt: skip
_NAMES = frozenset({
    "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "VIRTUAL_ENV", "TMPDIR", "LD_LIBRARY_PATH", "KUBERNETES_SERVICE_HOST",
    "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK", "WORLD_SIZE",
    "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_PARTITION", "SLURM_JOB_NUM_NODES",
    "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "SLURM_JOB_CPUS_PER_NODE", "SLURM_MEM_PER_NODE",
    "SLURM_MEM_PER_CPU", "SLURM_GPUS", "SLURM_GPUS_ON_NODE", "SLURM_JOB_GPUS", "SLURM_NTASKS", "SLURM_PROCID",
    "SLURM_JOB_END_TIME", "SLURM_TMPDIR", "SLURM_JOB_NODELIST", "SLURM_CPU_BIND", "SLURM_RESTART_COUNT",
    "PBS_JOBID", "LSB_JOBID",
})  # fmt: skip
_SECRET_NAME = later(
    r"token|secret|passw|pwd\b|passphrase|credential|cookie|auth|jwt|private|api_?key|access_?key|(^|_)key($|_)|_pat$",
    re.IGNORECASE,
)
_SECRET_VALUE = later(
    r"://[^/\s:@]*:[^/\s@]+@"  # user and password in an address
    r"|\b(gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abprs]-|AKIA|ASIA|eyJ)[A-Za-z0-9_\-]{8,}"
    r"|-----BEGIN"
)
# A long run of letters and digits without the separators of paths and lists is not a setting. GPU UUIDs have 36.
_RANDOM_VALUE = later(r"(?<![\w/.-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{33,}={0,2}(?![\w/.-])")
_GPU_UUID = later(r"\b(GPU|MIG)-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
MAX_VALUE_CHARS = 500
NVIDIA, DISPLAY_CLASS = "0x10de", "0x03"  # PCI numbers: of the vendor, of graphics and 3D controllers
HIDDEN = "(hidden)"


def capture(
    command: Sequence[str],
    main_pid: int | None,
    attached: bool,
    *,
    environ: Mapping[str, str] | None = None,
    wall_start: float | None = None,
    scratch: Path | None = None,
    hooked: bool | None = None,
    proc: Path = Path("/proc"),
    root: Path = Path("/"),
) -> Environment:
    """Return everything about machine, versions and settings that can be read now; unknown fields are None.

    Call it again when the process (or its plans) exists, because more can be read then.

    ``main_pid``: the training's main process; None: not known yet. ``attached``: the recording began after the
    training. ``environ``: the training's variables, used if they cannot be read from the process. ``wall_start``: the
    unix time of the recording's ``t_s`` 0. ``scratch``: the recording's scratch folder. ``hooked``: whether the hook
    runs in the training.
    """
    variables = process_environ(main_pid, proc) if main_pid is not None else {}
    variables = variables or dict(environ if environ is not None else os.environ)
    wall = time.time() if wall_start is None else wall_start
    training = parse_training_command(process_command(main_pid, proc) or command)
    training = training or parse_training_command(command)
    fold = training.fold_folder(variables) if training else None
    dataset = training.dataset_name(variables) if training else None
    preprocessed = variables.get("nnUNet_preprocessed")
    release = _text(proc / "sys/kernel/osrelease")
    versions = package_versions(main_pid, variables, process_command(main_pid, proc) or command, proc)
    driver = nvidia_driver(proc)
    return Environment(
        wall_start=datetime.datetime.fromtimestamp(wall, datetime.timezone.utc).isoformat(),
        utc_offset_s=_utc_offset_s(wall),
        hostname=_text(proc / "sys/kernel/hostname"),
        command=tuple(hide_in_command(command)),
        main_pid=main_pid,
        attached=attached,
        hooked=hooked,
        holter=__version__,
        os=_os_name(_view_of(main_pid, proc, root)),
        kernel=release,
        machine=platform.machine() or None,
        container=container_kind(variables, _view_of(main_pid, proc, root), proc),
        virtual_machine=virtual_machine_kind(proc, root, release),
        gpu_iommu=gpu_iommu(root),
        slurm_job=_slurm_job(variables),
        cpu_model=_cpu_model(proc),
        versions=versions + ((("nvidia-driver", driver),) if driver else ()),
        variables=tuple(relevant_variables(variables)),
        plans=describe_plans(training, variables) if training else (),
        output_folder=str(fold) if fold else None,
        console=console_kind(main_pid, proc),
        preprocessed_folder=str(Path(preprocessed) / dataset) if preprocessed and dataset else None,
        scratch=str(scratch) if scratch else None,
    )


def process_environ(pid: int, proc: Path = Path("/proc")) -> dict[str, str]:
    """Return the environment that a process was started with; empty if it may not be read."""
    pairs = (entry.partition("=") for entry in _zero_separated(proc / str(pid) / "environ"))
    return {name: value for name, equals, value in pairs if equals}


def process_command(pid: int | None, proc: Path = Path("/proc")) -> list[str]:
    """Return the command line of a process; empty if there is none or it may not be read."""
    return _zero_separated(proc / str(pid) / "cmdline") if pid is not None else []


def relevant_variables(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return names and values that matter for a training, sorted, without any that looks like a secret."""
    return [
        (name, value[:MAX_VALUE_CHARS])
        for name, value in sorted(variables.items())
        if (name in _NAMES or name.startswith(_PREFIXES)) and not looks_secret(name, value)
    ]


def looks_secret(name: str, value: str) -> bool:
    """Whether a setting looks like a token, key or password, by its name or by its value."""
    without_gpus = _GPU_UUID.sub("", value)
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(without_gpus) or _RANDOM_VALUE.search(without_gpus))


def hide_in_command(command: Sequence[str]) -> list[str]:
    """Return the command with the values of secret-looking options replaced."""
    shown: list[str] = []
    hide_next = False
    for word in command:
        name, equals, value = word.partition("=")
        secret_name = bool(_SECRET_NAME.search(name)) and (name.startswith("-") or bool(equals))
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
        elif equals and (secret_name or looks_secret("", value)):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(HIDDEN if looks_secret("", word) else word)
        hide_next = secret_name and not equals
    return shown


def console_kind(pid: int | None, proc: Path = Path("/proc")) -> str | None:
    """Kind of a process's standard output: file, pipe, terminal, null, socket; None if it may not be read."""
    link = proc / str(pid) / "fd" / "1"
    try:
        status, target = link.stat(), str(link.readlink())
    except OSError:
        return None
    if target == "/dev/null":
        return "null"
    kinds = (("file", stat.S_ISREG), ("pipe", stat.S_ISFIFO), ("terminal", stat.S_ISCHR), ("socket", stat.S_ISSOCK))
    return next((kind for kind, test in kinds if test(status.st_mode)), None)


def nvidia_driver(proc: Path = Path("/proc")) -> str | None:
    """Return the version of the NVIDIA kernel module; None without one."""
    text = _text(proc / "driver/nvidia/version") or ""
    match = re.search(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", text)
    return match[1] if match else None


def container_kind(variables: Mapping[str, str], root: Path, proc: Path = Path("/proc")) -> str:
    """Kind of the training's container: docker, podman, apptainer, kubernetes, lxc, or ``none``."""
    if "KUBERNETES_SERVICE_HOST" in variables or (root / "var/run/secrets/kubernetes.io").exists():
        return "kubernetes"
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & variables.keys() or (root / ".singularity.d").exists():
        return "apptainer"
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    groups = _text(proc / "1/cgroup") or ""
    first = " ".join(_zero_separated(proc / "1/environ"))
    kinds = (("kubepods", "kubernetes"), ("libpod", "podman"), ("docker", "docker"), ("lxc", "lxc"))
    return next((kind for sign, kind in kinds if sign in groups or f"container={sign}" in first), "none")


def virtual_machine_kind(proc: Path, root: Path, release: str | None) -> str | None:
    """Return kvm, vmware, microsoft, wsl, xen, virtualbox, ``unnamed`` (another kind), or ``none`` for bare metal."""
    if release and "microsoft" in release.lower():
        return "wsl"
    folder = root / "sys/class/dmi/id"
    product = " ".join(_text(folder / name) or "" for name in ("sys_vendor", "product_name", "bios_vendor"))
    signs = (
        ("VMware", "vmware"), ("VirtualBox", "virtualbox"), ("innotek", "virtualbox"), ("Xen", "xen"), ("KVM", "kvm"),
        ("QEMU", "kvm"), ("OpenStack", "kvm"), ("Google Compute", "kvm"), ("Nutanix", "kvm"),
    )  # fmt: skip
    if kind := next((kind for sign, kind in signs if sign in product), None):
        return kind
    # Microsoft and Amazon sell bare machines under the same vendor name.
    if "Microsoft" in product and "Virtual Machine" in product:
        return "microsoft"
    if _text(root / "sys/hypervisor/type") == "xen":
        return "xen"
    cpu = _text(proc / "cpuinfo")
    if cpu is None or "flags" not in cpu:  # only x86 has this flag
        return None
    if not re.search(r"^flags\s*:.*\bhypervisor\b", cpu, re.MULTILINE):
        return "none"
    return "kvm" if "Amazon EC2" in product else "unnamed"


def gpu_iommu(root: Path) -> str | None:
    """Return how NVIDIA GPUs go through the IOMMU: translated, pass-through, none; None without a GPU.

    Translated accesses from one GPU to another take a detour, and on some boards get lost.
    """
    kinds = set()
    for device in (root / "sys/bus/pci/devices").glob("*"):
        if _text(device / "vendor") == NVIDIA and (_text(device / "class") or "").startswith(DISPLAY_CLASS):
            kinds.add(_text(device / "iommu_group/type"))
    if not kinds:
        return None
    if any(kind and kind.startswith("DMA") for kind in kinds):
        return "translated"
    return "pass-through" if "identity" in kinds else "none"


def _view_of(pid: int | None, proc: Path, root: Path) -> Path:
    # The training's own root folder if we may read it (the training may be in a container), else ours.
    inside = proc / str(pid) / "root"
    try:
        return inside if pid is not None and (inside / "etc").exists() else root
    except OSError:
        return root


def _os_name(root: Path) -> str | None:
    for name in ("etc/os-release", "usr/lib/os-release"):
        match = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text(root / name) or "", re.MULTILINE)
        if match:
            return match[1]
    return None


def _cpu_model(proc: Path) -> str | None:
    match = re.search(r"^model name\s*:\s*(.+)$", _text(proc / "cpuinfo") or "", re.MULTILINE)
    return match[1].strip() if match else None


def _slurm_job(variables: Mapping[str, str]) -> str | None:
    array, task = variables.get("SLURM_ARRAY_JOB_ID"), variables.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else variables.get("SLURM_JOB_ID")


def _utc_offset_s(wall: float) -> int:
    offset = datetime.datetime.fromtimestamp(wall).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _zero_separated(path: Path) -> list[str]:
    # surrogateescape: paths are opened as well as shown, and may not be UTF-8.
    return [part for part in (_text(path, errors="surrogateescape") or "").split("\0") if part]


def _text(path: Path, errors: str = "replace") -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors=errors).strip()
    except OSError:
        return None
