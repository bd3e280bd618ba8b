"""What the NVIDIA driver tells of each GPU, without ever waiting for the driver.

Every driver call is made in a child process (``gpu_child.py``), since a call may hang for ever and take its process
with it. A reading that is not there in time is given by the next one, under the time at which it was asked for. While
the driver is silent, samples say for how long and in which call.
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

# NVML averages utilisation over up to a second and every judgement on it spans ten or more, so reading it
# faster than every two seconds only costs.
INTERVAL_S = 2.0
ABSENT_RECHECK_S = 60.0  # a driver that appears during a run is rare; looking for it costs 50 ms of CPU
# Off a vGPU the licence decides nothing; its text is kept for people.
LICENCE_ELSEWHERE_INTERVAL_S = 600.0
SCRIPT_VARIABLE = "HOLTER_GPU_SCRIPT"
CHILD = Path(__file__).with_name("gpu_child.py")
LOOK_PAUSE_S = 0.02

# Said by the child (gpu_child.py), which sends keys and values.
NO_BINDING = define("gpu.no-binding", "the NVML binding (nvidia-ml-py) cannot be loaded: {error}")
NO_DRIVER = define("gpu.no-driver", "no NVIDIA driver here: libnvidia-ml.so.1 is not found")
NO_DRIVER_DEVICE = define(
    "gpu.no-driver-device",
    "no NVIDIA driver here: libnvidia-ml.so.1 is not found, {device} cannot be opened: {refusal}",
)
NOT_OPEN = define("gpu.not-open", "the NVIDIA driver does not open: {error}")
NOT_OPEN_DEVICE = define(
    "gpu.not-open-device", "the NVIDIA driver does not open: {error}, {device} cannot be opened: {refusal}"
)
NONE_LISTED = define("gpu.none-listed", "the NVIDIA driver lists no GPU")
UNREACHABLE = define("gpu.unreachable", "the driver does not reach this GPU: {error}")
IMPLAUSIBLE = define("gpu.implausible", "the driver answers {answer}")
IMPLAUSIBLE_MODE = define("gpu.implausible-mode", "the driver answers mode {answer}")
# Said here.
READER = define("gpu.reader", "the process that reads the GPU")
CALL_OVERDUE = define("gpu.call-overdue", "{call} has not returned for {silent:.0f} s")
NO_READING = define("gpu.no-reading", "no reading for {silent:.0f} s: the process that reads the GPU {trouble}")
NO_READING_IN = define(
    "gpu.no-reading-in", "no reading for {silent:.0f} s: the process that reads the GPU {trouble} (in {call})"
)
STUCK = define("gpu.stuck", "{count} killed before did not die")
ANSWERS_AGAIN = define("gpu.answers-again", "the NVIDIA driver answers again")
PID_HIDDEN = define("gpu.pid-hidden", "PID {pid} is not visible here")
NOT_LISTED = define("gpu.not-listed", "nvidia-smi does not list this GPU")

Ours = Callable[[], Collection[int]] | Collection[int]


class _Answer(msgspec.Struct):
    gpus: tuple[GpuSample, ...] = ()
    absent: Text | None = None


class GpuProbe:
    """All GPUs of the machine. ``ours`` names the PIDs of the watched tree, as a set or a function that gives it."""

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
        self._silence: Text = ""  # the kind of silence that was remarked on last

    @property
    def child_pid(self) -> int | None:
        """The process that talks to the driver."""
        return self._respondent.pid

    def read(self, t_s: float) -> Reading:
        """What the driver answers within a moment, or what it answered since; never waits for it."""
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

    def look(self, t_s: float, within_s: float = ABANDON_S) -> Reading:
        """One reading for somebody who can wait: with the licence's text, and with whatever the driver's state is."""
        until = time.monotonic() + within_s
        self._absent, self._absent_until_s = None, float("-inf")
        events: tuple[Event, ...] = ()
        reading = Reading()
        while time.monotonic() < until:
            reading = self.read(t_s)
            events += reading.events
            if reading.samples and not self._licence.busy:
                break
            time.sleep(LOOK_PAUSE_S)
        return Reading(reading.samples, events)

    def close(self) -> None:
        """End the children."""
        self._respondent.close()
        self._licence.close()

    def _none(self, t_s: float, reason: Text) -> tuple[GpuSample, ...]:
        """Say once that there is nothing to read, and let the child go."""
        self._respondent.rest()
        self._absent_until_s = t_s + ABSENT_RECHECK_S
        if reason == self._absent:
            return ()
        self._absent = reason
        return (GpuSample(t_s=t_s, index=0, source="none", note=reason),)

    def _complete(self, gpus: tuple[GpuSample, ...]) -> tuple[GpuSample, ...]:
        """Add what the child does not know: whose the processes are, the licence's text, who a lost GPU was."""
        ours = frozenset(self._ours() if callable(self._ours) else self._ours)
        self._look_at_licence(gpus)
        known = {gpu.index: gpu for gpu in self._last}
        gpus = tuple(_identified(gpu, known.get(gpu.index)) for gpu in gpus)
        self._last = gpus
        return tuple(
            with_licence(with_owners(gpu, ours, self._proc), _match(gpu, self._licence.printed), self._licence.trouble)
            for gpu in gpus
        )

    def hurry(self) -> None:
        """Something happened: read the licence text again at the next look, where it matters."""
        self._licence.hurry()

    def _look_at_licence(self, gpus: tuple[GpuSample, ...]) -> None:
        if not any(gpu.licence_stage or gpu.licence_supported for gpu in gpus):
            return
        enforced = any(gpu.licence_stage for gpu in gpus)
        before = {gpu.index: gpu.licence_stage for gpu in self._last}
        if any(before.get(gpu.index, gpu.licence_stage) != gpu.licence_stage for gpu in gpus):
            self._licence.hurry()
        self._licence.look(self._licence_interval_s if enforced else LICENCE_ELSEWHERE_INTERVAL_S)

    def _silent(self, t_s: float, reply: Reply) -> Reading:
        """Samples that hold nothing but how long the driver has been silent."""
        said = describe(reply)
        kind: Text = reply.trouble or reply.state
        events: tuple[Event, ...] = ()
        if kind != self._silence:
            self._silence = kind
            what = "gpu-reader-ended" if reply.trouble else "gpu-call-overdue"
            events = (Noted(t_s=t_s, what=what, **as_fields(said)),)
        known = self._last or (GpuSample(t_s=t_s, index=0),)
        return Reading(tuple(_blind(gpu, t_s, said) for gpu in known), events)

    def _spoke_again(self, t_s: float) -> tuple[Event, ...]:
        if not self._silence:
            return ()
        self._silence = ""
        return (Noted(t_s=t_s, what="gpu-call-returned", message=ANSWERS_AGAIN()),)


