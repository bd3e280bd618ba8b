"""Read what the NVIDIA driver reports about each GPU, without ever waiting for the driver.

Every driver call is made in a child process (``gpu_child.py``), because a call may never return and then blocks its
process. A late answer is returned by the next read, with the time at which it was requested. While the driver is
silent, samples name the call and the length of the silence.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec

from holter.probes import Reading
from holter.probes.child.background_command import ABANDON_S
from holter.probes.child.deadline import PATIENCE_S, ChildClient, Limits, Reply
from holter.probes.gpu.gpu_script import GpuScript
from holter.probes.gpu.nvidia_smi import LICENCE_INTERVAL_S, NOT_READ_YET, LicenceReader, PrintedLicence
from holter.records import Event, GpuSample, Message, Noted, Text, Unread
from holter.sentences import as_fields, define, joined

# NVML averages utilisation over up to a second, and every judgement spans ten seconds or more, so reading more often
# than every two seconds only adds cost.
INTERVAL_S = 2.0
ABSENT_RECHECK_S = 60.0  # a driver that appears during a run is rare; looking for it costs 50 ms of CPU
# Outside a vGPU the licence has no effect; its text is only recorded for the reader.
LICENCE_ELSEWHERE_INTERVAL_S = 600.0
SCRIPT_VARIABLE = "HOLTER_GPU_SCRIPT"
CHILD = Path(__file__).with_name("gpu_child.py")
READ_PAUSE_S = 0.02

# Sent by the child (gpu_child.py) as key and values.
NO_BINDING = define("gpu.no-binding", "the NVML binding (nvidia-ml-py) cannot be loaded: {error}")
NO_DRIVER = define("gpu.no-driver", "no NVIDIA driver here: libnvidia-ml.so.1 is not found")
NO_DRIVER_DEVICE = define(
    "gpu.no-driver-device",
    "no NVIDIA driver here: libnvidia-ml.so.1 is not found, {device} cannot be opened: {refusal}",
)
NOT_OPEN = define("gpu.not-open", "the NVIDIA driver cannot be opened: {error}")
NOT_OPEN_DEVICE = define(
    "gpu.not-open-device", "the NVIDIA driver cannot be opened: {error}, {device} cannot be opened: {refusal}"
)
NONE_LISTED = define("gpu.none-listed", "the NVIDIA driver lists no GPU")
UNREACHABLE = define("gpu.unreachable", "the driver does not reach this GPU: {error}")
IMPLAUSIBLE = define("gpu.implausible", "the driver answers an impossible number, {answer}")
IMPLAUSIBLE_MODE = define("gpu.implausible-mode", "the driver answers an unknown mode, {answer}")
# Used here.
READER = define("gpu.reader", "the process that reads the GPU")
CALL_OVERDUE = define("gpu.call-overdue", "{call} has not returned for {silent:.0f} s")
NO_READING = define("gpu.no-reading", "no reading for {silent:.0f} s: the process that reads the GPU {trouble}")
NO_READING_IN = define(
    "gpu.no-reading-in", "no reading for {silent:.0f} s: the process that reads the GPU {trouble} (in {call})"
)
STUCK = define("gpu.stuck", "{count} killed earlier are still alive")
ANSWERS_AGAIN = define("gpu.answers-again", "the NVIDIA driver answers again")
PID_HIDDEN = define("gpu.pid-hidden", "PID {pid} is not visible here")
NOT_LISTED = define("gpu.not-listed", "nvidia-smi does not list this GPU")

Ours = Callable[[], Collection[int]] | Collection[int]


class _Answer(msgspec.Struct):
    gpus: tuple[GpuSample, ...] = ()
    absent: Text | None = None


class GpuProbe:
    """All GPUs of the machine. ``ours``: the PIDs of the watched tree, as a set or a function that returns it."""

    name = "gpu"

    def __init__(
        self,
        *,
        ours: Ours = (),
        interval_s: float = INTERVAL_S,
        script: Path | None = None,
        environment: Mapping[str, str] | None = None,
        licence_interval_s: float = LICENCE_INTERVAL_S,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        patience_s: float = PATIENCE_S,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interval_s = interval_s
        variables = os.environ if environment is None else environment
        script = script or (Path(variables[SCRIPT_VARIABLE]) if variables.get(SCRIPT_VARIABLE) else None)
        self._script = GpuScript(script) if script else None
        self._ours = ours
        self._patience_s = patience_s
        self._proc = proc
        self._respondent = ChildClient(child_command(), environment=variables, limits=limits, clock=clock)
        self._licence_interval_s = licence_interval_s
        self._licence = LicenceReader(environment=variables, clock=clock)
        self._decoder = msgspec.json.Decoder(_Answer)
        self._last: tuple[GpuSample, ...] = ()
        self._absent: Text | None = None
        self._absent_until_s = float("-inf")
        self._silence: Text = ""  # the kind of silence reported last

    @property
    def child_pid(self) -> int | None:
        """PID of the process that calls the driver; None if there is none."""
        return self._respondent.pid

    def read(self, t_s: float) -> Reading:
        """Return the driver's answer, or a late answer to an earlier question; wait only for a moment."""
        if self._script is not None:
            return self._script.read(t_s)
        if t_s < self._absent_until_s:
            return Reading()
        reply = self._respondent.ask(b'{"t_s": %r}' % t_s, self._patience_s)
        if reply.state == "pending" and not reply.trouble:
            return Reading()
        if reply.state != "answered":
            return self._silent(t_s, reply)
        answer = self._decoder.decode(reply.text)
        events = self._spoke_again(t_s)
        if answer.absent is not None:
            return Reading(self._none(t_s, answer.absent), events)
        self._absent = None
        return Reading(self._complete(answer.gpus), events)

    def read_complete(self, t_s: float, within_s: float = ABANDON_S) -> Reading:
        """Return one complete reading, with the licence's text, for callers that can wait up to ``within_s``."""
        until = time.monotonic() + within_s
        self._absent, self._absent_until_s = None, float("-inf")
        events: tuple[Event, ...] = ()
        reading = Reading()
        while time.monotonic() < until:
            reading = self.read(t_s)
            events += reading.events
            if reading.samples and not self._licence.busy:
                break
            time.sleep(READ_PAUSE_S)
        return Reading(reading.samples, events)

    def close(self) -> None:
        self._respondent.close()
        self._licence.close()

    def _none(self, t_s: float, reason: Text) -> tuple[GpuSample, ...]:
        # Report once that there is nothing to read, and stop the child.
        self._respondent.rest()
        self._absent_until_s = t_s + ABSENT_RECHECK_S
        if reason == self._absent:
            return ()
        self._absent = reason
        return (GpuSample(t_s=t_s, index=0, source="none", note=reason),)

    def _complete(self, gpus: tuple[GpuSample, ...]) -> tuple[GpuSample, ...]:
        # Add what the child does not know: owners of processes, the licence's text, name and UUID of a lost GPU.
        ours = frozenset(self._ours() if callable(self._ours) else self._ours)
        self._read_licence(gpus)
        known = {gpu.index: gpu for gpu in self._last}
        gpus = tuple(_identified(gpu, known.get(gpu.index)) for gpu in gpus)
        self._last = gpus
        return tuple(
            with_licence(with_owners(gpu, ours, self._proc), _match(gpu, self._licence.printed), self._licence.trouble)
            for gpu in gpus
        )

    def hurry(self) -> None:
        """Read the licence text again at the next read, if there is a licence; called after an alarm."""
        self._licence.hurry()

    def _read_licence(self, gpus: tuple[GpuSample, ...]) -> None:
        if not any(gpu.licence_stage or gpu.licence_supported for gpu in gpus):
            return
        enforced = any(gpu.licence_stage for gpu in gpus)
        before = {gpu.index: gpu.licence_stage for gpu in self._last}
        if any(before.get(gpu.index, gpu.licence_stage) != gpu.licence_stage for gpu in gpus):
            self._licence.hurry()
        self._licence.poll(self._licence_interval_s if enforced else LICENCE_ELSEWHERE_INTERVAL_S)

    def _silent(self, t_s: float, reply: Reply) -> Reading:
        # The samples hold only the length of the driver's silence.
        silence = describe(reply)
        kind: Text = reply.trouble or reply.state
        events: tuple[Event, ...] = ()
        if kind != self._silence:
            self._silence = kind
            what = "gpu-reader-ended" if reply.trouble else "gpu-call-overdue"
            events = (Noted(t_s=t_s, what=what, **as_fields(silence)),)
        known = self._last or (GpuSample(t_s=t_s, index=0),)
        return Reading(tuple(_blind(gpu, t_s, silence) for gpu in known), events)

    def _spoke_again(self, t_s: float) -> tuple[Event, ...]:
        if not self._silence:
            return ()
        self._silence = ""
        return (Noted(t_s=t_s, what="gpu-call-returned", message=ANSWERS_AGAIN()),)


