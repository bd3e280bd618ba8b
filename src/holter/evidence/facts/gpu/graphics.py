"""Facts about the GPU: load, limits, other processes on it, and the vGPU licence."""

from __future__ import annotations

from holter.evidence.fact_book import FactBook
from holter.evidence.reasons import NO_GPU
from holter.evidence.window import Window, last, middle
from holter.records import GpuProcess, GpuSample, KernelMessage, Text
from holter.sentences import define

# The problem may show before the training stops (a prefetched step) or only after its death.
BEFORE_S = 120.0
# The error is raised at the same moment; the reading after it is the first that shows why.
AFTER_DEATH_S = 5.0
# Reasons that slow a GPU down. sw-power-cap is normal at full load; idle and application clocks are no fault.
SLOWING = ("hw-slowdown", "hw-thermal-slowdown", "sw-thermal-slowdown", "hw-power-brake", "hw-power-brake-slowdown")
# A GPU at full load reaches its power limit and keeps most of its clock. Below this share of the maximum the limit
# itself is too low (H100 PCIe under full load: about 0.7).
POWER_CAP_CLOCK = 0.55
# Throttled while busy: this share of the readings shows a reason, and the clock is well below its maximum.
HELD_PART, HELD_CLOCK, BUSY_RATIO = 0.5, 0.8, 0.5
# A process that holds less memory does not compute on the GPU (a display, a monitoring tool).
FOREIGN_BYTES = 256 << 20
# A driver reserves some hundred megabytes, and each process holds more than NVML lists.
ZOMBIE_BYTES = 2 << 30
# Sharing halves the speed; a smaller change is left to other causes.
SHARED_TIMES, SHARED_WAIT = 1.3, 0.5
# From unrestricted to fully restricted.
STAGES = ("licensed", "unlicensed-unrestricted", "unlicensed-restricted", "unlicensed")

CLOCK = define("seen.gpu.clock", "down to {lowest} of {highest} MHz")
STAGE_CHANGED = define("seen.gpu.licence", "from {before} to {after}")
HELD_BY_OTHERS = define("seen.gpu.held-by-others", "held by others")
HELD_BY_GONE = define("seen.gpu.held-by-gone", "held by a process that is gone")
SLOWED_BY = define("seen.gpu.slowed-by", "{processes}")
NOT_PROBED = define("why.gpu.not-probed", "the GPU was not probed")
WHICH = define("why.gpu.which", "which of the GPUs this run uses is not known")
NOT_READ = define("why.gpu.field-not-read", "not read")
NO_VGPU = define("why.gpu.no-vgpu", "the GPU is not a vGPU")
LIST_INCOMPLETE = define("why.gpu.list-incomplete", "the list of processes may not be complete")
OUR_MEMORY = define("why.gpu.our-memory", "the memory of the GPU is our own")
HOLDER_UNKNOWN = define("why.gpu.holder-unknown", "who holds the memory of the GPU is not known")
EXCLUSIVE_UNKNOWN = define("why.gpu.exclusive-unknown", "whether somebody else uses the GPU exclusively is not known")
NOTHING_TO_EXPLAIN = define("why.gpu.nothing-to-explain", "neither slower steps nor a lack of GPU memory to explain")
ALONE = define("why.gpu.alone", "nobody else computes on the GPU")
SLOWED_UNKNOWN = define("why.gpu.slowed-unknown", "whether the GPU made the steps slower is not known")
NOT_SLOWED = define("why.gpu.not-slowed", "not slower by others on the GPU")
NOT_SLOWER = define("why.gpu.not-slower", "no slower steps to explain")


def collect(window: Window, book: FactBook) -> None:
    """State what NVML and nvidia-smi reported; unreadable values stay unknown."""
    samples = window.gpus(window.all)
    if not samples:
        none = [gpu for tick in window.all for gpu in tick.gpus]
        reason: Text = (none[-1].note or NO_GPU()) if none else NOT_PROBED()
        if none:
            book.known("gpu.present", False, reason)
        else:
            book.unknown("gpu.present", reason)
        for name in (
            "gpu.utilization_ratio", "gpu.usual_utilization_ratio", "gpu.power_ratio", "gpu.clock_ratio",
            "gpu.virtualization", "gpu.licence_stage", "gpu.foreign_processes", "gpu.clock_reasons",
            "gpu.temperature_c", "gpu.throttled", "gpu.shared", "gpu.zombie_bytes", "gpu.label",
        ):  # fmt: skip
            book.not_applicable(name, reason) if none else book.unknown(name, reason)
        if not none:
            _throttled(window, book, (), reason)
            _shared(window, book, (), readable=False, why=reason)
        return
    now = window.gpus() or samples[-5:]
    book.known("gpu.present", True, samples[-1].name or "")
    book.known("gpu.simulated", any(gpu.source == "simulated" for gpu in samples))
    _load(window, book, now)
    _licence(book, samples, now)
    own_gpus = used_by_us(samples)
    used = tuple(gpu for gpu in now if gpu.index in {own.index for own in own_gpus})
    _others(window, book, own_gpus, used)
    _throttled(window, book, used, _why(used, "clock_reasons") if used else WHICH())
    book.known("gpu.kernel_errors", tuple(line[:160] for line in kernel_errors(window)))


