"""A GPU with values from a file, for demonstrations: every sample is marked "simulated".

The file holds one JSON object for one GPU, or an array of objects, or one object a line (JSON Lines) for several.
Keys are fields of ``GpuSample``; ``index`` defaults to the place in the file, ``t_s`` and ``source`` are set here::

    {"name": "GRID T4-8Q", "virtualization": "vgpu", "utilization_ratio": 0.97, "licence_supported": true,
     "licence_stage": "unlicensed-unrestricted", "licence_text": "Unlicensed (Unrestricted)",
     "unread": ["power_w: not supported"]}

The file is read again when it changes. To change it, write a new file and rename it over the old one.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from holter.probes import Reading
from holter.records import GpuSample, Noted


class GpuScript:
    """Reads the file; if the file is invalid, keeps the last state and adds a note."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._gpus: tuple[GpuSample, ...] = ()

    def read(self, t_s: float) -> Reading:
        """Return the scripted state at this time."""
        events: tuple[Noted, ...] = ()
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._seen:
                self._seen = stamp
                self._gpus = parse(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            events = (Noted(t_s=t_s, what="gpu-script-unreadable", text=f"{self._path}: {error}"),)
        return Reading(tuple(msgspec.structs.replace(gpu, t_s=t_s) for gpu in self._gpus), events)


def parse(text: str) -> tuple[GpuSample, ...]:
    """Return the GPUs of the file; raises ValueError."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = [json.loads(line) for line in text.splitlines() if line.strip()]
    states = content if isinstance(content, list) else [content]
    return tuple(_gpu(state, place) for place, state in enumerate(states))


def _gpu(state: object, place: int) -> GpuSample:
    if not isinstance(state, dict):
        raise ValueError("a GPU is a JSON object with fields of GpuSample")
    unknown = set(state) - set(GpuSample.__struct_fields__)
    if unknown:
        raise ValueError(f"not a field of GpuSample: {', '.join(sorted(unknown))}")
    return msgspec.convert({"index": place, **state, "t_s": 0.0, "source": "simulated"}, GpuSample)