def child_command() -> tuple[str, ...]:
    """Command that starts the child: only with the binding, independent of this process's imports and options."""
    spec = find_spec("pynvml")
    folder = Path(spec.origin).parent if spec and spec.origin else CHILD.parent
    return (sys.executable, "-I", "-S", str(CHILD), str(folder))


def describe(reply: Reply) -> Text:
    """Describe in one sentence why the driver's process has not answered."""
    if reply.trouble is None:
        return CALL_OVERDUE(call=reply.doing or READER(), silent=reply.silent_s)
    if reply.doing:
        silence = NO_READING_IN(silent=reply.silent_s, trouble=reply.trouble, call=reply.doing)
    else:
        silence = NO_READING(silent=reply.silent_s, trouble=reply.trouble)
    return joined(silence, STUCK(count=reply.stuck)) if reply.stuck else silence


def with_owners(gpu: GpuSample, ours: Collection[int], proc: Path) -> GpuSample:
    """Mark the GPU's processes that belong to the training; a PID that does not exist here is marked as hidden."""
    if not gpu.processes:
        return gpu
    processes, hidden = [], []
    for process in gpu.processes:
        name = process.name or _name_here(proc, process.pid)
        processes.append(msgspec.structs.replace(process, name=name, ours=process.pid in ours))
        if not (proc / str(process.pid)).exists():
            hidden.append(Unread(field="processes", why=PID_HIDDEN(pid=process.pid)))
    return msgspec.structs.replace(gpu, processes=tuple(processes), unread=(*gpu.unread, *hidden))


