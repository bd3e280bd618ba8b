"""Facts about versions that do not fit together or are known to be slow, derived from other facts."""

from __future__ import annotations

import re

from holter.evidence.fact_book import FactBook
from holter.evidence.window import Window
from holter.records import Text
from holter.sentences import define

# NVIDIA, CUDA minor version compatibility: the oldest driver series for each major version of CUDA.
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
# The CUDA version that added code for a GPU family; within a family older code runs.
FIRST_CUDA = {8: (11, 0), 9: (11, 8), 10: (12, 8), 11: (13, 0), 12: (12, 8)}
# CUDA 13 no longer generates code for Maxwell, Pascal and Volta.
LAST_CUDA_FOR_OLD, OLD_CAPABILITY = 12, (7, 5)
# pytorch issues 166122 and 166643: 2.9.0 runs no half-precision 3D convolution through cuDNN. 2.9.1 does with at least
# this cuDNN, but its wheels install an older one.
SLOW_TORCH, MENDING_CUDNN = (2, 9), (9, 15)
# pytorch issue 57115: cuDNN 8.0.5 of the wheels of PyTorch 1.7 to 1.9 had no tensor cores for 3D convolution.
SLOW_CUDNN = (8, 0)
NO_CUDNN, NO_TENSOR_CORES, NONE = "conv3d-without-cudnn", "conv3d-without-tensor-cores", "none"

TORCH_AND_CUDNN = define("seen.software.torch-and-cudnn", "PyTorch {torch}, cuDNN {cudnn}")
ONLY_TORCH = define("seen.software.torch", "PyTorch {torch}")
ONLY_CUDNN = define("seen.software.cudnn", "cuDNN {cudnn}")
DRIVER_AND_CUDA = define("seen.gpu.driver-and-cuda", "driver {driver}, CUDA {cuda}")
CAPABILITY_AND_CUDA = define("seen.gpu.capability-and-cuda", "compute capability {capability}, CUDA {cuda}")
VERSIONS_UNKNOWN = define("why.software.versions-unknown", "the versions are not known")
GPU_OR_CUDA_UNKNOWN = define("why.gpu.capability-unknown", "the GPU or the CUDA version is not known")


def collect(window: Window, book: FactBook) -> None:
    """Add facts on whether driver, CUDA and GPU fit together, and whether this PyTorch and cuDNN are known to be slow.

    They are derived from other facts of ``book``, which must be there already.
    """
    del window
    derive(book)


def derive(book: FactBook) -> None:
    """Add the same facts; all they need is in ``book``, so facts that a person stated are enough."""
    torch, cuda, cudnn, driver, capability = (
        str(value) if (value := book.value(name)) is not None else None
        for name in ("software.torch", "software.cuda", "software.cudnn", "software.driver", "gpu.capability")
    )
    slow = slow_kernels(torch, cudnn)
    book.known("software.slow_kernels", slow, _versions(torch, cudnn), unless=VERSIONS_UNKNOWN())
    fits = driver_fits(driver, cuda)
    book.known("gpu.driver_fits", fits, DRIVER_AND_CUDA(driver=driver, cuda=cuda), unless=VERSIONS_UNKNOWN())
    code = capability_fits(capability, cuda)
    detail = CAPABILITY_AND_CUDA(capability=capability, cuda=cuda)
    book.known("gpu.capability_fits", code, detail, unless=GPU_OR_CUDA_UNKNOWN())


def _versions(torch: str | None, cudnn: str | None) -> Text:
    if torch is None:
        return ONLY_CUDNN(cudnn=cudnn)
    return ONLY_TORCH(torch=torch) if cudnn is None else TORCH_AND_CUDNN(torch=torch, cudnn=cudnn)


def slow_kernels(torch: str | None, cudnn: str | None) -> str | None:
    """Return which 3D convolutions are known to be slow with these versions; None if unknown."""
    version, library = numbers(torch), cudnn_numbers(cudnn)
    if library is not None and library[:2] == SLOW_CUDNN:
        return NO_TENSOR_CORES
    if version is None:
        return None
    if version[:2] != SLOW_TORCH:
        return NONE
    if version[2:] in ((), (0,)):
        return NO_CUDNN
    return None if library is None else NO_CUDNN if library < MENDING_CUDNN else NONE


def driver_fits(driver: str | None, cuda: str | None) -> bool | None:
    """Return whether a driver runs programs of that CUDA version; None if unknown."""
    installed, wanted = numbers(driver), numbers(cuda)
    if installed is None or wanted is None or wanted[0] not in OLDEST_DRIVER:
        return None
    return installed[0] >= OLDEST_DRIVER[wanted[0]]


def capability_fits(capability: str | None, cuda: str | None) -> bool | None:
    """Return whether a PyTorch of that CUDA version can have code for the GPU; None if unknown."""
    gpu, version = numbers(capability), numbers(cuda)
    if gpu is None or version is None:
        return None
    if gpu < OLD_CAPABILITY:
        return version[0] <= LAST_CUDA_FOR_OLD
    first = FIRST_CUDA.get(gpu[0])
    if first is not None:
        return version[:2] >= first
    return True if gpu[0] < min(FIRST_CUDA) else None


def numbers(text: str | None) -> tuple[int, ...] | None:
    """Return (2, 9, 1) for "2.9.1+cu128"; None without a version."""
    match = re.match(r"\d+(?:\.\d+)*", text or "")
    return tuple(int(part) for part in match[0].split(".")) if match else None


def cudnn_numbers(text: str | None) -> tuple[int, ...] | None:
    """Return (9, 10, 2) for "9.10.2.21" and for 91002 (``torch.backends.cudnn.version()``); (8, 0, 5) for 8005."""
    parts = numbers(text)
    if parts is None or len(parts) > 1 or parts[0] < 1000:
        return parts
    base = 10000 if parts[0] >= 90000 else 1000
    return parts[0] // base, parts[0] % base // 100, parts[0] % 100
