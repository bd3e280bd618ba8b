"""Sentences beside the checks: headings, reasons, names of facts in ``--compare``."""

from __future__ import annotations

from holter.sentences import define, define_all

# A file with the error of its reader.
FILE_ERROR = define("error.file-error", "{path}: {error}.")

define_all(
    {
        "doctor.headline.go": "Go: nothing prevents a training.",
        "doctor.headline.go-with-unknowns": ("Go: no problem was found. Some things could not be measured."),
        "doctor.headline.warn": "Warning: a training will run, but first look at: {title}.",
        "doctor.headline.no-go": "No-go: a training would fail or stall. First: {title}.",
        "doctor.subject.machine": (
            "This machine, in {took:duration}. For one training: holter doctor DATASET CONFIGURATION"
        ),
        "doctor.subject.training": "{training}, in {took:duration}.",
        "doctor.count.go": "{count} fine",
        "doctor.count.warn": "{count} to look at",
        "doctor.count.no-go": "{count} in the way",
        "doctor.count.unknown": "{count} cannot be measured here",
        "doctor.count.not-applicable": "{count} do not apply",
        "doctor.state.go": "fine",
        "doctor.state.warn": "warning",
        "doctor.state.no-go": "no-go",
        "doctor.state.unknown": "cannot be measured here",
        "doctor.state.not-applicable": "does not apply",
        "doctor.heading.change": "What to change",
        "doctor.above": "{state}, see above",
        "doctor.group.gpu": "GPU",
        "doctor.group.cpu": "Processor",
        "doctor.group.memory": "Memory and limits",
        "doctor.group.storage": "Storage",
        "doctor.group.data": "Preprocessed data",
        "doctor.group.software": "Software",
        "doctor.group.machine": "Machine",
        "doctor.group.run": "Trainings",
        "doctor.stage.question": "looking for the data set …",
        "doctor.stage.machine": "looking at the machine …",
        "doctor.stage.files": "reading preprocessed files: {done} of {total} …",
        "doctor.stage.software": "waiting for torch to be imported …",
        "doctor.any.unknown": "cannot be measured here: {why}",
        "doctor.any.on-cpu": "does not matter on the CPU",
        "doctor.any.no-gpu": "no GPU",
        "doctor.any.no-data": "no data set and configuration were named",
        "doctor.any.no-results": "nnUNet_results is not set",
        "doctor.any.no-preprocessed": "nnUNet_preprocessed is not set",
        "doctor.any.no-fold": "no data set and configuration were named",
        "doctor.compare.same": "No relevant difference between the two machines.",
        "doctor.compare.differ": (
            "The machines differ in {checks} checks and {facts} facts; the most telling come first."
        ),
        "doctor.compare.differ-in-facts": "All checks agree; {facts} facts differ.",
        "doctor.compare.checks": "Checks",
        "doctor.compare.facts": "Facts",
        "doctor.compare.unknown": "(not known)",
        "doctor.compare.unset": "(not set)",
        "doctor.fact.gpu.licence_stage": "vGPU licence stage",
        "doctor.fact.gpu.virtualization": "virtualisation of GPU",
        "doctor.fact.gpu.name": "GPU",
        "doctor.fact.gpu.memory_total": "GPU memory",
        "doctor.fact.gpu.driver": "NVIDIA driver",
        "doctor.fact.gpu.pcie_width": "PCIe lanes",
        "doctor.fact.cpu.effective": "usable cores",
        "doctor.fact.cpu.quota": "CPU quota (cores)",
        "doctor.fact.cpu.model": "processor",
        "doctor.fact.memory.available": "available memory",
        "doctor.fact.memory.limit": "memory limit",
        "doctor.fact.memory.shm": "size of /dev/shm",
        "doctor.fact.machine.virtual": "virtual machine",
        "doctor.fact.machine.container": "container",
        "doctor.fact.machine.kernel": "kernel",
        "doctor.fact.machine.os": "operating system",
        "doctor.fact.machine.clock_source": "clock source",
        "doctor.fact.storage.kind": "file system of data",
        "doctor.fact.storage.latency": "random read",
        "doctor.fact.storage.rate": "throughput",
        "doctor.fact.software.python": "Python",
        "doctor.fact.software.torch": "torch version",
        "doctor.fact.software.cuda": "CUDA of torch",
        "doctor.fact.software.cudnn": "cuDNN version",
        "doctor.fact.software.compiler": "C compiler",
        "doctor.fact.limit.files": "limit of open files",
        "doctor.fact.limit.pids": "limit of processes",
    }
)
