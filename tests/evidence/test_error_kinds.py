"""Sentences that PyTorch, CUDA, NCCL, the C library and Windows really print."""

from __future__ import annotations

import pytest

from holter.evidence.error_kinds import KINDS, OTHER, error_kind

SENTENCES = {
    "label-range": "RuntimeError: index 2 is out of bounds for dimension 1 with size 2",
    "dataset-unknown": "RuntimeError: Could not find a dataset with the ID 920. Make sure it exists",
    "dataset-ambiguous": "RuntimeError: More than one dataset name found for dataset id 910. Please correct that.",
    "no-configuration": "RuntimeError: Requested configuration 3dfullres not found in plans. Available: [2d]",
    "no-trainer": "RuntimeError: Could not find requested nnunet trainer nnUNetTrainerFoo in nnunetv2.training",
    "no-plans": "FileNotFoundError: [Errno 2] No such file or directory: '/pre/Dataset910_A/nnUNetPlans.json'",
    "not-preprocessed": "AssertionError: Found more than one file ending. Unable to infer nnUNetDataset variant!",
    "no-pretrained": "FileNotFoundError: [Errno 2] No such file\n  File \"x.py\", line 22, in load_pretrained_weights",
    "unfinished": "RuntimeError: Cannot run validation because the training is not finished yet!",
    "nccl-timeout": "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4, OpType=ALLGATHER, "
    "NumelIn=2, Timeout(ms)=600000) ran for 600519 milliseconds before timing out.",
    "compile": "torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised: CUDA error: no kernel image",
    "cuda-assert": "RuntimeError: CUDA error: device-side assert triggered",
    "cuda-refused": "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable",
    "cuda-oom": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    "gpu-lost": "RuntimeError: GPU is lost. Reboot the system to recover this GPU",
    "cuda-unclear": "RuntimeError: CUDA error: unspecified launch failure",
    "gpu-missing": "NVMLError_Unknown: Failed to initialize NVML: Unknown Error",
    "cuda-mismatch": "CUDA driver version is insufficient for CUDA runtime version",
    "cudnn": "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "nccl": "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1333, unhandled system error",
    "cuda-other": "RuntimeError: CUDA error: an illegal memory access was encountered",
    "shared-memory": "Unexpected bus error encountered in worker. This might be caused by insufficient shared memory",
    "descriptors": "RuntimeError: received 0 items of ancdata",
    "windows-commit": "OSError: [WinError 1455] The paging file is too small for this operation to complete",
    "no-space": "OSError: 150995952 requested and 75890728 written",
    "memory": "numpy.core._exceptions.MemoryError: Unable to allocate 3.91 GiB for an array",
    "remote-file-system": "OSError: [Errno 116] Stale file handle: '/data/case.b2nd'",
    "splits": 'do_split\n    splits = load_json(splits_file)\njson.decoder.JSONDecodeError: Expecting value',
    "json": 'operations.py", line 104, in load_json\n    a = json.load(f)\njson.decoder.JSONDecodeError: Expecting',
    "threadpoolctl": "threadpoolctl.py\", line 646, in get_version\nAttributeError: 'NoneType' object has no "
    "attribute 'split'",
    "spawn": "before the\n current process has finished its bootstrapping phase",
    "plot": 'line 12, in plot_network_architecture\n    import hiddenlayer as hl',
    "blosc2-version": "RuntimeError: Error while creating the NDArray",
    "pinned-memory": "RuntimeError: CUDA error: out of memory\n"
    '  File "x.py", line 70, in pin_memory_of_all_eligible_items_in_dict\n    x.pin_memory()',
    "cpu-torch": "AssertionError: Torch not compiled with CUDA enabled",
    "gpu-number": "RuntimeError: CUDA error: invalid device ordinal",
    "mount-write": 'OSError: [Errno 5] Input/output error\n  File "image.py", line 1600, in imsave\n    image.save()',
    "checkpoint-broken": "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central",
    "checkpoint-refused": "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded",
    "no-paths": "TypeError: expected str, bytes or os.PathLike object, not NoneType\n    subdirs(nnUNet_raw, x)",
    "arguments": "ArgumentError: unrecognized arguments: --npzz",
    "unpack-race": "FileNotFoundError: [Errno 2] No file: 'a.npy'\n  File \"utils.py\", line 37, in _convert_to_npy",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_is_known_by_its_kind(kind: str) -> None:
    text = SENTENCES[kind]
    assert error_kind(text) == kind


@pytest.mark.parametrize("text", ["ValueError: bad label", "AssertionError: ", "RuntimeError: shape [2, 3]", ""])
def test_an_everyday_error_has_no_kind(text: str) -> None:
    assert error_kind(text) == OTHER


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("RuntimeError: CUDA error: out of memory", "cuda-oom"),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "cuda-oom"),
        ("torch._dynamo.exc.BackendCompilerFailed: raised: OutOfMemoryError: CUDA out of memory", "cuda-oom"),
        ('File "/x/torch/_dynamo/eval_frame.py", line 1, in _fn: torch._dynamo.run\nValueError: shape', OTHER),
        ("FileNotFoundError: /mnt/torch_2/case.b2nd", OTHER),
        ('File "/opt/graphviz/lib/x.py"\nValueError: shape', OTHER),
        (
            "unable to open shared memory object </torch_12_3> in read-write mode: Too many open files (24)",
            "descriptors",
        ),
        ("unable to open shared memory object </torch_12_3> in read-write mode: No such file", "shared-memory"),
        ('EOFError: Ran out of input\n  File "t.py", line 9, in load_checkpoint\n', "checkpoint-broken"),
        ('EOFError: No data left in file\n  File "nnunet_dataset.py", line 86, in load_case\n', OTHER),
        ("PytorchStreamWriter failed writing file data/412: file write failed", "no-space"),
        ('OSError: [Errno 5] Input/output error\n  File "x.py", line 9, in load_case\n', "remote-file-system"),
        ('RuntimeError: CUDA error: out of memory\n  File "x.py", line 9, in forward\n', "cuda-oom"),
        ("TypeError: expected str, bytes or os.PathLike object, not NoneType\n    open(path)\n", OTHER),
        ("main.c:5: fatal error: x86_64-linux-gnu/python3.10/pyconfig.h: No such file or directory", "compile"),
        ("PermissionError: [WinError 5] 拒绝访问。: 'case_1.b2nd'", "blosc2-version"),
        ("OSError: [WinError 1455] 页面文件太小，无法完成操作。", "windows-commit"),
        ("OutOfMemoryError: the pool of patches is full", OTHER),  # a class of __main__: its module is left out
        ('pools.OutOfMemoryError: full\n  File "pools.py", line 3, in take\n    raise OutOfMemoryError()', OTHER),
        ("java.lang.OutOfMemoryError: Java heap space", OTHER),
        ("torch.cuda.OutOfMemoryError: Allocation on device 0 would exceed allowed memory.", "cuda-oom"),
        ("OutOfMemoryError: Allocation on device 0 would exceed allowed memory.", "cuda-oom"),
        ("OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB", "cuda-oom"),
        ("it ends with OutOfMemoryError after the first epoch", "cuda-oom"),
    ],
)
def test_what_only_looks_like_a_kind_is_told_from_it(text: str, kind: str) -> None:
    assert error_kind(text) == kind


