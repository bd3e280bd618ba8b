"""Facts about which processes hold the memory of a GPU, from PyTorch's "CUDA out of memory"; used if no probe read it.

Since PyTorch 2.1 the message lists the processes that NVML knows. Older messages show only the share of this process.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from holter.evidence.fact_book import FactBook
from holter.evidence.facts.gpu import graphics
from holter.evidence.messages import messages_around
from holter.evidence.window import Window
from holter.patterns import later
from holter.sizes import format_bytes

_SIZE = r"(\d+(?:\.\d*)?) (bytes|[KMGT]iB)"
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_TOTAL = later(rf"total capac\w+ of {_SIZE}|{_SIZE} total capacity")
_FREE = later(rf"of which {_SIZE} is free|{_SIZE} free")
_OWN = later(rf"this process has {_SIZE} memory in use")
_OTHER = later(rf"Process (\d+) has {_SIZE} memory in use")
_RESERVED = later(rf"{_SIZE} reserved in total by PyTorch")
_ALLOCATED = later(rf"{_SIZE} is allocated by PyTorch")
_LABEL = later(r"\bGPU \d+\b")
_CACHED = later(rf"{_SIZE} is reserved by PyTorch but unallocated")


class Account(NamedTuple):
    """The memory of one GPU when it ran out, in bytes."""

    text: str
    total: float
    free: float
    own: float | None  # of this process by NVML; None: not printed
    reserved: float | None  # of this process by PyTorch, which does not count its CUDA context
    others: tuple[tuple[int, float], ...]  # PID and bytes

    @property
    def unlisted(self) -> float:
        """Memory in use that no listed process holds, in bytes."""
        own = self.own if self.own is not None else self.reserved or 0.0
        return self.total - self.free - own - sum(held for _, held in self.others)


def collect(window: Window, book: FactBook) -> None:
    """Add the facts about which processes hold the memory, if the exception says so."""
    if not book.value("exception.cuda_oom") or window.gpus(window.all):
        return
    gpu_account = next((parsed for text in messages_around(window) if (parsed := read(text)) is not None), None)
    if gpu_account is None:
        return
    book.known("gpu.memory_ratio", (gpu_account.total - gpu_account.free) / gpu_account.total)
    left = gpu_account.unlisted if gpu_account.unlisted >= graphics.ZOMBIE_BYTES else 0.0
    held = [(str(pid), bytes_) for pid, bytes_ in gpu_account.others if bytes_ >= graphics.FOREIGN_BYTES]
    if gpu_account.own is not None:
        book.known("gpu.zombie_bytes", left)
    elif left:  # without a list of processes the holder is unknown, and may still be running
        held.append(("?", left))
    foreign = tuple(f"PID {pid} ({format_bytes(bytes_)})" for pid, bytes_ in held)
    if foreign or gpu_account.own is not None:
        book.known("gpu.foreign_processes", foreign)
    if foreign or left:
        book.known("gpu.shared", "memory", graphics.HELD_BY_OTHERS() if foreign else graphics.HELD_BY_GONE())
    else:
        book.not_applicable("gpu.shared", graphics.OUR_MEMORY())
    gpu = _LABEL.search(gpu_account.text)
    book.known("gpu.label", gpu[0] if gpu else None, unless=graphics.WHICH())


def read(text: str) -> Account | None:
    """Return the numbers in one exception; None if it lacks the size of the GPU or the share of this process."""
    total, free = _bytes(_TOTAL, text), _bytes(_FREE, text)
    if not total or free is None:
        return None
    # Where NVML does not know, as in WSL, 2**64 bytes are printed. Message and traceback both contain the line: each
    # PID counts once.
    listed = {int(match[1]): _of(match[2], match[3]) for match in _OTHER.finditer(text)}
    others = [(pid, held) for pid, held in listed.items() if held <= total]
    own = _bytes(_OWN, text)
    own = own if own is not None and own <= total else None
    allocated, cached = _bytes(_ALLOCATED, text), _bytes(_CACHED, text)
    reserved = allocated + (cached or 0.0) if allocated is not None else _bytes(_RESERVED, text)
    if own is None and reserved is None:
        return None
    if own is None:
        # In a container the PID that NVML lists differs: our process is the one that holds what we hold.
        own_entry = min(
            (entry for entry in others if entry[1] >= (reserved or 0.0)), key=lambda entry: entry[1], default=None
        )
        own = own_entry[1] if own_entry is not None else None
        others = [entry for entry in others if entry is not own_entry]
    return Account(text, total, free, own, reserved, tuple(others))


def _bytes(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return _of(*[group for group in match.groups() if group is not None]) if match else None


def _of(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]
