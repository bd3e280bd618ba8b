"""Find the kind of an exception from its text: one word for all messages of one problem.

The patterns match messages of PyTorch, CUDA, NCCL, the C library, blosc2 and Windows. The first match wins, so more
specific kinds come first.
"""

from __future__ import annotations

import re

from holter.patterns import later

# Errors of a mount, and frames of code that writes: images, plots, checkpoints, results.
_MOUNT = (
    r"Stale file handle|Transport endpoint is not connected|Input/output error|Host is down"
    r"|\[Errno (?:5|107|112|116)\]|ReadFile: operation canceled|fuse: writeMessage"
)
_NO_FILE = r"(?:FileNotFoundError: |\[Errno 2\] No such file)"
# A loss that looks for a label among the channels of the network's output (dimension 1), on the CPU.
_NO_CHANNEL = r"RuntimeError: index -?\d+ is out of bounds for dimension 1 with size \d+"
# Windows, in English and Chinese.
_DENIED = r"(?:Access is denied|拒绝访问)"
_WRITES = r", in (?:_?save\w*|imsave|plot_\w+|_?write\w*)\b"
# These write next to the preprocessed data, not into the results.
_PREPARES = r", in (?:_convert_to_npy|save_case)\b"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("nccl-timeout", r"Watchdog caught collective operation timeout|Timeout waiting for key|timed out .*(?:NCCL|gloo)"),
    ("nccl-timeout", r"(?:RuntimeError|Dist\w+Error): Socket Timeout|failed to pass monitoredBarrier"),
    ("nccl-timeout", r"NCCL communicator was aborted|setting up NCCL communicator and retrieving ncclUniqueId"),
    # Page-locked memory is host memory, but CUDA refuses it with the message of a full GPU.
    ("pinned-memory", r"CUDA error: out of memory[\s\S]*in (?:pin_memory|do_pin_memory|pin_memory_of_\w+)\n"),
    # Before the errors that wrap it: a compiler without GPU memory does not lack a tool.
    ("cuda-oom", r"CUDA out[- ]of[- ]memory|CUDA_ERROR_OUT_OF_MEMORY"),
    ("cuda-oom", r"CU\w+_STATUS_ALLOC_FAILED|Allocation on device \d"),
    # Python leaves out __main__, and writes "OutOfMemoryError: ..." for a class of the user's own.
    ("cuda-oom", r"(?:HIP|XPU|MPS backend) out of memory|\btorch\.(?:\w+\.)*OutOfMemoryError"),
    ("cuda-oom", r"(?<![\w.])OutOfMemoryError(?![:(\w])"),
    ("cuda-oom", r"CUDA (?:driver )?error: out of memory"),
    # Paddle and TensorFlow, which people train beside PyTorch.
    ("cuda-oom", r"Out of memory error on GPU \d|OOM when allocating tensor[^\n]*GPU"),
    ("compile", r"BackendCompilerFailed|InductorError|torch\._(?:dynamo|inductor)\.exc\.|working triton installation"),
    ("compile", r"fatal error: [^\s:]*\b(?:Python|pyconfig)\.h|TritonError|triton\.compiler"),
    # What Triton and Inductor raise themselves, without a wrapper: triton/runtime/build.py, torch/_inductor/exc.py.
    ("compile", r"Failed to find C compiler|InvalidCxxCompiler|No working C\+\+ compiler found"),
    ("compile", r"C\+\+ compile error|CppCompileError|fatal error: std\w+\.h: No such file|cannot execute ['\"‘]?cc1"),
    ("cuda-assert", r"device-side assert triggered|cudaErrorAssert\b|CUDA_ERROR_ASSERT\b"),
    ("cuda-assert", r"ScatterGatherKernel|idx_dim >= 0|indexSelect.*Assertion|\.cuh?:\d+[^\n]*Assertion `"),
    # On the CPU the same fault raises an error of Python: from the frames of a loss, or without frames.
    ("label-range", rf"{_NO_CHANNEL}(?![\s\S]*File \")|{_NO_CHANNEL}[\s\S]*(?:[/\\]loss[/\\]|dice|loss\w*\.py)"),
    ("label-range", r"IndexError: Target -?\d+ is out of bounds"),
    ("cuda-refused", r"CUDA-capable device\(s\) is/are busy|devices are busy or unavailable"),
    ("gpu-lost", r"GPU is lost|fallen off the bus|Unable to determine the device handle|uncorrectable ECC"),
    # A lost GPU raises these, but more often a kernel failed.
    ("cuda-unclear", r"unspecified launch failure|CUDA error: unknown error|CUDA error: an illegal instruction"),
    # A kernel ran for longer than a display may wait, or hung; the GPU works afterwards, unless it is lost.
    ("cuda-unclear", r"launch timed out and was terminated|cudaErrorLaunchTimeout|CUDA_ERROR_LAUNCH_TIMEOUT"),
    ("cpu-torch", r"not compiled with CUDA enabled"),
    # Before what any failure of NVML is.
    ("cuda-mismatch", r"driver/library version mismatch|NVRM: API mismatch"),
    ("gpu-missing", r"Failed to initialize NVML|no CUDA-capable device is detected|No CUDA GPUs are available"),
    ("cuda-mismatch", r"driver version is insufficient|driver\b[^\n.]{0,24}\btoo old\b|no kernel image is available"),
    ("cuda-mismatch", r"CUDA error: (?:invalid device function|device kernel image is invalid)"),
    ("cuda-mismatch", r"Found no NVIDIA driver|forward compatibility was attempted"),
    ("cuda-mismatch", r"unsupported display driver / cuda driver combination"),
    ("gpu-number", r"invalid device ordinal|Invalid device id"),
    ("cudnn", r"CUDNN_STATUS_|cuDNN error|Unable to find a valid cuDNN"),
    ("nccl", r"NCCL error|ncclSystemError|ncclInternalError|ncclUnhandledCudaError|ncclRemoteError"),
    ("cuda-other", r"CUDA error|CUBLAS_STATUS_|cuBLAS error"),
    ("descriptors", r"Too many open files|items of ancdata|\[Errno 2[34]\]"),
    # Older torch gives no reason. shm_open takes a descriptor and no space, which ftruncate and mmap ask for.
    ("descriptors", r"unable to open shared memory object [^\n]*in read-write mode(?! ?[:：])"),
    # The machine's limit of maps or memory was reached, not the size of /dev/shm.
    ("memory", r"unable to mmap [^\n]*Cannot allocate memory"),
    ("shared-memory", r"insufficient shared memory|bus error|[<'\"]/torch_\d+_|unable to (?:open|mmap) shared memory"),
    # torch names no file where the file is shared memory: aten/src/ATen/MapAllocator.cpp.
    ("shared-memory", r"unable to \w+ file <filename not specified>"),
    ("windows-commit", r"WinError (?:6|8|1455)\b|paging file is too small|页面文件太小"),
    ("windows-commit", r"Not enough (?:storage|memory resources)"),
    ("no-space", r"No space left on device|Disk quota exceeded|Read-only file system|requested and \d+ written"),
    ("no-space", r"\[Errno (?:28|30|122)\]"),
    # torch's writer reports an error without a reason: mostly the disk was full. Its reader is another file.
    (
        "no-space",
        r"\bcannot be opened\b[\s\S]*, in _open_zipfile_writer\b|, in _open_zipfile_writer\b[\s\S]*cannot be opened",
    ),
    ("no-space", r"PytorchStreamWriter failed|inline_container\.cc[^\n]*unexpected pos|unexpected pos \d+ vs \d+"),
    ("memory", r"\bMemoryError\b|Unable to allocate(?! necessary resources)|can't allocate memory"),
    ("memory", r"Cannot allocate memory|std::bad_alloc"),
    ("memory", r"DefaultCPUAllocator: not enough memory"),
    ("mount-write", rf"\A(?![\s\S]*{_PREPARES})[\s\S]*(?:{_MOUNT})[\s\S]*{_WRITES}"),
    ("remote-file-system", _MOUNT),
    # Only while loading: an array cut short is a preprocessed file, and errors of torch's writer are no-space.
    ("checkpoint-refused", r"Weights only load failed"),
    ("checkpoint-broken", r"PytorchStreamReader failed|failed finding central directory"),
    ("checkpoint-broken", r"(?:EOFError|UnpicklingError|BadZipFile)[\s\S]*, in load_checkpoint\b"),
    ("arguments", r"\AArgumentError: "),
    ("no-paths", r"nnUNet_(?:raw|preprocessed|results) is not defined"),
    # Before the first step: nnunetv2/run/run_training.py and what it calls.
    ("no-paths", r"Could not find a dataset with the ID[\s\S]*nnUNet_(?:raw|preprocessed|results)=None"),
    ("dataset-unknown", r"Could not find a dataset with the ID \d"),
    ("dataset-ambiguous", r"More than one dataset name found for dataset id"),
    ("no-configuration", r"Requested configuration \S+ not found in plans"),
    ("no-configuration", r"The configuration \S+ does not exist in the plans"),
    ("no-trainer", r"Could not find requested nnunet trainer"),
    ("no-plans", rf"{_NO_FILE}[^\n]*\.json['\"][\s\S]*, in get_trainer_from_args\b"),
    ("no-plans", rf"{_NO_FILE}[^\n]*(?:Plans\w*|[/\\]dataset)\.json['\"]"),
    ("not-preprocessed", rf"{_NO_FILE}[\s\S]*, in infer_dataset_class\b|Unable to infer nnUNetDataset variant"),
    ("no-pretrained", rf"{_NO_FILE}[\s\S]*, in load_pretrained_weights\b"),
    ("unfinished", r"Cannot run validation because the training is not finished yet"),
    ("arguments", r"dataset_name_or_id (?:must either be an integer|was a string and did not start)"),
    ("arguments", r"Unable to convert given value for fold|invalid literal for int\(\)[\s\S]*fold = int\(fold\)"),
    ("arguments", r"Cannot set --c and --val flag|Cannot both continue a training AND load pretrained weights"),
    ("arguments", r"--val_best is not compatible with|DDP training \(triggered by num_gpus > 1\) is only implemented"),
    ("arguments", r"nnUNetv2_train: error: |-device must be either cpu, mps or cuda"),
    ("no-paths", r"PathLike object, not NoneType[\s\S]*(?:dataset_name_id_conversion|[(,] ?nnUNet_(?:raw|pre|res))"),
    ("unpack-race", r"FileNotFoundError[^\n]*\.npy['\"][\s\S]*, in _convert_to_npy\b"),
    ("splits", r"JSONDecodeError[\s\S]*do_split|do_split[\s\S]*JSONDecodeError"),
    ("json", r", in load_json\b[\s\S]*JSONDecodeError|JSONDecodeError[\s\S]*, in load_json\b"),
    ("threadpoolctl", r"threadpoolctl[\s\S]*'NoneType' object has no attribute 'split'"),
    ("threadpoolctl", r"'NoneType' object has no attribute 'split'[\s\S]*threadpoolctl"),
    ("spawn", r"before the\s+current process has finished its bootstrapping phase|freeze_support"),
    ("plot", r"in plot_network_architecture|graphviz\.backend\.|ExecutableNotFound"),
    ("blosc2-version", r"Could not build empty array|blocks cannot be greater than chunks"),
    # blosc2 prints it on Windows if a file cannot be mapped: blosc2-stdio.c, _print_last_error.
    ("blosc2-version", r"Message for the error \d+:"),
    ("blosc2-version", rf"Error while creating the NDArray|{_DENIED}[\s\S]*b2nd|b2nd[\s\S]*{_DENIED}"),
)
# PyTorch ends every CUDA error with these lines, whatever the error: they identify nothing.
# https://github.com/pytorch/pytorch/blob/0ac83aeb/c10/cuda/CUDAMiscFunctions.cpp#L32-L46
# https://github.com/pytorch/pytorch/blob/0e4c6cd6/c10/cuda/CUDAException.cpp#L34-L37
_BOILERPLATE = later(
    r"CUDA kernel errors might be asynchronously reported[^\n]*"
    r"|For debugging consider passing CUDA_LAUNCH_BLOCKING[^\n]*"
    r"|Compile with `?TORCH_USE_CUDA_DSA`? to enable device-side assertions\.?|Device-side assertion tracking[^\n]*"
    r"|Device-side assertions were explicitly omitted[^\n]*",
    re.IGNORECASE,
)
_KINDS = tuple((kind, later(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS)
PATTERNS = tuple(pattern for _, pattern in _KINDS)
KINDS = tuple(dict.fromkeys(kind for kind, _ in _PATTERNS))
OTHER = "other"
# What a training is asked for cannot be found or is refused, before its first step: mended by hand, then started again.
BEFORE_STEPS = (
    "dataset-unknown", "dataset-ambiguous", "no-configuration", "no-trainer", "no-plans", "not-preprocessed",
    "no-pretrained", "unfinished", "arguments",
)  # fmt: skip
# Kinds that name a library but no problem, or that main-exception explains itself: they have no cause of their own.
GENERAL = (
    OTHER, "cuda-other", "cudnn", "nccl", "cpu-torch", "gpu-number", "checkpoint-broken", "checkpoint-refused",
    "no-paths", *BEFORE_STEPS,
)  # fmt: skip


def error_kind(text: str) -> str:
    """Return one of ``KINDS`` for an exception's class, message and traceback joined; ``other`` if none matches."""
    telling = without_boilerplate(text)
    return next((kind for kind, pattern in _KINDS if pattern.search(telling)), OTHER)


def without_boilerplate(text: str) -> str:
    """Return the text without the lines that PyTorch puts below every CUDA error."""
    return _BOILERPLATE.sub("", text)


def is_special(kind: str) -> bool:
    """Return whether there is a cause for this kind of error; it explains more than the general causes do."""
    return kind not in GENERAL