def child_command() -> tuple[str, ...]:
    """How the child is started: alone with the binding, whatever this process has imported or been told."""
    spec = find_spec("pynvml")
    folder = Path(spec.origin).parent if spec and spec.origin else CHILD.parent
    return (sys.executable, "-I", "-S", str(CHILD), str(folder))


def describe(reply: Reply) -> Text:
    """The silence in one sentence."""
    if reply.trouble is None:
        return CALL_OVERDUE(call=reply.doing or READER(), silent=reply.silent_s)
    if reply.doing:
        said = NO_READING_IN(silent=reply.silent_s, trouble=reply.trouble, call=reply.doing)
    else:
        said = NO_READING(silent=reply.silent_s, trouble=reply.trouble)
    return joined(said, STUCK(count=reply.stuck)) if reply.stuck else said


def with_owners(gpu: GpuSample, ours: Collection[int], proc: Path) -> GpuSample:
    """Mark our processes; a PID that does not exist here is named as such, not accused."""
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
    """Add nvidia-smi's words. The stage is told only where it is enforced, which the child decided from the mode."""
    if printed is None:
        return _without_text(gpu, trouble or NOT_LISTED()) if gpu.licence_stage else gpu
    enforced = gpu.licence_stage or (gpu.virtualization is None and printed.virtualization == "VGPU")
    told = printed.stage if printed.stage not in (None, "unknown") else gpu.licence_stage
    return msgspec.structs.replace(
        gpu,
        licence_text=printed.status,
        licence_product=printed.product or gpu.licence_product,
        licence_stage=told if enforced else None,
    )


def _without_text(gpu: GpuSample, trouble: Message) -> GpuSample:
    """While the text is on its way, an unlicensed guest may be in any stage; without it, all we know is the word."""
    on_its_way = trouble == NOT_READ_YET() and gpu.licence_stage != "licensed"
    return msgspec.structs.replace(
        gpu,
        licence_stage="unknown" if on_its_way else gpu.licence_stage,
        unread=(*gpu.unread, Unread(field="licence_text", why=trouble)),
    )


def _match(gpu: GpuSample, printed: tuple[PrintedLicence, ...]) -> PrintedLicence | None:
    """The block of this GPU: by UUID, else by place (both list GPUs by PCI address)."""
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
