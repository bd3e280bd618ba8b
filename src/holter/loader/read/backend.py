"""Choose how to read files, once at the start, by trying it on real data."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from holter.errors import CodedText, coded
from holter.linux.mounts import mount_of_file
from holter.loader.plan.blosc2_header import nbytes
from holter.loader.plan.files import ARCHIVE, BLOSC2, ArrayFile
from holter.loader.read.libblosc2 import Library, library
from holter.loader.read.scratch import Scratch
from holter.loader.read.sources import ArraySource, Blosc2Source, PythonSource, Source
from holter.loader.read_errors import FileUnreadable, attributed_to, detail_of
from holter.loader.records import Shape
from holter.sizes import format_bytes

Kind = Literal["libblosc2", "libblosc2-mapped", "python-blosc2", "numpy"]

COST = coded(
    "read-cost", "the training loop waits while a box is decompressed (8-200 ms), and more threads read no faster"
)
MOST_COMPARED = 64  # voxels along an axis: several blocks, both ends of a chunk, and only 10 ms


class Backend(NamedTuple):
    """A way to open files, and a note about it for the user."""

    kind: Kind
    note: str  # empty: no problem

    def open(self, file: ArrayFile, scratch: Scratch) -> Source:
        """Open an array file for use by one thread. ``scratch``: temporary memory of this thread.

        Raises:  FileUnreadable.
        """
        with attributed_to(file.path):
            if file.path.suffix == ARCHIVE:
                with np.load(file.path) as archive:
                    return ArraySource(archive[file.member])
            if file.path.suffix != BLOSC2:
                return ArraySource(np.asarray(np.load(file.path, mmap_mode="r")), file)
            c_library = library() if self.kind.startswith("libblosc2") else None
            if c_library is None:
                return PythonSource(file)
            return Blosc2Source(c_library, file, scratch, self.kind == "libblosc2-mapped")


def choose(file: ArrayFile, c_library: Library | None) -> Backend:
    """Return how to read files like this one: through the C library, if it reads a part equal to python-blosc2's.

    Else through python-blosc2; files that are not ``.b2nd`` are read by numpy.
    Raises:  FileUnreadable if python-blosc2 cannot read this file either.
    """
    if file.path.suffix != BLOSC2:
        return Backend("numpy", _archive_note(file))
    if c_library is None:
        text = f"python-blosc2's wheel has no libblosc2 that we know: {COST}"
        return Backend("python-blosc2", coded("no-libblosc2", text, cost=COST))
    kinds: tuple[Kind, ...] = ("libblosc2-mapped", "libblosc2") if _needs_map(file, c_library) else ("libblosc2",)
    reasons: list[CodedText] = []
    for kind in kinds:
        reason = _difference(file, Backend(kind, ""))
        if reason is None:
            return Backend(kind, _stdio_note(reasons))
        reasons.append(coded("read-kind", f"{kind}: {reason}", kind=kind, reason=reason))
    text = f"libblosc2 is not used ({', '.join(reasons)}): {COST}"
    return Backend("python-blosc2", coded("libblosc2-unused", text, reasons=reasons, cost=COST))


def _needs_map(file: ArrayFile, c_library: Library) -> bool:
    # Libraries that reopen the file for each block need one more round trip per block; for those a map is faster.
    # c-blosc2 3.3.5 keeps the file open. From a file system with 2 ms per request, its plain reads are as fast as a map
    # (0.43 and 0.44 s for 128^3 voxels), and a server failure gives an error; through a map it kills the process.
    mount = mount_of_file(file.path)
    if mount is None or not mount.may_hang:
        return False
    try:
        handle = c_library.open(file.path)
    except OSError:
        return False
    try:
        return str(file.path.resolve()) not in _open_files()
    finally:
        c_library.close(handle)


def _open_files() -> set[str]:
    names = set()
    for link in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            names.add(str(link.readlink()))
    return names


def _stdio_note(reasons: list[CodedText]) -> str:
    if not reasons:
        return ""
    text = f"no memory map over the network ({reasons[0]}): each box takes about a thousand round trips"
    return coded("no-memory-map", text, reason=reasons[0])


def _archive_note(file: ArrayFile) -> str:
    if file.path.suffix != ARCHIVE:
        return ""
    size = format_bytes(file.nbytes)
    text = f"whole cases are decompressed for each sample ({size} here); unpack them to .npy, as nnU-Net does"
    return coded("cases-packed", text, size=file.nbytes)


def _difference(file: ArrayFile, backend: Backend) -> str | None:
    # None: the result equals python-blosc2's at every corner of the case. FileUnreadable if python-blosc2 cannot read
    # it either.
    boxes = _boxes(file.shape, file.chunks)
    with attributed_to(file.path):
        reference = PythonSource(file)
        wanted = [_box_of(reference, *box) for box in boxes]
    try:
        candidate = backend.open(file, Scratch())
    except FileUnreadable as error:
        return error.detail
    try:
        for (start, stop), voxels in zip(boxes, wanted, strict=True):
            if _box_of(candidate, start, stop) != voxels:
                text = f"voxels {start} to {stop} of {file.path.name} differ from python-blosc2's"
                return coded("voxels-differ", text, start=str(start), stop=str(stop), file=file.path.name)
    except OSError as error:
        return detail_of(error)
    finally:
        candidate.close()
    return None


def _box_of(source: Source, start: Shape, stop: Shape) -> bytes:
    voxels = np.empty([high - low for low, high in zip(start, stop, strict=True)], source.dtype)
    source.read(start, stop, voxels)
    return voxels.tobytes()


def _boxes(shape: Shape, chunks: Shape | None) -> list[tuple[Shape, Shape]]:
    # The first corner, the last, one chunk if it is small, and a box across the middle.
    size = tuple(min(extent, MOST_COMPARED) for extent in shape)
    starts = [
        tuple(0 for _ in shape),
        tuple(extent - part for extent, part in zip(shape, size, strict=True)),
        tuple((extent - part) // 2 for extent, part in zip(shape, size, strict=True)),
    ]
    boxes = [(start, tuple(low + part for low, part in zip(start, size, strict=True))) for start in starts]
    if chunks is not None and nbytes(chunks, np.dtype(np.float32)) < 1 << 24:
        boxes.append((starts[0], tuple(min(pair) for pair in zip(shape, chunks, strict=True))))
    return boxes


def default_backend(file: ArrayFile) -> Backend:
    """Return what ``choose`` returns, with the C library of the installed python-blosc2."""
    return choose(file, library())
