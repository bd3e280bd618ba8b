"""Words for the values of facts with a short list of values: ``choice.FACT.VALUE``, or ``choice.VALUE``.

Phases, roles, kinds of episodes and places where a process is stuck have their own words (``reports/choices.py``).
"""

from __future__ import annotations

from holter.sentences import define_all

define_all(
    {
        # The same for every fact
        "choice.none": "none",
        "choice.empty": "empty",
        "choice.some": "some",
        "choice.full": "full",
        # main.waits_on
        "choice.main.waits_on.batch-queue": "the batch queue",
        "choice.main.waits_on.native-call": "a native call",
        "choice.main.waits_on.export-result": "the result of an export",
        "choice.main.waits_on.export-slot": "a free export worker",
        "choice.main.waits_on.file-read": "reading a file",
        "choice.main.waits_on.checkpoint": "a checkpoint",
        "choice.main.waits_on.python": "Python code",
        # main.state
        "choice.main.state.R": "running (R)",
        "choice.main.state.S": "sleeping (S)",
        "choice.main.state.D": "waiting for storage (D)",
        "choice.main.state.T": "stopped (T)",
        "choice.main.state.t": "stopped by a debugger (t)",
        "choice.main.state.Z": "ended, not yet reaped (Z)",
        "choice.main.state.X": "dead (X)",
        "choice.main.state.I": "idle (I)",
        # results_loop.waits_on
        "choice.results_loop.waits_on.worker-queue": "the workers' queue",
        "choice.results_loop.waits_on.tensor-hand-over": "a tensor that is handed over",
        "choice.results_loop.waits_on.ready-queue": "space in the queue of ready batches",
        # exception.kind
        "choice.exception.kind.nccl-timeout": "timeout of NCCL",
        "choice.exception.kind.pinned-memory": "page-locked memory",
        "choice.exception.kind.cuda-oom": "out of GPU memory",
        "choice.exception.kind.compile": "compilation",
        "choice.exception.kind.cuda-assert": "assertion on the GPU",
        "choice.exception.kind.cuda-refused": "GPU refused",
        "choice.exception.kind.gpu-lost": "GPU lost",
        "choice.exception.kind.cuda-unclear": "unclear CUDA error",
        "choice.exception.kind.gpu-missing": "no GPU",
        "choice.exception.kind.cuda-mismatch": "driver and CUDA do not fit",
        "choice.exception.kind.gpu-number": "wrong GPU number",
        "choice.exception.kind.cudnn": "cuDNN",
        "choice.exception.kind.nccl": "NCCL",
        "choice.exception.kind.cuda-other": "other CUDA error",
        "choice.exception.kind.descriptors": "too many open files",
        "choice.exception.kind.shared-memory": "shared memory",
        "choice.exception.kind.windows-commit": "commit limit of Windows",
        "choice.exception.kind.no-space": "no space",
        "choice.exception.kind.memory": "out of memory",
        "choice.exception.kind.mount-write": "a mount refuses to write",
        "choice.exception.kind.remote-file-system": "remote file system",
        "choice.exception.kind.checkpoint-refused": "checkpoint refused",
        "choice.exception.kind.checkpoint-broken": "broken checkpoint",
        "choice.exception.kind.no-paths": "nnU-Net's folders are not set",
        "choice.exception.kind.label-range": "a label without a class",
        "choice.exception.kind.dataset-unknown": "no data set of this number",
        "choice.exception.kind.dataset-ambiguous": "two data sets of one number",
        "choice.exception.kind.no-configuration": "no such configuration",
        "choice.exception.kind.no-trainer": "no such trainer",
        "choice.exception.kind.no-plans": "no plans",
        "choice.exception.kind.not-preprocessed": "not preprocessed",
        "choice.exception.kind.no-pretrained": "no pretrained weights",
        "choice.exception.kind.unfinished": "training not finished",
        "choice.exception.kind.arguments": "command line not accepted",
        "choice.exception.kind.unpack-race": "unpacked files deleted by another training",
        "choice.exception.kind.splits": "splits file",
        "choice.exception.kind.json": "JSON file",
        "choice.exception.kind.threadpoolctl": "threadpoolctl",
        "choice.exception.kind.spawn": "start of a process",
        "choice.exception.kind.plot": "drawing the network",
        "choice.exception.kind.blosc2-version": "version of blosc2",
        "choice.exception.kind.other": "other",
        # shm.trouble
        "choice.shm.trouble.bus-error": "SIGBUS while it was full",
        "choice.shm.trouble.no-room": "no space",
        # disk.error
        "choice.disk.error.full": "full",
        "choice.disk.error.inodes": "no inodes left",
        "choice.disk.error.quota": "quota used up",
        "choice.disk.error.read-only": "read-only",
        # gpu.shared
        "choice.gpu.shared.slow": "slower steps",
        "choice.gpu.shared.memory": "too little GPU memory",
        # limit.reached
        "choice.limit.reached.cpu-time": "CPU time",
        "choice.limit.reached.file-size": "file size",
        "choice.limit.reached.address-space": "address space",
        "choice.limit.reached.processes": "number of processes and threads",
        # results.gone
        "choice.results.gone.deleted": "deleted",
        "choice.results.gone.replaced": "replaced by another folder",
        # gpu.virtualization
        "choice.gpu.virtualization.pass-through": "pass-through",
        "choice.gpu.virtualization.vgpu": "vGPU",
        "choice.gpu.virtualization.host-vgpu": "host of vGPUs",
        "choice.gpu.virtualization.host-vsga": "host of vSGA",
        # gpu.licence_stage
        "choice.gpu.licence_stage.licensed": "licensed",
        "choice.gpu.licence_stage.unlicensed-unrestricted": "unlicensed, not yet restricted",
        "choice.gpu.licence_stage.unlicensed-restricted": "unlicensed, restricted",
        "choice.gpu.licence_stage.unlicensed": "unlicensed",
        # echo.says
        "choice.echo.says.training": "training",
        "choice.echo.says.export": "export",
        "choice.echo.says.prediction": "prediction",
        "choice.echo.says.preprocessing": "preprocessing",
        # epochs.shape
        "choice.epochs.shape.flat": "flat",
        "choice.epochs.shape.step-up": "step up",
        "choice.epochs.shape.step-down": "step down",
        "choice.epochs.shape.drift-up": "drift up",
        "choice.epochs.shape.decreasing": "decreasing",
        "choice.epochs.shape.periodic": "periodic",
        "choice.epochs.shape.heavy-tail": "a few very long ones",
        "choice.epochs.shape.first-only": "only the first one long",
        # system.os
        "choice.system.os.linux": "Linux",
        "choice.system.os.windows": "Windows",
        "choice.system.os.macos": "macOS",
        # system.container
        "choice.system.container.docker": "Docker",
        "choice.system.container.podman": "Podman",
        "choice.system.container.apptainer": "Apptainer",
        "choice.system.container.kubernetes": "Kubernetes",
        "choice.system.container.lxc": "LXC",
        # system.virtual_machine
        "choice.system.virtual_machine.kvm": "KVM",
        "choice.system.virtual_machine.vmware": "VMware",
        "choice.system.virtual_machine.microsoft": "Hyper-V",
        "choice.system.virtual_machine.wsl": "WSL",
        "choice.system.virtual_machine.xen": "Xen",
        "choice.system.virtual_machine.virtualbox": "VirtualBox",
        "choice.system.virtual_machine.unnamed": "of an unknown kind",
        # compile.missing
        "choice.compile.missing.compiler": "a compiler",
        "choice.compile.missing.old-compiler": "a newer compiler",
        "choice.compile.missing.python-headers": "the headers of Python",
        "choice.compile.missing.triton": "Triton",
        "choice.compile.missing.linker": "a library for the linker",
        "choice.compile.missing.ptxas": "ptxas",
        "choice.compile.missing.cache": "a cache folder that can be written",
        "choice.compile.missing.windows": "support for Windows",
        # gpu.trouble
        "choice.gpu.trouble.lost": "lost",
        "choice.gpu.trouble.hung": "hung",
        "choice.gpu.trouble.silent": "silent",
        "choice.gpu.trouble.forbidden": "access forbidden",
        "choice.gpu.trouble.mismatch": "versions of driver and library differ",
        "choice.gpu.trouble.closed": "the driver lists no GPU",
        # gpu.xid_kind
        "choice.gpu.xid_kind.gone": "the GPU stopped",
        "choice.gpu.xid_kind.memory": "broken GPU memory",
        "choice.gpu.xid_kind.application": "error of a program",
        "choice.gpu.xid_kind.other": "other",
        # software.slow_kernels
        "choice.software.slow_kernels.conv3d-without-cudnn": "3D convolutions without cuDNN",
        "choice.software.slow_kernels.conv3d-without-tensor-cores": "3D convolutions without tensor cores",
        # system.gpu_iommu
        "choice.system.gpu_iommu.translated": "translated",
        "choice.system.gpu_iommu.pass-through": "pass-through",
        # memory.grows_in
        "choice.memory.grows_in.main": "the main process",
        "choice.memory.grows_in.workers": "the workers",
        "choice.memory.grows_in.both": "main process and workers",
        # loss.not_finite
        "choice.loss.not_finite.train_loss": "training loss",
        "choice.loss.not_finite.val_loss": "validation loss",
        # gpu.clock_reasons
        "choice.gpu.clock_reasons.gpu-idle": "idle",
        "choice.gpu.clock_reasons.applications-clocks-setting": "clock set by an application",
        "choice.gpu.clock_reasons.sw-power-cap": "power limit (software)",
        "choice.gpu.clock_reasons.hw-slowdown": "hardware slowdown",
        "choice.gpu.clock_reasons.sync-boost": "sync boost",
        "choice.gpu.clock_reasons.sw-thermal-slowdown": "heat (software)",
        "choice.gpu.clock_reasons.hw-thermal-slowdown": "heat (hardware)",
        "choice.gpu.clock_reasons.hw-power-brake-slowdown": "power brake (hardware)",
        "choice.gpu.clock_reasons.display-clock-setting": "display clock",
        "choice.gpu.clock_reasons.board-limit": "limit of the board",
        "choice.gpu.clock_reasons.reliability": "reliability",
    }
)