BOILERPLATE = (
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable "
    "device-side assertions.\n"
)
CUDA_ERRORS = {
    "an illegal memory access was encountered": "cuda-other",
    "misaligned address": "cuda-other",
    "initialization error": "cuda-other",
    "unspecified launch failure": "cuda-unclear",
    "unknown error": "cuda-unclear",
    "the launch timed out and was terminated": "cuda-unclear",
    "out of memory": "cuda-oom",
    "no kernel image is available for execution on the device": "cuda-mismatch",
    "invalid device function": "cuda-mismatch",
    "all CUDA-capable devices are busy or unavailable": "cuda-refused",
    "invalid device ordinal": "gpu-number",
    "uncorrectable ECC error encountered": "gpu-lost",
    "OS call failed or operation not supported on this OS": "cuda-other",
    "device-side assert triggered": "cuda-assert",
}


@pytest.mark.parametrize(("error", "kind"), CUDA_ERRORS.items())
@pytest.mark.parametrize(
    "before", ["", "Search for `cudaError' in https://docs.nvidia.com/cuda/ for more information.\n"]
)
def test_the_lines_that_end_every_cuda_error_name_nothing(error: str, kind: str, before: str) -> None:
    assert error_kind(f"RuntimeError: CUDA error: {error}\n{before}{BOILERPLATE}") == kind


def test_boilerplate_on_one_line_names_nothing_either() -> None:
    joined = BOILERPLATE.replace("\n", " ")
    assert error_kind(f"RuntimeError: CUDA error: an illegal memory access was encountered {joined}") == "cuda-other"