def with_licence(gpu: GpuSample, printed: PrintedLicence | None, trouble: Message | None) -> GpuSample:
    """Return the sample with the licence that nvidia-smi printed.

    ``printed``: None if nothing could be read; ``trouble`` is then the reason. The stage is set only if the licence is
    enforced, which depends on the kind of virtualization.
    """
    if printed is None:
        return _without_text(gpu, trouble or NOT_LISTED()) if gpu.licence_stage else gpu
    enforced = gpu.licence_stage or (gpu.virtualization is None and printed.virtualization == "VGPU")
    stage = printed.stage if printed.stage not in (None, "unknown") else gpu.licence_stage
    return msgspec.structs.replace(
        gpu,
        licence_text=printed.status,
        licence_product=printed.product or gpu.licence_product,
        licence_stage=stage if enforced else None,
    )


def _without_text(gpu: GpuSample, trouble: Message) -> GpuSample:
    # Until the text has been read, an unlicensed guest may be in any stage; without the text, the word is all we know.
    on_its_way = trouble == NOT_READ_YET() and gpu.licence_stage != "licensed"
    return msgspec.structs.replace(
        gpu,
        licence_stage="unknown" if on_its_way else gpu.licence_stage,
        unread=(*gpu.unread, Unread(field="licence_text", why=trouble)),
    )


def _match(gpu: GpuSample, printed: tuple[PrintedLicence, ...]) -> PrintedLicence | None:
    # The block of this GPU: by UUID, else by position (both list GPUs by PCI address).
    by_uuid = [block for block in printed if block.uuid and block.uuid == gpu.uuid]
    if len(by_uuid) == 1:
        return by_uuid[0]
    return printed[gpu.index] if gpu.index < len(printed) else None


def _identified(gpu: GpuSample, known: GpuSample | None) -> GpuSample:
    if known is None or gpu.name is not None:
        return gpu
    return msgspec.structs.replace(gpu, name=known.name, uuid=known.uuid)


def _blind(gpu: GpuSample, t_s: float, note: Text) -> GpuSample:
    return GpuSample(t_s=t_s, index=gpu.index, name=gpu.name, uuid=gpu.uuid, driver=gpu.driver, note=note)


def _name_here(proc: Path, pid: int) -> str | None:
    with contextlib.suppress(OSError):
        return (proc / str(pid) / "comm").read_text().strip() or None
    return None


def read_gpus(environment: Mapping[str, str], within_s: float) -> tuple[GpuSample, ...]:
    """Return one complete reading of all GPUs, for callers that ask the driver once and can wait up to ``within_s``."""
    probe = GpuProbe(environment=environment, patience_s=within_s)
    try:
        samples = probe.read_complete(0.0, within_s).samples
    finally:
        probe.close()
    return tuple(sample for sample in samples if isinstance(sample, GpuSample))
