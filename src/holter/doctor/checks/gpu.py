"""Checks of the GPU: visible, usable by this torch, and large enough."""

from __future__ import annotations

from collections.abc import Sequence

from holter.doctor.checks.results import go, not_applicable, result, unknown
from holter.doctor.records import Result, Survey
from holter.patterns import later
from holter.records import GpuSample, GpuSlice
from holter.sentences import define, define_all
from holter.sizes import GIB

define_all(
    {
        "doctor.gpu-present.title": "GPU",
        "doctor.torch-reaches-gpu.title": "torch and driver",
        "doctor.compute-capability.title": "compute capability",
        "doctor.gpu-memory.title": "GPU memory",
        "doctor.gpu-present.go": "{count} × {names}",
        "doctor.gpu-present.none": "No NVIDIA GPU can be seen ({why}); nnU-Net trains on a GPU by default.",
        "doctor.gpu-present.none.do": (
            "Use a machine with a GPU (in a container: --gpus all), or train with -device cpu, which takes weeks."
        ),
        "doctor.gpu-present.silent": "The NVIDIA driver does not answer: {why}.",
        "doctor.gpu-present.silent.do": ("Restart the machine, or load its driver again; nvidia-smi may hang too."),
        "doctor.gpu-present.hidden": "CUDA_VISIBLE_DEVICES hides all GPUs.",
        "doctor.gpu-present.hidden.do": "Unset it, or ask Slurm for a GPU (--gres=gpu:1).",
        "doctor.torch-reaches-gpu.go": "[[CUDA {cuda} of torch|torch]] works[[ with driver {driver}]]",
        "doctor.torch-reaches-gpu.no-torch": "torch cannot be asked",
        "doctor.torch-reaches-gpu.cpu-build": "this torch is a CPU build ({torch}): it cannot use a GPU.",
        "doctor.torch-reaches-gpu.cpu-build.do": (
            "Install one with a CUDA that the driver supports (nvidia-smi names it): pytorch.org/get-started/locally"
        ),
        "doctor.torch-reaches-gpu.refused": "torch, built for CUDA {cuda}, cannot use the GPU: {why}",
        "doctor.torch-reaches-gpu.refused.do": (
            "Install a newer driver, or a torch for an older CUDA. After a driver update, restart."
        ),
        "doctor.compute-capability.go": "{name}: {capability} is supported",
        "doctor.compute-capability.unsupported": (
            "{name} has compute capability {capability}; this torch was built for {built}."
        ),
        "doctor.compute-capability.unsupported.do": "Install a torch that was built for this GPU.",
        "doctor.gpu-memory.go": "{free:bytes} of {total:bytes} free; the plans aim at {wanted:bytes}",
        "doctor.gpu-memory.no-plan": "{free:bytes} of {total:bytes} free",
        "doctor.gpu-memory.small": "GPU {gpu} has {total:bytes}; {plans} were made for {wanted:bytes}.",
        "doctor.gpu-memory.small.do": "Plan with a smaller -gpu_memory_target, or use a larger GPU.",
        "doctor.gpu-memory.taken": (
            "Only {free:bytes} of {total:bytes} are free on GPU {gpu}; {plans} were made for {wanted:bytes}."
        ),
        "doctor.gpu-memory.taken.do": "See with nvidia-smi who holds the rest, or use another GPU.",
    }
)

# The memory targets of nnU-Net's planners; a user's own plans may need any amount.
PLANNED_BYTES = {
    "nnUNetPlans": 8 * GIB,
    "nnUNetResEncUNetMPlans": 8 * GIB,
    "nnUNetResEncUNetLPlans": 24 * GIB,
    "nnUNetResEncUNetXLPlans": 40 * GIB,
}
# A GPU sold with 8 GB reports less, and plans stay somewhat below their target.
PLANNED_SLACK = 0.9


NO_GPU = define("doctor.gpu-present.no-gpu", "no GPU")
NO_REASON = define("doctor.torch-reaches-gpu.no-reason", "no reason given")
ARCHITECTURE = later(r"^(sm|compute)_(\d+)(\d)[a-z]?$")


