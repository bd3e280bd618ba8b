"""The messages that people search for, by cause: as nnU-Net, PyTorch, the kernel and other tools print them.

``holter explain`` and the pages of docs/causes show them. A test pastes each one into ``holter diagnose`` and finds its
cause among those that are named.
"""

from __future__ import annotations

ERROR_TEXTS: dict[str, tuple[str, ...]] = {
    "blosc2-io": ("RuntimeError: Error while creating the NDArray",),
    "compile-toolchain-broken": (
        "RuntimeError: Cannot find a working triton installation",
        "torch._inductor.exc.InductorError: RuntimeError: Failed to find C compiler",
        "fatal error: Python.h: No such file or directory",
        "/usr/bin/ld: cannot find -lcuda",
    ),
    "container-lost-gpu": ("Failed to initialize NVML: Unknown Error",),
    "cuda-device-assert": (
        "RuntimeError: CUDA error: device-side assert triggered",
        "Assertion `t >= 0 && t < n_classes` failed.",
        "Assertion `idx_dim >= 0 && idx_dim < index_size && \"index out of bounds\"` failed.",
    ),
    "ddp-collective-timeout": (
        "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=ALLREDUCE, Timeout(ms)=600000)",
        "Some NCCL operations have failed or timed out",
    ),
    "disk-full-or-quota": (
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 122] Disk quota exceeded",
        "OSError: 4194304 requested and 0 written",
        "OSError: [Errno 30] Read-only file system",
    ),
    "export-ram-oom": (
        "RuntimeError: Some background workers are no longer alive",
        "RuntimeError: Background workers died. Look for the error message further up! "
        "If there is none then your RAM was full and the worker was killed by the OS.",
    ),
    "external-kill": (
        "slurmstepd: error: *** JOB 4711 ON node1 CANCELLED AT 2026-11-28T17:15:00 DUE TO TIME LIMIT ***",
        "Received 1 death signal, shutting down workers",
    ),
    "faulty-host-hardware": (
        "mce: [Hardware Error]: Machine check events logged",
        "mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 5: bea0000000000108",
    ),
    "fd-exhaustion": (
        "OSError: [Errno 24] Too many open files",
        "RuntimeError: received 0 items of ancdata",
        "RuntimeError: Too many open files. Communication with the workers is no longer possible.",
    ),
    "fold-start-race": ("Error when checking case_001.npy and case_001_seg.npy, fixing...",),
    "gpu-driver-mismatch": (
        "Failed to initialize NVML: Driver/library version mismatch",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
        "The NVIDIA driver on your system is too old",
        "RuntimeError: Found no NVIDIA driver on your system.",
    ),
    "gpu-lost-or-gsp": (
        "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to recover this GPU",
        "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
        "NVRM: Xid (PCI:0000:01:00): 119, Timeout after 6s of waiting for RPC response from GPU0 GSP!",
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
    ),
    "gpu-oom-cpu-fallback": (
        "Prediction on device was unsuccessful, probably due to a lack of memory. Moving results arrays to CPU",
    ),
    "gpu-out-of-memory": (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "RuntimeError: CUDA error: out of memory",
    ),
    "loss-not-finite": ("train_loss nan", "Loss is nan, stopping training"),
    "main-exception": ("RuntimeError: Given groups=1, weight of size [32, 1, 3, 3, 3]",),
    "memory-refused": ("OSError: [Errno 12] Cannot allocate memory",),
    "mig-slice-too-small": (
        "MIG 1g.5gb: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ),
    "native-crash": ("Segmentation fault (core dumped)", "double free or corruption (!prev)"),
    "preprocess-worker-killed": ("RuntimeError: Some background worker is 6 feet under. Yuck.",),
    "process-limit": (
        "RuntimeError: can't start new thread",
        "BlockingIOError: [Errno 11] Resource temporarily unavailable",
        "OSError: [Errno 27] File too large",
    ),
    "ram-oom-train-worker": (
        "Out of memory: Killed process 4711 (nnUNetv2_train)",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=4711.batch. Some of your processes may have been "
        "killed by the cgroup out-of-memory handler.",
    ),
    "read-only-data": ("ValueError: assignment destination is read-only",),
    "remote-fs-error": (
        "OSError: [Errno 116] Stale file handle",
        "OSError: [Errno 107] Transport endpoint is not connected",
        "nfs: server fileserver not responding, still trying",
    ),
    "results-folder-gone": ("RuntimeError: Parent directory nnUNet_results/fold_0 does not exist.",),
    "secondary-worker-message": (
        "RuntimeError: One or more background workers are no longer alive. Exiting. "
        "Please check the print statements above for the actual error message",
        "RuntimeError: MultiThreadedAugmenter.abort_event was set, something went wrong. Maybe one of your workers "
        "crashed. This is not the actual error message!",
    ),
    "shm-too-small": (
        "ERROR: Unexpected bus error encountered in worker. "
        "This might be caused by insufficient shared memory (shm).",
        "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Bus error. It is possible that dataloader's "
        "workers are out of shared memory. Please try to raise your shared memory limit.",
        "RuntimeError: DataLoader worker (pid(s) 4711) exited unexpectedly",
        "RuntimeError: unable to write to file </torch_4711_123_0>: No space left on device (28)",
    ),
    "threadpoolctl-version": (
        "File \"threadpoolctl.py\", line 646, in get_version: "
        "AttributeError: 'NoneType' object has no attribute 'split'",
    ),
    "truncated-preprocessed-file": (
        "ValueError: mmap length is greater than file size",
        "_pickle.UnpicklingError: pickle data was truncated",
        "zipfile.BadZipFile: File is not a zip file",
        "EOFError: No data left in file",
    ),
    "vgpu-unlicensed": (
        "License Status : Unlicensed (Restricted)",
        "vmiop_log: (0x0): vGPU license state: Unlicensed (Unrestricted)",
    ),
    "windows-spawn-commit": (
        "OSError: [WinError 1455] The paging file is too small for this operation to complete",
        "OSError: [WinError 8] Not enough memory resources are available to process this command",
    ),
    "worker-exception": ("RuntimeError: Caught KeyError in DataLoader worker process 0.",),
    "worker-killed": (
        "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Killed.",
        "RuntimeError: DataLoader worker (pid 4711) is killed by signal: Terminated.",
    ),
}  # fmt: skip
