"""Facts about the GPU: load, limits, others on it, and the vGPU licence."""

from __future__ import annotations

from holter.evidence.facts import FactBook
from holter.evidence.window import Window, last, middle
from holter.records import GpuSample, KernelMessage

# Reasons that slow a GPU down. sw-power-cap is normal at full load; idle and application clocks are no fault.
SLOWING = ("hw-slowdown", "hw-thermal-slowdown", "sw-thermal-slowdown", "hw-power-brake")
# From free to fully capped.
STAGES = ("licensed", "unlicensed-unrestricted", "unlicensed-restricted", "unlicensed")


def collect(window: Window, book: FactBook) -> None:
    """State what NVML and nvidia-smi told; unreadable readings stay unknown."""
    every = window.gpus(window.all)
    if not every:
        none = [gpu for tick in window.all for gpu in tick.gpus]
        reason = (none[-1].note or "no GPU") if none else "the GPU was not probed"
        if none:
            book.known("gpu.present", False, reason)
        else:
            book.unknown("gpu.present", reason)
        for name in (
            "gpu.utilization_ratio", "gpu.usual_utilization_ratio", "gpu.power_ratio", "gpu.clock_ratio",
            "gpu.virtualization", "gpu.licence_stage", "gpu.foreign_processes", "gpu.clock_reasons",
        ):  # fmt: skip
            book.not_applicable(name, reason) if none else book.unknown(name, reason)
        return
    now = window.gpus() or every[-5:]
    book.known("gpu.present", True, every[-1].name or "")
    book.known("gpu.simulated", any(gpu.source == "simulated" for gpu in every))
    _load(window, book, now)
    _licence(book, every, now)
    foreign = {
        f"{process.name or '?'} (PID {process.pid})"
        for gpu in now
        for process in gpu.processes or ()
        # A PID of another PID namespace has no name here; it may well be our own.
        if not process.ours and process.name is not None
    }
    readable = any(gpu.processes is not None for gpu in now)
    book.known("gpu.foreign_processes", tuple(sorted(foreign)) if readable else None, unless=_why(now, "processes"))
    errors = [
        event.text[:160]
        for event in window.recording.events(KernelMessage, start_s=window.episode.start_s - 120)
        if event.what == "xid"
    ]
    book.known("gpu.kernel_errors", tuple(errors))


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
    known = [gpu.clock_reasons for gpu in now if gpu.clock_reasons is not None]
    slowing = {reason for reasons in known for reason in reasons if reason in SLOWING}
    book.known("gpu.clock_reasons", tuple(sorted(slowing)) if known else None, unless=_why(now, "clock_reasons"))


def _licence(book: FactBook, every: tuple[GpuSample, ...], now: tuple[GpuSample, ...]) -> None:
    book.known("gpu.virtualization", last(gpu.virtualization for gpu in every), unless=_why(now, "virtualization"))
    if book.value("gpu.virtualization") in ("none", "pass-through"):
        book.not_applicable("gpu.licence_stage", "the GPU is not a vGPU")
        return
    stages = _stages(every)
    # The worst of the episode: it may be licensed again by the time that the recording ends.
    worst_now = max(_stages(now) or stages[-1:], key=STAGES.index, default=None)
    book.known("gpu.licence_stage", worst_now, unless=_why(now, "licence_stage"))
    book.known("gpu.licence_text", last(gpu.licence_text for gpu in every))
    if stages:
        worst = max(stages, key=STAGES.index)
        book.known("gpu.licence_worsened", STAGES.index(worst) > STAGES.index(stages[0]), f"{stages[0]} to {worst}")


def _stages(gpus: tuple[GpuSample, ...]) -> list[str]:
    """Stages as nvidia-smi's text tells them; NVML alone knows only licensed or not."""
    return [
        gpu.licence_stage
        for gpu in gpus
        if gpu.licence_stage in STAGES and (gpu.licence_text is not None or gpu.licence_stage == "licensed")
    ]


def _why(now: tuple[GpuSample, ...], field: str) -> str:
    for gpu in reversed(now):
        for entry in gpu.unread:
            if entry.startswith(f"{field}:"):
                return entry.split(":", 1)[1].strip()
    return "not read"
