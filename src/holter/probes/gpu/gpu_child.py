"""The disposable process that calls the NVIDIA driver, because a driver call may never return.

It is run as a file, isolated, with the folder of the NVML binding as its argument. It imports only the standard
library and that binding, which keeps it near 16 MB (so it is one file). One line in, ``{"t_s": 12.5}``; one line
out, ``{"gpus": [...]}`` with fields of ``GpuSample``, or ``{"absent": "why"}``. Before each call it writes the
call's name where the parent can read it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ONCE_S = float("inf")
# A new process with GPU memory, an ECC error, a change of licence: each can be reported seconds later.
SLOWLY_S = 10.0
RETRY_S = 60.0  # unreadable fields rarely become readable (MIG switched off, a service started)

# Bits of nvmlDeviceGetCurrentClocksEventReasons, from NVIDIA's interface description.
CLOCK_REASONS = (
    (0x001, "gpu-idle"),
    (0x002, "applications-clocks-setting"),
    (0x004, "sw-power-cap"),
    (0x008, "hw-slowdown"),
    (0x010, "sync-boost"),
    (0x020, "sw-thermal-slowdown"),
    (0x040, "hw-thermal-slowdown"),
    (0x080, "hw-power-brake-slowdown"),
    (0x100, "display-clock-setting"),
    (0x200, "board-limit"),
    (0x400, "reliability"),
)
KNOWN_CLOCK_BITS = sum(bit for bit, _ in CLOCK_REASONS)
VIRTUALIZATION = ("none", "pass-through", "vgpu", "host-vgpu", "host-vsga")
# "GRID T4-8Q", "NVIDIA A100-2-10C", "GRID A100-1-5CME": a share of a GPU, of series A, B, C or Q.
VGPU_NAME = re.compile(r"-\d+[ABCQ](ME)?$")
NVML_CLOCK_SM, NVML_CLOCK_MEMORY = 1, 2
NVML_TEMPERATURE_GPU = 0
NVML_ECC_UNCORRECTED, NVML_ECC_VOLATILE = 1, 0
NVML_PCIE_TX, NVML_PCIE_RX = 0, 1
# The device file that every user of the driver opens first.
CONTROL_DEVICE = "/dev/nvidiactl"
KILOBYTE = 1000
MILLIWATT_PER_WATT = 1000

DOING_FD_VARIABLE = "HOLTER_DOING_FD"  # as in deadline.py, which would import msgspec
DOING_BYTES = 64


class ImplausibleError(Exception):
    """The driver answered an impossible number; some virtual machines answer 0 for what they cannot measure."""

    def __init__(self, key: str, answer: int) -> None:
        super().__init__(key, answer)
        self.key, self.answer = key, answer


class GpuGoneError(Exception):
    """This GPU does not answer any more: the driver was reloaded, or the GPU fell off the bus."""


class Call(NamedTuple):
    """One question to the driver, and the fields that its answer fills."""

    fields: tuple[str, ...]
    functions: tuple[str, ...]  # the first one that this driver and binding have is used
    take: Callable[[Any], tuple[Any, ...]]
    arguments: tuple[int, ...] = ()
    every_s: float = 0.0  # 0: each time


def as_it_is(value: Any) -> tuple[Any, ...]:
    """Return the answer unchanged, as a tuple."""
    return (value,)


def positive(value: int) -> tuple[int, ...]:
    """Return the answer; raise ``ImplausibleError`` if it is 0 or less."""
    if value <= 0:
        raise ImplausibleError("gpu.implausible", value)
    return (value,)


def watts(milliwatts: int) -> tuple[float, ...]:
    """Return the power in watts; raise ``ImplausibleError`` if the driver answers 0 or less."""
    return (positive(milliwatts)[0] / MILLIWATT_PER_WATT,)


def kilobytes(count: int) -> tuple[int, ...]:
    """Return the number of bytes in ``count`` KB of 1000 bytes, the unit of NVML's transfer rates."""
    return (count * KILOBYTE,)