def kernel_errors(window: Window) -> list[str]:
    """Return the lines about a GPU in the kernel log, from shortly before the episode to its verdict."""
    start_s, end_s = around(window)
    messages = window.recording.events(KernelMessage, start_s=start_s, end_s=end_s)
    return [message.text for message in messages if message.what == "xid"]


def around(window: Window) -> tuple[float, float]:
    """Return (start, end) in seconds of the recording: a GPU error between them belongs to the episode."""
    after_s = AFTER_DEATH_S if window.episode.kind == "death" else 0.0
    return window.episode.start_s - BEFORE_S, window.end_s + after_s


def _load(window: Window, book: FactBook, now: tuple[GpuSample, ...]) -> None:
    book.known(
        "gpu.utilization_ratio",
        middle(gpu.utilization_ratio for gpu in now),
        unless=_why(now, "utilization_ratio"),
    )
    before = window.gpus(window.before)
    book.known("gpu.usual_utilization_ratio", middle(gpu.utilization_ratio for gpu in before))
    power = [gpu.power_w / gpu.power_limit_w for gpu in now if gpu.power_w is not None and gpu.power_limit_w]
    book.known("gpu.power_ratio", middle(power), unless=_why(now, "power_w"))
    clock = [
        gpu.sm_clock_mhz / gpu.sm_clock_max_mhz for gpu in now if gpu.sm_clock_mhz is not None and gpu.sm_clock_max_mhz
    ]
    book.known("gpu.clock_ratio", middle(clock), unless=_why(now, "sm_clock_mhz"))
    clocks = [(gpu.sm_clock_mhz, gpu.sm_clock_max_mhz) for gpu in now if gpu.sm_clock_mhz and gpu.sm_clock_max_mhz]
    lowest = min(clocks, default=None)
    if lowest is not None and book.facts["gpu.clock_ratio"].status == "known":
        book.known("gpu.clock_ratio", middle(clock), CLOCK(lowest=lowest[0], highest=lowest[1]))
    hottest = max((gpu.temperature_c for gpu in now if gpu.temperature_c is not None), default=None)
    book.known("gpu.temperature_c", hottest, unless=_why(now, "temperature_c"))
    known = [gpu.clock_reasons for gpu in now if gpu.clock_reasons is not None]
    slowing = {reason for gpu in now for reason in held_down_by(gpu)}
    book.known("gpu.clock_reasons", tuple(sorted(slowing)) if known else None, unless=_why(now, "clock_reasons"))


def _licence(book: FactBook, samples: tuple[GpuSample, ...], now: tuple[GpuSample, ...]) -> None:
    book.known("gpu.virtualization", last(gpu.virtualization for gpu in samples), unless=_why(now, "virtualization"))
    if book.value("gpu.virtualization") in ("none", "pass-through"):
        book.not_applicable("gpu.licence_stage", NO_VGPU())
        return
    stages = _stages(samples)
    # The worst stage of the episode: it may be licensed again when the recording ends.
    worst_now = max(_stages(now) or stages[-1:], key=STAGES.index, default=None)
    book.known("gpu.licence_stage", worst_now, unless=_why(now, "licence_stage"))
    book.known("gpu.licence_text", last(gpu.licence_text for gpu in samples))
    if stages:
        worst = max(stages, key=STAGES.index)
        is_worse = STAGES.index(worst) > STAGES.index(stages[0])
        book.known("gpu.licence_worsened", is_worse, STAGE_CHANGED(before=stages[0], after=worst))


# From nvidia-smi's text; NVML alone knows only licensed or not.
def _stages(gpus: tuple[GpuSample, ...]) -> list[str]:
    return [
        gpu.licence_stage
        for gpu in gpus
        if gpu.licence_stage in STAGES and (gpu.licence_text is not None or gpu.licence_stage == "licensed")
    ]


def _why(now: tuple[GpuSample, ...], field: str) -> Text:
    return next((gap.why for gpu in reversed(now) for gap in gpu.gaps if gap.field == field), NOT_READ())


def used_by_us(gpus: tuple[GpuSample, ...]) -> tuple[GpuSample, ...]:
    """Return the samples of GPUs that list a process of the training; a single GPU counts without a list."""
    own = {gpu.index for gpu in gpus if any(process.ours for process in gpu.processes or ())}
    if not own and len({gpu.index for gpu in gpus}) == 1:
        return gpus
    return tuple(gpu for gpu in gpus if gpu.index in own)


