"""Read pip and conda list, versions as Python prints them, environment variables, and the kind of machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holter.evidence.text_facts.readouts.values import Fact, answer_of

VERSIONS = {
    "torch": "software.torch", "pytorch": "software.torch", "batchgenerators": "software.batchgenerators",
    "batchgeneratorsv2": "software.batchgeneratorsv2", "nnunetv2": "software.nnunetv2",
    "threadpoolctl": "software.threadpoolctl", "blosc2": "software.blosc2", "python-blosc2": "software.blosc2",
    "nvidia-cudnn-cu13": "software.cudnn", "nvidia-cudnn-cu12": "software.cudnn", "nvidia-cudnn-cu11": "software.cudnn",
    "cudnn": "software.cudnn", "cudatoolkit": "software.cuda", "pytorch-cuda": "software.cuda",
}  # fmt: skip
MACHINES = {
    "kvm": "kvm", "qemu": "kvm", "vmware": "vmware", "microsoft": "microsoft", "oracle": "virtualbox", "xen": "xen",
    "wsl": "wsl", "none": "none", "amazon": "unnamed", "google": "unnamed",
}  # fmt: skip
CONTAINERS = {"docker": "docker", "podman": "podman", "lxc": "lxc"}
# As torch.utils.collect_env writes them.
COLLECTED = {
    "PyTorch version": "software.torch", "CUDA used to build PyTorch": "software.cuda",
    "Nvidia driver version": "software.driver",
}  # fmt: skip
OFF = ("0", "f", "false", "no")


def packages(text: str) -> Iterator[Fact]:
    """Read ``pip list``, ``pip freeze`` and ``conda list``."""
    for match in re.finditer(r"^[ \t]*([A-Za-z0-9_.-]+)(?:[ \t]+|==)(\d[\w.+!-]*)(?=\s|$)", text, re.MULTILINE):
        name = VERSIONS.get(match[1].lower().replace("_", "-"))
        if name is None or (name != "software.torch" and match[1] == "cudnn" and "." not in match[2]):
            continue
        yield name, match[2], match[0]
        built = re.search(r"\+cu(\d+)(\d)$", match[2])
        if name == "software.torch" and built is not None:
            yield "software.cuda", f"{built[1]}.{built[2]}", match[0]


def printed(text: str) -> Iterator[Fact]:
    """Read ``print(torch.__version__, torch.version.cuda, …)``, ``torch.utils.collect_env`` and ``pip show``."""
    for label, fact in COLLECTED.items():
        line = re.search(rf"^[ \t]*{label}:[ \t]+(\d\S*)[ \t]*$", text, re.MULTILINE)
        if line is not None:
            yield fact, line[1], line[0]
    for package in re.finditer(r"^Name: (\S+)\nVersion: (\S+)[ \t]*$", text, re.MULTILINE):
        shown = VERSIONS.get(package[1].lower().replace("_", "-"))
        if shown is not None:
            yield shown, package[2], package[0]
    match = re.search(r"^(\d\.\d+\.\d+\S*) (\d+\.\d+|None) (\d{4,6}|None)\s*$", text, re.MULTILINE)
    if match is not None:
        yield "software.torch", match[1], match[0]
        if match[2] != "None":
            yield "software.cuda", match[2], match[0]


def variables(text: str) -> Iterator[Fact]:
    """Read environment variables, as ``env`` or ``export`` print them."""
    for name, fact in (("SLURM_CPUS_PER_TASK", "setting.slurm_cpus"), ("nnUNet_n_proc_DA", "setting.n_proc_da")):
        match = re.search(rf"^(?:export )?{name}=[\"']?(\d+)", text, re.MULTILINE)
        if match is not None:
            yield fact, int(match[1]), match[0]
    for name, fact in (("nnUNet_compile", "setting.compile"), ("NCCL_P2P_DISABLE", "setting.nccl_p2p")):
        match = re.search(rf"^(?:export )?{name}=[\"']?(\w+)", text, re.MULTILINE)
        if match is not None:
            is_off = match[1].lower() in OFF
            yield fact, is_off if name == "NCCL_P2P_DISABLE" else not is_off, match[0]


def machine(text: str) -> Iterator[Fact]:
    """Read ``systemd-detect-virt``, ``uname`` and the list of CPUs' features that ``lscpu`` prints."""
    match = answer_of("systemd-detect-virt[^\n]*", text)
    word = match["answer"] if match is not None else ""
    alone = re.search(r"^([a-z-]+)\nLinux \d", text, re.MULTILINE)
    word = word or (alone[1] if alone is not None else "")
    if word in CONTAINERS:
        yield "system.container", CONTAINERS[word], word
    elif word in MACHINES:
        yield "system.virtual_machine", MACHINES[word], word
    kernel = re.search(r"^(?:.*\s)?Linux (?:\S+ )?(\d\.\d+\S*)", text, re.MULTILINE)
    if kernel is not None:
        yield "system.os", "linux", kernel[0]
        if "microsoft" in kernel[1].lower():
            yield "system.virtual_machine", "wsl", kernel[0]
    maker = re.search(r"^Hypervisor vendor:\s+(\w+)", text, re.MULTILINE)
    if maker is not None and maker[1].lower() in MACHINES:
        yield "system.virtual_machine", MACHINES[maker[1].lower()], maker[0]
