"""Messages of numpy, zlib, zipfile, blosc2, Triton, CUDA, c10d and nnU-Net that ``errors`` does not hold.

Collected from their sources: numpy/lib/_format_impl.py, numpy/_core/_exceptions.py, zlib, Lib/zipfile, Lib/gzip.py,
Lib/lzma.py, blosc2/schunk.py, triton/runtime/errors.py, c10/cuda/CUDAMiscFunctions.cpp, driver_types.h,
torch/csrc/distributed/c10d/{ProcessGroupNCCL,TCPStore,Utils}.cpp, torch/csrc/utils/tensor_numpy.cpp,
nnunetv2/inference/predict_from_raw_data.py, batchgenerators/dataloading/multi_threaded_augmenter.py.
"""

from __future__ import annotations

from holter.evidence.text_facts.endings import DEATH
from holter.evidence.text_facts.known import Known, known, words

# A file that ends too early or holds other bytes than were written.
TORN: tuple[Known, ...] = (
    known(
        r"No data left in file|cannot mmap an empty file|EOF: reading [\w ]+, expected \d+ bytes got \d+"
        r"|Failed to read all data for array\. Expected|file seems not fully written"
        r"|the magic string is not correct; expected|cannot reshape array of size \d+ into shape"
        r"|Error -\d+ while (?:decompressing|preparing)|Bad CRC-32 for file|Bad magic number for (?:central|file)"
        r"|Compressed file ended before the end-of-stream marker|CRC check failed|Not a gzipped file"
        r"|Corrupt input data|invalid load key|Cannot load file containing pickled data"
        r"|Could not find the expected number of bytes|Error while (?:decompressing|getting the (?:slice|buffer))"
        r"|invalid stored block lengths|incorrect (?:data|header) check",
        {**DEATH, "exception.truncated_file": True, "exception.first": lambda match: match[0]},
    ),
    known(r"Data corruption detected|checksum mismatch", {**DEATH, "exception.truncated_file": True}),
)

CUDA: tuple[Known, ...] = (
    known(
        r"uncorrectable ECC error|CUDA_ERROR_ECC_UNCORRECTABLE|cudaErrorECCUncorrectable"
        r"|CUDA_ERROR_DEVICE_UNAVAILABLE",
        {**DEATH, "exception.kind": "gpu-lost", "gpu.trouble": "lost"},
    ),
    # The driver ends a kernel that keeps a GPU with a display busy for seconds. It says nothing about the GPU's state.
    known(
        r"the launch timed out and was terminated|cudaErrorLaunchTimeout|CUDA_ERROR_LAUNCH_TIMEOUT",
        {**DEATH, "exception.kind": "cuda-unclear"},
    ),
    known(
        r"nvlddmkm[^\n]{0,60}(?:stopped|停止)"
        r"|显示(?:器)?驱动程序[^\n]{0,12}停止响应",
        {**DEATH, "exception.kind": "cuda-unclear", "gpu.trouble": "hung"},
    ),
    known(r"an illegal memory access was encountered", {**DEATH, "exception.kind": "cuda-other"}),
    known(
        r"CUDA unknown error - this may be due to an incorrectly set up environment|system not yet initialized",
        {**DEATH, "exception.kind": "gpu-missing"},
    ),
    known(r"Cannot re-initialize CUDA in forked subprocess", {**DEATH, "exception.role": "train-worker"}),
)

RANKS: tuple[Known, ...] = (
    known(
        r"NCCL watchdog thread terminated with exception|Received a dump signal (?:due to|from)|Watchdog got stuck"
        r"|watchdog (?:got|is|was) stuck|Heartbeat monitor timed out|Timeout at NCCL work"
        r"|failed to pass monitoredBarrier"
        r"|wait timeout after \d+ms, keys|Socket Timeout|Timed out after \d+ seconds waiting for"
        r"|timed out in (?:all|barrier)",
        {**DEATH, "exception.kind": "nccl-timeout", "scope.ranks": True},
    ),
)

COMPILING: tuple[Known, ...] = (
    known(
        r"Triton compilation failed|out of resource: shared memory|OutOfResources",
        {**DEATH, "exception.kind": "compile"},
    ),
)

NNUNET: tuple[Known, ...] = (
    known(r"Prediction on (?:device|the GPU) was unsuccessful|falling back to (?:the )?CPU", {"predict.on_cpu": True}),
    known(r"MultiThreadedAugmenter\.abort_event was set|Abort event was set", {**DEATH, "echo.says": "training"}),
    known(
        r"assignment destination is read-only|(?:given NumPy array is not writ(?:e)?able|array is read-only)",
        {"data.read_only": True},
    ),
    known(r"Parent directory \S+ does not exist", {**DEATH, "results.gone": "deleted"}),
)

LIMITS: tuple[Known, ...] = (
    known(
        r"can't (?:start|spawn) new thread|[Tt]hread creation failed|pthread_create\(?\)?(?: has)? failed|RLIMIT_NPROC"
        r"|(?:pthread_create|v?fork|clone)(?:\(\))?: (?:retry: )?(?:Resource temporarily|Cannot allocate)"
        r"|fork rejected by pids controller|(?:BlockingIO|OS)Error: \[Errno 11\]"
        r"|OMP: Error #34|unable to allocate necessary resources for OMP"
        r"|unable to (?:create|start) (?:a )?(?:new )?(?:native )?thread|无法创建(?:新)?线程|资源暂时不可用",
        {**DEATH, "limit.reached": "processes"},
    ),
    known(r"\[Errno 27\]|File too large|\bSIGXFSZ\b|文件(?:过|太)大", {**DEATH, "limit.reached": "file-size"}),
    known(r"\bSIGXCPU\b|CPU time limit exceeded|PBS: job killed: cput", {**DEATH, "limit.reached": "cpu-time"}),
)

FROZEN: tuple[Known, ...] = (
    known(
        r"^.*(?:__refrigerator|do_freezer_trap|freezer\.state[^\n]*FROZEN|Up [^\n]{0,30}\(Paused\)).*$",
        {"frozen.processes": words(), "episode.kind": "stall"},
    ),
)

MESSAGES = (*TORN, *CUDA, *RANKS, *COMPILING, *NNUNET, *LIMITS, *FROZEN)