def reason_words(bits: int) -> tuple[list[str], ...]:
    """Return NVML's reasons why the clocks are not higher, as words; ``bits-0x…`` for bits without a known word."""
    words = [word for bit, word in CLOCK_REASONS if bits & bit]
    unknown = bits & ~KNOWN_CLOCK_BITS
    return ([*words, f"bits-{unknown:#x}"] if unknown else words,)


def virtualization_word(mode: int) -> tuple[str, ...]:
    """Return the mode as a word; raise ``ImplausibleError`` for an unknown one."""
    if mode >= len(VIRTUALIZATION):
        raise ImplausibleError("gpu.implausible-mode", mode)
    return (VIRTUALIZATION[mode],)


def licence(features: Any) -> tuple[bool, str | None, bool | None]:
    """Return (supported, product, licensed). NVML knows only licensed or not; nvidia-smi has the stage."""
    count = min(features.licensableFeaturesCount, len(features.gridLicensableFeatures))
    listed = [features.gridLicensableFeatures[n] for n in range(count)]
    listed = [feature for feature in listed if feature.featureEnabled] or listed
    product = next((text(f.productName) for f in listed if f.productName), None)
    return (
        bool(features.isGridLicenseSupported),
        product,
        any(f.featureState for f in listed) if listed else None,
    )


def capability(version: tuple[int, int]) -> tuple[str, ...]:
    """Return the compute capability as a tuple of one string: (8, 6) becomes ``("8.6",)``."""
    return (f"{version[0]}.{version[1]}",)


def message(key: str, **values: object) -> dict[str, Any]:
    """Return a sentence as ``records.Message`` keeps it; gpu.py has the English text."""
    return {"type": "message", "key": key, "values": [[name, value] for name, value in values.items()]}


def refusal(device: str = CONTROL_DEVICE) -> dict[str, str]:
    """Return device and error if the driver's device file cannot be opened; empty if it can or does not exist.

    If the device rules of a container were dropped, the file is visible but cannot be opened; NVML then says
    "unknown error".
    """
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return {}
    except OSError as error:
        return {"device": device, "refusal": os.strerror(error.errno or 0).lower()}
    return {}


def not_open(key: str, **values: str) -> dict[str, Any]:
    """Return why the driver cannot be used, as a sentence (``key``, ``values``), with the device file's error."""
    why = refusal()
    return message(f"{key}-device" if why else key, **values, **why)


