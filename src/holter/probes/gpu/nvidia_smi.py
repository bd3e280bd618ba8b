"""The licence of a vGPU, from the text of ``nvidia-smi -q``.

NVML tells a guest only whether it is licensed. The stage of an unlicensed guest (full speed, throttled, refused) is
only in that text. The command reads every sensor and costs tens of milliseconds of CPU, so it is run rarely, and
only if a licence can matter.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from holter.probes.child.background_command import ABANDON_S, BackgroundCommand, Reaper
from holter.records import Message
from holter.sentences import define

LicenceStage = Literal["licensed", "unlicensed-unrestricted", "unlicensed-restricted", "unlicensed", "unknown"]

LICENCE_SECTIONS = ("vGPU Software Licensed Product", "GRID Licensed Product")  # since about 2021; before
# The first stage lasts 20 minutes, and a licence that arrives helps at once: half a minute is soon enough.
LICENCE_INTERVAL_S = 30.0
INDENT = 4  # spaces a level
NOT_AVAILABLE = ("", "N/A")
NOT_READ_YET = define("gpu.not-read-yet", "not read yet")
NO_NVIDIA_SMI = define("gpu.no-nvidia-smi", "nvidia-smi is not found")


class PrintedLicence(NamedTuple):
    """Licence and virtualization of one GPU's block; None for missing lines."""

    uuid: str | None = None
    virtualization: str | None = None
    product: str | None = None
    status: str | None = None

    @property
    def stage(self) -> LicenceStage | None:
        """Return the stage; None if the GPU has no licence section."""
        return None if self.status is None else licence_stage(self.status)


def licence_stage(status: str) -> LicenceStage:
    """Return the stage for a ``License Status``.

    A bare "Unlicensed" is the last stage (CUDA refused) on drivers that print stages in brackets. Older drivers print
    only that word. Both are "unlicensed" here.
    """
    words = status.strip().lower()
    if words.startswith("licensed"):
        return "licensed"
    if not words.startswith("unlicensed"):
        return "unknown"
    if "(unrestricted)" in words:
        return "unlicensed-unrestricted"
    if "(restricted)" in words:
        return "unlicensed-restricted"
    return "unlicensed"


def parse(text: str) -> tuple[PrintedLicence, ...]:
    """Return one record for each GPU, in the order of the text; unknown lines are skipped."""
    return tuple(_one_gpu(block) for block in _blocks(text))


def _blocks(text: str) -> list[list[str]]:
    # The indented lines under each line like ``GPU 00000000:02:00.0``.
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("GPU "):
            blocks.append([])
        elif blocks and line.startswith(" "):
            blocks[-1].append(line)
    return blocks


def _one_gpu(lines: list[str]) -> PrintedLicence:
    values: dict[tuple[str, str], str] = {}
    section = ""
    for line in lines:
        depth = (len(line) - len(line.lstrip(" "))) // INDENT
        label, colon, value = (part.strip() for part in line.partition(" :"))
        if depth <= 1:
            section = "" if colon else label
        if colon:
            values.setdefault((section, label), value)
    licence = next((title for title in LICENCE_SECTIONS if (title, "License Status") in values), "")
    return PrintedLicence(
        uuid=_said(values.get(("", "GPU UUID"))),
        virtualization=_said(values.get(("GPU Virtualization Mode", "Virtualization Mode"))),
        product=_said(values.get((licence, "Product Name"))) if licence else None,
        status=_said(values.get((licence, "License Status"))) if licence else None,
    )


def _said(value: str | None) -> str | None:
    return None if value is None or value in NOT_AVAILABLE else value


class LicenceReader:
    """Runs ``nvidia-smi -q`` now and then, without waiting for it."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = {**(os.environ if environment is None else environment), "LC_ALL": "C"}
        self._clock = clock
        self._due_s = float("-inf")
        self._background: BackgroundCommand | None = None
        self._killed = Reaper()
        self.printed: tuple[PrintedLicence, ...] = ()  # from the last text that was read
        self.trouble: Message | None = NOT_READ_YET()  # why there is none

    @property
    def busy(self) -> bool:
        return self._background is not None

    def hurry(self) -> None:
        """Make the next ``poll`` read again; called when something has changed."""
        self._due_s = float("-inf")

    def poll(self, interval_s: float = LICENCE_INTERVAL_S) -> bool:
        """Start ``nvidia-smi`` if that is due, or take its output if it has ended; return whether there is a result.

        Never waits. ``interval_s``: seconds from one start to the next.
        """
        still_there = self._killed.still_there()  # also reaps one that has died
        if self._background is None and self._clock() >= self._due_s and not still_there:
            self._due_s = self._clock() + interval_s
            self._begin()
        return self._background is not None and self._finish(self._background)

    def close(self) -> None:
        """Stop the command if it still runs."""
        if self._background is not None:
            self._background.close()
        self._killed.drain()

    def _begin(self) -> None:
        command = shutil.which("nvidia-smi", path=self._environment.get("PATH"))
        if command is None:
            self.printed, self.trouble = (), NO_NVIDIA_SMI()
            return
        self._background = BackgroundCommand(
            (command, "-q"),
            environment=self._environment,
            deadline_s=ABANDON_S,
            killed=self._killed,
            clock=self._clock,
        )

    def _finish(self, background: BackgroundCommand) -> bool:
        outcome = background.outcome()
        if outcome is None:
            return False
        background.close()
        self._background = None
        self.printed, self.trouble = parse(outcome.text) if outcome.trouble is None else (), outcome.trouble
        return True