def held_down_by(gpu: GpuSample) -> tuple[str, ...]:
    """Return the reasons that lower this GPU's clock, without those of a healthy GPU under full load."""
    reasons = gpu.clock_reasons or ()
    if "sw-power-cap" in reasons and gpu.sm_clock_mhz and gpu.sm_clock_max_mhz:
        capped = gpu.sm_clock_mhz < POWER_CAP_CLOCK * gpu.sm_clock_max_mhz and "gpu-idle" not in reasons
    else:
        capped = False
    return tuple(reason for reason in reasons if reason in SLOWING or (capped and reason == "sw-power-cap"))


def others(gpu: GpuSample) -> tuple[GpuProcess, ...]:
    """Return the processes that compute on this GPU and do not belong to the training.

    A PID of another PID namespace has no name; it may belong to the training and is left out.
    """
    return tuple(
        process
        for process in gpu.processes or ()
        if not process.ours
        and process.name is not None
        and (process.memory_bytes is None or process.memory_bytes >= FOREIGN_BYTES)
    )


def zombie_bytes(gpu: GpuSample) -> int | None:
    """Return memory in use that no listed process holds; None if the list may be incomplete (a container)."""
    if gpu.processes is None or gpu.memory_used_bytes is None or not any(process.ours for process in gpu.processes):
        return None
    held = [process.memory_bytes for process in gpu.processes]
    if any(size is None for size in held):
        return None
    left = gpu.memory_used_bytes - sum(size or 0 for size in held)
    return left if left >= ZOMBIE_BYTES else 0


def _others(window: Window, book: FactBook, own_gpus: tuple[GpuSample, ...], now: tuple[GpuSample, ...]) -> None:
    why = _why(now, "processes") if now else WHICH()
    foreign = tuple(sorted({f"{process.name} (PID {process.pid})" for gpu in now for process in others(gpu)}))
    readable = any(gpu.processes is not None for gpu in now)
    book.known("gpu.foreign_processes", foreign if readable else None, unless=why)
    zombies = [held for gpu in own_gpus[-max(1, len(now)) :] if (held := zombie_bytes(gpu)) is not None]
    book.known("gpu.zombie_bytes", max(zombies, default=None), unless=LIST_INCOMPLETE())
    concerned = next((gpu for gpu in now if others(gpu) or held_down_by(gpu)), now[-1] if now else None)
    name = f" ({concerned.name})" if concerned is not None and concerned.name else ""
    book.known("gpu.label", f"GPU {concerned.index}{name}" if concerned is not None else None, unless=why)
    _shared(window, book, foreign, readable=readable, why=why)


# State what the other processes explain: slower steps, or a lack of GPU memory.
def _shared(window: Window, book: FactBook, foreign: tuple[str, ...], *, readable: bool, why: Text) -> None:
    zombies = book.value("gpu.zombie_bytes")
    times, waits = book.value("step.times_usual"), book.value("wait.ratio")
    if book.value("exception.cuda_oom"):
        if foreign or zombies:
            book.known("gpu.shared", "memory", HELD_BY_OTHERS() if foreign else HELD_BY_GONE())
        else:
            book.absent("gpu.shared", OUR_MEMORY(), is_sure=readable and zombies == 0, otherwise=HOLDER_UNKNOWN())
    elif book.value("exception.kind") == "cuda-refused" and (foreign or not readable):
        book.unknown("gpu.shared", EXCLUSIVE_UNKNOWN())
    elif window.episode.kind != "slow-down":
        book.not_applicable("gpu.shared", NOTHING_TO_EXPLAIN())
    elif not readable:
        book.unknown("gpu.shared", why)
    elif not foreign:
        book.not_applicable("gpu.shared", ALONE())
    elif not isinstance(times, (int, float)) or not isinstance(waits, (int, float)):
        book.unknown("gpu.shared", SLOWED_UNKNOWN())
    elif times >= SHARED_TIMES and waits < SHARED_WAIT:
        book.known("gpu.shared", "slow", SLOWED_BY(processes=foreign))
    else:
        book.not_applicable("gpu.shared", NOT_SLOWED())


# Only while the GPU works: a complete stop has other reasons.
def _throttled(window: Window, book: FactBook, now: tuple[GpuSample, ...], why: Text) -> None:
    readings = [gpu for gpu in now if gpu.clock_reasons is not None and gpu.sm_clock_mhz and gpu.sm_clock_max_mhz]
    if window.episode.kind not in ("slow-down", "creep"):
        book.not_applicable("gpu.throttled", NOT_SLOWER())
    elif not readings:
        book.unknown("gpu.throttled", why)
    else:
        held = [gpu for gpu in readings if held_down_by(gpu)]
        clock = middle((gpu.sm_clock_mhz or 0) / (gpu.sm_clock_max_mhz or 1) for gpu in held)
        busy = middle(gpu.utilization_ratio for gpu in held)
        low = clock is not None and clock <= HELD_CLOCK
        enough = len(held) >= HELD_PART * len(readings)
        book.known("gpu.throttled", enough and low and busy is not None and busy >= BUSY_RATIO)