def text(value: bytes | str) -> str:
    """Decode: the binding returns bytes or text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


# The versioned names: if the unversioned symbol is missing, the error is of another kind.
PROCESS_LISTS = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
CALLS = (
    Call(("name",), ("nvmlDeviceGetName",), lambda name: (text(name),), every_s=ONCE_S),
    Call(("uuid",), ("nvmlDeviceGetUUID",), lambda uuid: (text(uuid),), every_s=ONCE_S),
    Call(("virtualization",), ("nvmlDeviceGetVirtualizationMode",), virtualization_word, every_s=ONCE_S),
    Call(("compute_capability",), ("nvmlDeviceGetCudaComputeCapability",), capability, every_s=ONCE_S),
    Call(("utilization_ratio",), ("nvmlDeviceGetUtilizationRates",), lambda rates: (rates.gpu / 100,)),
    Call(("memory_used_bytes", "memory_total_bytes"), ("nvmlDeviceGetMemoryInfo",), lambda m: (m.used, m.total)),
    Call(("power_w",), ("nvmlDeviceGetPowerUsage",), watts),
    Call(("power_limit_w",), ("nvmlDeviceGetEnforcedPowerLimit",), watts, every_s=SLOWLY_S),
    Call(("sm_clock_mhz",), ("nvmlDeviceGetClockInfo",), as_it_is, (NVML_CLOCK_SM,)),
    Call(("memory_clock_mhz",), ("nvmlDeviceGetClockInfo",), as_it_is, (NVML_CLOCK_MEMORY,)),
    Call(("sm_clock_max_mhz",), ("nvmlDeviceGetMaxClockInfo",), positive, (NVML_CLOCK_SM,), ONCE_S),
    Call(("memory_clock_max_mhz",), ("nvmlDeviceGetMaxClockInfo",), positive, (NVML_CLOCK_MEMORY,), ONCE_S),
    Call(
        ("temperature_c",),
        ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV"),
        as_it_is,
        (NVML_TEMPERATURE_GPU,),
    ),
    Call(
        ("clock_reasons",),
        ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"),
        reason_words,
    ),
    Call(
        ("ecc_uncorrected_total",),
        ("nvmlDeviceGetTotalEccErrors",),
        as_it_is,
        (NVML_ECC_UNCORRECTED, NVML_ECC_VOLATILE),
        SLOWLY_S,
    ),
    # Generation and width are lowered while the GPU idles, so they are read each time.
    Call(("pcie_generation",), ("nvmlDeviceGetCurrPcieLinkGeneration",), positive),
    Call(("pcie_width",), ("nvmlDeviceGetCurrPcieLinkWidth",), positive),
    Call(("pcie_generation_max",), ("nvmlDeviceGetMaxPcieLinkGeneration",), positive, every_s=ONCE_S),
    Call(("pcie_width_max",), ("nvmlDeviceGetMaxPcieLinkWidth",), positive, every_s=ONCE_S),
    Call(("mig",), ("nvmlDeviceGetMigMode",), lambda modes: (bool(modes[0]),), every_s=SLOWLY_S),
    Call(
        ("licence_supported", "licence_product", "licensed"),
        ("nvmlDeviceGetGridLicensableFeatures_v4",),
        licence,
        every_s=SLOWLY_S,
    ),
    Call(
        ("processes",),
        PROCESS_LISTS,
        as_it_is,
        every_s=SLOWLY_S,
    ),
)
# The driver counts for 20 ms while the caller waits.
TRAFFIC = (
    Call(("pcie_rx_bytes_per_s",), ("nvmlDeviceGetPcieThroughput",), kilobytes, (NVML_PCIE_RX,), SLOWLY_S),
    Call(("pcie_tx_bytes_per_s",), ("nvmlDeviceGetPcieThroughput",), kilobytes, (NVML_PCIE_TX,), SLOWLY_S),
)


class Desk:
    """The memory page with the name of the running driver call, which the parent can read even if the call hangs."""

    def __init__(self) -> None:
        descriptor = os.environ.get(DOING_FD_VARIABLE)
        self._page = mmap.mmap(int(descriptor), DOING_BYTES) if descriptor else None

    def write(self, what: str) -> None:
        """Write the name of the call: a memory write, no system call."""
        if self._page is not None:
            self._page[:] = what.encode()[:DOING_BYTES].ljust(DOING_BYTES, b"\0")


class Driver:
    """The NVML binding; before each call its name is written to the page (``Desk``)."""

    def __init__(self, nvml: Any, desk: Desk) -> None:
        self.nvml = nvml
        self._desk = desk
        self._gone = (
            nvml.NVML_ERROR_UNINITIALIZED,
            nvml.NVML_ERROR_GPU_IS_LOST,
            nvml.NVML_ERROR_DRIVER_NOT_LOADED,
            nvml.NVML_ERROR_RESET_REQUIRED,
        )

    def call(self, functions: tuple[str, ...], *arguments: Any) -> Any:
        """Return the answer of the first function that exists; raises ``GpuGoneError`` or the binding's error."""
        missing: Exception | None = None
        for name in functions:
            function = getattr(self.nvml, name, None)
            if function is None:
                continue
            self._desk.write(name)
            try:
                return function(*arguments)
            except self.nvml.NVMLError as error:
                if error.value in self._gone:
                    raise GpuGoneError(str(error)) from error
                if error.value != self.nvml.NVML_ERROR_FUNCTION_NOT_FOUND:
                    raise
                missing = error
        raise missing or self.nvml.NVMLError(self.nvml.NVML_ERROR_FUNCTION_NOT_FOUND)

    def idle(self) -> None:
        """Remove the name of the call from the page: no call is running."""
        self._desk.write("")