def present(survey: Survey) -> tuple[GpuSample, ...]:
    """Return the GPUs that the driver reported and that a training would see, in its order."""
    reported = tuple(gpu for gpu in survey.gpus if gpu.source != "none" and gpu.name is not None)
    names = survey.machine.visible_gpus
    if names is None:
        return reported
    seen = [gpu for name in names.split(",") for gpu in reported if _is_named(gpu, name.strip())]
    return tuple({gpu.index: gpu for gpu in seen}.values())


def _is_named(gpu: GpuSample, name: str) -> bool:
    # Whether an entry of CUDA_VISIBLE_DEVICES may mean this GPU or a slice of it; a GPU without a known UUID may.
    # CUDA also accepts a prefix of a UUID. "MIG-GPU-<UUID>/1/0" is a slice's name in drivers before 470.
    if name.isdecimal():
        return gpu.index == int(name)
    if name.startswith("MIG-GPU-"):
        return (gpu.uuid or name[4:]).startswith(name[4:].partition("/")[0])
    if name.startswith("MIG-"):
        return bool(gpu.mig) and any((part.uuid or name).startswith(name) for part in gpu.slices or (GpuSlice(),))
    return name.startswith("GPU-") and (gpu.uuid or name).startswith(name)


def is_given(survey: Survey) -> bool:
    """Return whether this user got certain GPUs, from Slurm or by CUDA_VISIBLE_DEVICES.

    Then the doctor must not propose another GPU: it may belong to another user.
    """
    return survey.machine.visible_gpus is not None or bool(survey.variables.get("SLURM_JOB_ID"))


def gpu_present(survey: Survey) -> Result:
    """Check that there is a GPU and that its driver answers."""
    if survey.asked.device == "cpu":
        return not_applicable("gpu-present", "on-cpu")
    if survey.machine.visible_gpus is not None and survey.machine.visible_gpus.strip() in ("", "-1"):
        return result("no-go", "gpu-present", "hidden", setting="unset CUDA_VISIBLE_DEVICES")
    gpus = present(survey)
    if gpus:
        return go("gpu-present", names=tuple(dict.fromkeys(gpu.name for gpu in gpus if gpu.name)), count=len(gpus))
    if not survey.gpus:
        return unknown("gpu-present", "driver-silent")
    if any(gpu.source != "none" and gpu.name is not None for gpu in survey.gpus):
        return result("no-go", "gpu-present", "hidden", setting="unset CUDA_VISIBLE_DEVICES")
    note = survey.gpu_text(survey.gpus[0], "note") or NO_GPU()
    if survey.gpus[0].source == "none":
        return result("no-go", "gpu-present", "none", why=note)
    return result("no-go", "gpu-present", "silent", why=note)


def _is_cpu_build(survey: Survey) -> bool:
    # A torch for AMD's GPUs has no CUDA either.
    software, version = survey.software, survey.packages.get("torch")
    asked = survey.asked.device == "cuda" and software.cuda_works is False and software.torch_error is None
    return asked and software.torch_cuda is None and version is not None and "rocm" not in version


def torch_reaches_gpu(survey: Survey) -> Result:
    """Check that driver, CUDA and torch fit together."""
    software = survey.software
    if survey.asked.device == "cpu":
        return not_applicable("torch-reaches-gpu", "on-cpu")
    if _is_cpu_build(survey):
        return result("no-go", "torch-reaches-gpu", "cpu-build", torch=survey.packages["torch"])
    if not present(survey) and not software.cuda_works:
        return not_applicable("torch-reaches-gpu", "no-gpu")
    if software.torch_error is not None or "torch" not in survey.packages:
        return not_applicable("torch-reaches-gpu", "no-torch")
    if software.cuda_works is None:
        return unknown("torch-reaches-gpu", software.why_unread)
    if software.cuda_works:
        driver = next((gpu.driver for gpu in survey.gpus if gpu.driver), None)
        return go("torch-reaches-gpu", cuda=software.torch_cuda, driver=driver)
    return result(
        "no-go", "torch-reaches-gpu", "refused", cuda=software.torch_cuda, why=software.why_no_cuda or NO_REASON()
    )


