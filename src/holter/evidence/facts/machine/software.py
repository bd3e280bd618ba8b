"""Facts about versions, settings and kind of machine, from the recorded environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holter.evidence.fact_book import FactBook, Value
from holter.evidence.reasons import NO_PLANS
from holter.evidence.window import Window
from holter.patterns import later
from holter.records import ExceptionSeen
from holter.sentences import define

# Packages on the tape; the fact has the same name.
PACKAGES = ("torch", "cuda", "cudnn", "nnunetv2", "batchgenerators", "batchgeneratorsv2", "threadpoolctl", "blosc2")
NOT_CAPTURED = define("why.software.not-captured", "the recording does not say")
NOT_INSTALLED = define("why.software.not-installed", "the package was not found in the environment of the training")
NO_DRIVER = define("why.software.no-driver", "no NVIDIA driver was seen")
NO_NUMBER = define("why.setting.no-number", "{setting} is not a number")
NOT_SET = define("why.setting.not-set", "{variable} is not set")
NO_VARIABLES = define("why.setting.not-read", "the environment variables of the training could not be read")
WINDOWS = later(r"WinError \d+|File \"[A-Za-z]:\\[^\"\n]*")
FALSE_WORDS = ("f", "false", "0", "no")


def collect(window: Window, book: FactBook) -> None:
    """State packages, environment variables and the environment of the training (container, virtual machine)."""
    environment = window.recording.environment
    if environment is None:
        return
    versions = dict(environment.versions)
    # PyTorch wheels install cuDNN as a separate package, named after CUDA's major version.
    cudnn = next((version for name, version in environment.versions if name.startswith("nvidia-cudnn")), None)
    versions |= {"cudnn": cudnn} if cudnn and "cudnn" not in versions else {}
    for name in PACKAGES:
        book.known(f"software.{name}", versions.get(name), unless=(NOT_INSTALLED if versions else NOT_CAPTURED)())
    book.known("software.driver", versions.get("nvidia-driver"), unless=NO_DRIVER())
    book.known("system.container", environment.container, unless=NOT_CAPTURED())
    book.known("system.virtual_machine", environment.virtual_machine, unless=NOT_CAPTURED())
    if environment.kernel:
        book.known("system.os", "linux", environment.os or "")
    else:
        windows = _of_windows(window)
        book.known("system.os", "windows" if windows else None, windows or "", unless=NOT_CAPTURED())
    _settings(dict(environment.variables), bool(environment.variables), book)
    plans = dict(environment.plans)
    for fact, key in (("plan.configuration", "configuration"), ("plan.patch_size", "patch_size")):
        book.known(fact, plans.get(key), unless=NO_PLANS())


# Text in a log's exceptions that only Windows has: its error numbers, or paths with a drive letter.
def _of_windows(window: Window) -> str | None:
    for event in window.recording.events(ExceptionSeen):
        match = WINDOWS.search(f"{event.message}\n{event.traceback}")
        if match:
            return match[0]
    return None


def _settings(variables: Mapping[str, str], captured: bool, book: FactBook) -> None:
    readings: tuple[tuple[str, str, Callable[[str], Value | None]], ...] = (
        ("setting.n_proc_da", "nnUNet_n_proc_DA", _number),
        ("setting.omp_threads", "OMP_NUM_THREADS", _number),
        ("setting.compile", "nnUNet_compile", lambda text: text.lower() not in FALSE_WORDS),
        ("setting.pinning", "OMP_PROC_BIND", str),
        ("setting.nccl_p2p", "NCCL_P2P_DISABLE", lambda text: text.lower() in FALSE_WORDS),
        ("setting.slurm_cpus", "SLURM_CPUS_PER_TASK", _number),
    )
    for fact, variable, read in readings:
        value = variables.get(variable)
        if value is not None:
            setting = f"{variable}={value}"
            book.known(fact, read(value), setting, unless=NO_NUMBER(setting=setting))
        else:
            book.absent(fact, NOT_SET(variable=variable), is_sure=captured, otherwise=NO_VARIABLES())


def _number(text: str) -> float | None:
    try:
        return float(text.split(",")[0])
    except ValueError:
        return None