class Gpu:
    """One GPU, with its cached values."""

    def __init__(self, driver: Driver, index: int) -> None:
        self._driver = driver
        self._index = index
        self._handle = driver.call(("nvmlDeviceGetHandleByIndex",), index)
        self._values: dict[str, Any] = {}
        self._unread: dict[str, Any] = {}
        self._due_s: dict[tuple[str, ...], float] = {}
        self._names: dict[int, str] = {}
        self._slices_seen: list[dict[str, Any]] = []
        self._slices_due_s = float("-inf")

    def read(self, now_s: float) -> dict[str, Any]:
        """Return the fields of a ``GpuSample``; raises ``GpuGoneError``."""
        for call in CALLS:
            self._ask_if_due(call, now_s)
        fields = dict(self._values)
        licensed = fields.pop("licensed", None)
        fields["processes"] = self._named(fields.get("processes"))
        fields["slices"] = self._slices(now_s) if fields.get("mig") else None
        fields["licence_stage"] = self._stage(fields, licensed)
        unread = [{"field": field, "why": why} for field, why in self._unread.items() if field != "licensed"]
        return {"index": self._index, **fields, "unread": unread}

    def lost(self, reason: str) -> dict[str, Any]:
        """Return the fields for a GPU that does not answer any more."""
        known = {field: self._values.get(field) for field in ("name", "uuid")}
        return {"index": self._index, **known, "note": message("gpu.unreachable", error=reason)}

    def measure_traffic(self, now_s: float) -> None:
        """Measure PCIe traffic for the next readings; takes 40 ms, so it is done between questions."""
        for call in TRAFFIC:
            self._ask_if_due(call, now_s)

    def _slices(self, now_s: float) -> list[dict[str, Any]]:
        # The visible MIG devices, read as rarely as processes.
        if now_s >= self._slices_due_s:
            self._slices_due_s = now_s + SLOWLY_S
            self._slices_seen = []
            for number in range(self._ask_slice(("nvmlDeviceGetMaxMigDeviceCount",), self._handle) or 0):
                handle = self._ask_slice(("nvmlDeviceGetMigDeviceHandleByIndex",), self._handle, number)
                if handle is not None:
                    self._slices_seen.append(self._slice(handle))
        return self._slices_seen

    def _slice(self, handle: Any) -> dict[str, Any]:
        memory = self._ask_slice(("nvmlDeviceGetMemoryInfo",), handle)
        users = self._ask_slice(PROCESS_LISTS, handle)
        name, uuid = (self._ask_slice((call,), handle) for call in ("nvmlDeviceGetName", "nvmlDeviceGetUUID"))
        return {
            "name": text(name) if name is not None else None,
            "uuid": text(uuid) if uuid is not None else None,
            "memory_used_bytes": memory.used if memory is not None else None,
            "memory_total_bytes": memory.total if memory is not None else None,
            "pids": [process.pid for process in users] if users is not None else None,
        }

    def _ask_slice(self, functions: tuple[str, ...], *arguments: Any) -> Any:
        # None on an error: gaps in the numbering are usual.
        try:
            return self._driver.call(functions, *arguments)
        except self._driver.nvml.NVMLError:
            return None

    def _ask_if_due(self, call: Call, now_s: float) -> None:
        if now_s >= self._due_s.get(call.fields, float("-inf")):
            self._ask(call, now_s)

    def _ask(self, call: Call, now_s: float) -> None:
        try:
            values = call.take(self._driver.call(call.functions, self._handle, *call.arguments))
        except (self._driver.nvml.NVMLError, ImplausibleError) as error:
            implausible = isinstance(error, ImplausibleError)
            why = message(error.key, answer=error.answer) if implausible else str(error).lower()
            for field in call.fields:
                self._values.pop(field, None)
                self._unread[field] = why
            self._due_s[call.fields] = now_s + min(call.every_s, RETRY_S)
            return
        for field, value in zip(call.fields, values, strict=True):
            self._values[field] = value
            self._unread.pop(field, None)
        self._due_s[call.fields] = now_s + call.every_s

    def _named(self, processes: Any) -> list[dict[str, Any]] | None:
        if processes is None:
            return None
        self._names = {p.pid: self._names.get(p.pid) or self._name(p.pid) for p in processes}
        return [{"pid": p.pid, "memory_bytes": p.usedGpuMemory, "name": self._names[p.pid] or None} for p in processes]

    def _name(self, pid: int) -> str:
        try:
            return text(self._driver.call(("nvmlSystemGetProcessName",), pid))
        except (self._driver.nvml.NVMLError, UnicodeDecodeError):
            return ""

    @staticmethod
    def _stage(fields: dict[str, Any], licensed: bool | None) -> str | None:
        # The licence is enforced only on a vGPU guest; a passed-through GPU shows licence fields too.
        mode = fields.get("virtualization")
        if mode is None:
            mode = "vgpu" if VGPU_NAME.search(fields.get("name") or "") else "none"
        if mode != "vgpu":
            return None
        return "unknown" if licensed is None else "licensed" if licensed else "unlicensed"