def compute_capability(survey: Survey) -> Result:
    """Check that this torch was built for this GPU."""
    software = survey.software
    if not software.capabilities or not software.architectures:
        if survey.asked.device == "cpu":
            return not_applicable("compute-capability", "on-cpu")
        if not present(survey):
            return not_applicable("compute-capability", "no-gpu")
        return unknown("compute-capability", software.why_no_cuda or software.why_no_torch or software.why_unread)
    for name, major, minor in software.capabilities:
        if not supported(software.architectures, major, minor):
            values = {"name": name, "capability": f"{major}.{minor}", "built": software.architectures}
            return result("no-go", "compute-capability", "unsupported", **values)
    name, major, minor = software.capabilities[0]
    return go("compute-capability", name=name, capability=f"{major}.{minor}")


def supported(architectures: Sequence[str], major: int, minor: int) -> bool:
    """Return whether code for these architectures runs on a GPU of compute capability ``major.minor``.

    Machine code ("sm_80") runs on GPUs of the same major and the same or a higher minor version, PTX ("compute_80") on
    any newer one.
    """
    for architecture in architectures:
        match = ARCHITECTURE.match(architecture)
        if match is None:
            continue
        built = int(match[2]), int(match[3])
        newer = (major, minor) >= built
        if newer and (match[1] == "compute" or major == built[0]):
            return True
    return False


def gpu_memory(survey: Survey) -> Result:
    """Check the free memory against the memory that the plans were made for."""
    gpus = present(survey)
    if survey.asked.device == "cpu" or not gpus:
        return not_applicable("gpu-memory", "on-cpu" if survey.asked.device == "cpu" else "no-gpu")
    # If GPUs are assigned, nnU-Net takes the first one; else the user may still choose the emptiest.
    memories = _memories(gpus[:1] if is_given(survey) else gpus, survey.machine.visible_gpus or "")
    if not memories:
        return unknown("gpu-memory", "driver-does-not-tell")
    gpu, used, total = max(memories, key=lambda memory: memory[2] - memory[1])
    free = total - used
    values = {"free": free, "total": total, "gpu": gpu}
    wanted = PLANNED_BYTES.get(survey.asked.plans) if survey.asked.dataset else None
    if wanted is None:
        return go("gpu-memory", "no-plan", **values)
    if free < PLANNED_SLACK * wanted:
        variant = "small" if total < PLANNED_SLACK * wanted else "taken"
        return result("warn", "gpu-memory", variant, wanted=wanted, plans=survey.asked.plans, **values)
    return go("gpu-memory", wanted=wanted, **values)


def _memories(gpus: Sequence[GpuSample], names: str) -> list[tuple[str, int, int]]:
    # Name, used bytes and total bytes of the memory that a training may use; in MIG mode those of its slice.
    devices: list[tuple[str, GpuSample | GpuSlice]] = []
    for gpu in gpus:
        if gpu.mig:
            devices += [(f"{gpu.index} ({part.name or part.uuid or 'MIG'})", part) for part in _our_slices(gpu, names)]
        else:
            devices.append((str(gpu.index), gpu))
    return [
        (name, device.memory_used_bytes, device.memory_total_bytes)
        for name, device in devices
        if device.memory_used_bytes is not None and device.memory_total_bytes is not None
    ]


def _our_slices(gpu: GpuSample, names: str) -> list[GpuSlice]:
    # The slice that CUDA_VISIBLE_DEVICES names, else the first one: CUDA uses only one.
    slices = list(gpu.slices or ())
    wanted = [name.strip() for name in names.split(",") if name.strip().startswith("MIG-")]
    return [part for part in slices if any((part.uuid or "").startswith(name) for name in wanted)][:1] or slices[:1]


CHECKS = (gpu_present, torch_reaches_gpu, compute_capability, gpu_memory)