class Reader:
    """Reads all GPUs of the machine."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._gpus: list[Gpu] | None = None
        self._version: str | None = None

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Read all GPUs and return ``{"gpus": [...]}``, or ``{"absent": sentence}`` without a usable driver or GPU.

        ``question["t_s"]``: the time that the samples get. Each item of the list has fields of ``GpuSample``; of a GPU
        that does not answer any more, only its index, name and UUID, the driver's version, and why (``note``).
        """
        if self._gpus is None:
            absent = self._begin()
            if absent:
                return {"absent": absent}
        now_s = time.monotonic()
        head = {"t_s": question["t_s"], "driver": self._version}
        gpus, lost = [], 0
        for gpu in self._gpus or ():
            fields = self._read(gpu, now_s)
            lost += "note" in fields
            gpus.append({**head, **fields})
        if lost == len(gpus):
            self._end()
        return {"gpus": gpus}

    def afterwards(self) -> None:
        """Make slow measurements, after an answer was sent."""
        # If a GPU is gone, the next reading reports it.
        with contextlib.suppress(GpuGoneError):
            for gpu in self._gpus or ():
                gpu.measure_traffic(time.monotonic())
        self._driver.idle()

    @staticmethod
    def _read(gpu: Gpu, now_s: float) -> dict[str, Any]:
        try:
            return gpu.read(now_s)
        except GpuGoneError as reason:
            return gpu.lost(str(reason).lower())

    def _begin(self) -> dict[str, Any] | None:
        nvml = self._driver.nvml
        try:
            self._driver.call(("nvmlInit",))
            count = self._driver.call(("nvmlDeviceGetCount",))
            self._version = text(self._driver.call(("nvmlSystemGetDriverVersion",)))
            self._gpus = [Gpu(self._driver, index) for index in range(count)]
        except nvml.NVMLError_LibraryNotFound:
            return not_open("gpu.no-driver")
        except (nvml.NVMLError, GpuGoneError) as error:
            self._gpus = None
            return not_open("gpu.not-open", error=str(error).lower())
        if not self._gpus:
            self._gpus = None
            return message("gpu.none-listed")
        return None

    def _end(self) -> None:
        # Every GPU is gone: the next question opens the driver again.
        self._gpus = None
        try:
            self._driver.call(("nvmlShutdown",))
        except (self._driver.nvml.NVMLError, GpuGoneError):
            return


def end_with_parent() -> None:
    """Exit when standard input is closed. Runs in its own thread: the main thread may hang in the driver."""
    poll = select.poll()
    poll.register(0, 0)  # requests no event, so only a hang-up wakes it
    poll.poll()
    os._exit(0)


def main() -> None:
    """Answer line by line until standard input is closed."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the driver's library prints is not an answer
    sys.path.extend(sys.argv[1:])
    reader: Reader | None = None
    absent: dict[str, Any] = {}
    try:
        import pynvml

        reader = Reader(Driver(pynvml, Desk()))
    except ImportError as error:
        absent = message("gpu.no-binding", error=str(error))
    for line in sys.stdin:
        answer = reader.answer(json.loads(line)) if reader else {"absent": absent}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if reader:
            reader.afterwards()


if __name__ == "__main__":
    main()
