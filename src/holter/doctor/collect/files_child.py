"""Check a share of the preprocessed cases; run as a file by the training's own Python, one process per share.

``files_child.py FOLDER SHARE SHARES SECONDS [FILE…]``: first compare the length of every file with its header, then
read the contents, segmentations first, until the time is up. One line of JSON per step. Each file is named before it
is read, so that a file that hangs or kills this process is known. FILE…: files that did so before; they are skipped.
A problem is a code with values (its sentence is in ``probes.training.remarks``), or the error of the library that read
the file.
Without numpy and blosc2 only lengths are checked. Nothing is memory-mapped: a truncated file would end the process.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import pickle
import struct
import sys
import time
import zipfile
from typing import Any

# ruff: noqa: PTH116, PTH118, PTH123, PTH208 -- runs in environments of any age; it prints plain names
BLOSC2_MAGIC = b"b2frame\0"
NUMPY_MAGIC = b"\x93NUMPY"
Problem = dict[str, Any]
MANY_LABELS = 50  # with more wrong values it is not a segmentation
SEGMENTATION = "_seg"


def tell(**facts: Any) -> None:
    """Print the facts to stdout as one line of JSON, without buffering: this process may be killed at any time."""
    print(json.dumps(facts), flush=True)


def cases_of(names: set[str]) -> list[str]:
    """Return the case identifiers of all files, whatever their kind."""
    stems = {name.rsplit(".", 1)[0] for name in names if name.endswith((".b2nd", ".npz", ".npy", ".pkl"))}
    return sorted({stem[: -len(SEGMENTATION)] if stem.endswith(SEGMENTATION) else stem for stem in stems})


def files_of(case: str, names: set[str]) -> tuple[list[str], list[str]]:
    """Return the files of a case, segmentation first, and the missing ones."""
    packed = f"{case}.npz" in names
    kind = "npz" if packed or f"{case}.npy" in names else "b2nd"
    wanted = [f"{case}.npz", f"{case}.pkl"] if packed else [f"{case}_seg.{kind}", f"{case}.{kind}", f"{case}.pkl"]
    extra = [f"{case}_seg.npy", f"{case}.npy"] if packed else []
    present = [name for name in (*wanted, *extra) if name in names]
    return present, [name for name in wanted if name not in names]


def length_problem(path: str) -> Problem | None:
    """Compare the file's length with its header; return the problem, or None."""
    size = os.stat(path).st_size
    if size == 0:
        return {"code": "nothing-in-it"}
    with open(path, "rb") as file:
        head = file.read(4096)
    if path.endswith(".b2nd"):
        if head[2:10] != BLOSC2_MAGIC:
            return {"code": "not-blosc2"}
        return _short(size, int.from_bytes(head[16:24], "big"))
    if path.endswith(".npy"):
        return _numpy_problem(head, size)
    if path.endswith(".npz") and not zipfile.is_zipfile(path):
        return {"code": "not-zip"}
    return None


def _short(size: int, wanted: int) -> Problem | None:
    return {"code": "cut-short", "size": size, "wanted": wanted} if size < wanted else None


def _numpy_problem(head: bytes, size: int) -> Problem | None:
    if not head.startswith(NUMPY_MAGIC):
        return {"code": "not-numpy"}
    wide = head[6] > 1
    length = struct.unpack_from("<I" if wide else "<H", head, 8)[0]
    begin = 12 if wide else 10
    header = ast.literal_eval(head[begin : begin + length].decode("latin-1"))
    item = int("".join(letter for letter in header["descr"] if letter.isdigit()))
    count = 1
    for side in header["shape"]:
        count *= side
    return _short(size, begin + length + count * item)


class Contents:
    """Reads files with the libraries of the training's Python."""

    def __init__(self) -> None:
        self.numpy = importlib.import_module("numpy")
        try:
            self.blosc2: Any = importlib.import_module("blosc2")
            self.blosc2.set_nthreads(1)
        except ImportError:
            self.blosc2 = None

    def read(self, path: str) -> dict[str, Any]:
        """Read one file to its end and return facts; raises any error of the file."""
        if path.endswith(".pkl"):
            return self._properties(path)
        if path.endswith(".b2nd"):
            if self.blosc2 is None:
                raise NotHereError
            return self._chunks(path)
        if path.endswith(".npz"):
            with self.numpy.load(path) as archive:
                parts = {name: archive[name] for name in archive.files}
            sizes = {"unpacked_bytes": sum(int(part.nbytes) for part in parts.values())}
            return {**sizes, **({"labels": self._values(parts["seg"])} if "seg" in parts else {})}
        array = self.numpy.load(path)
        return {"labels": self._values(array)} if _is_segmentation(path) else {}

    def _chunks(self, path: str) -> dict[str, Any]:
        # Chunk by chunk: a whole image may be larger than the free memory. Padding of chunks is background.
        array = self.blosc2.open(urlpath=path, mode="r")
        seen: set[int] = set()
        for number in range(array.schunk.nchunks):
            chunk = array.schunk.decompress_chunk(number)
            if _is_segmentation(path):
                seen |= set(self._values(self.numpy.frombuffer(chunk, dtype=array.dtype)))
        return {"labels": sorted(seen)[:MANY_LABELS]} if _is_segmentation(path) else {}

    def _values(self, array: Any) -> list[int]:
        return [int(value) for value in self.numpy.unique(array)[:MANY_LABELS]]

    def _properties(self, path: str) -> dict[str, Any]:
        with open(path, "rb") as file:
            properties = pickle.load(file)  # nnU-Net wrote it, and the training loads it too
        names = ("spacing", "shape_before_cropping", "shape_after_cropping_and_before_resampling")
        return {
            "properties": {name: [float(number) for number in properties[name]] for name in names if name in properties}
        }


class NotHereError(Exception):
    """This Python has no blosc2 and cannot read such files; the file itself may be fine."""


class Share:
    """The preprocessed cases that this process checks."""

    def __init__(self, folder: str, share: int, shares: int, seconds: float, left_out: set[str]) -> None:
        self.folder = folder
        self.until = time.monotonic() + seconds
        names = set(os.listdir(folder))
        everything = cases_of(names)
        cases = everything[share::shares]
        self.files = {case: [name for name in files_of(case, names)[0] if name not in left_out] for case in cases}
        self.bad: set[str] = set()
        if share == 0:
            tell(cases=len(everything), files=sum(len(files_of(case, names)[0]) for case in everything))
        missing = [name for case in cases for name in files_of(case, names)[1]]
        archives = [case for case in cases if f"{case}.npz" in names]
        packed = [case for case in archives if f"{case}.npy" not in names]
        tell(missing=missing, archives=len(archives), needs_unpacking=len(packed))

    def lengths(self) -> None:
        """Compare the length of every file with its header, until the time is up: one stat and one small read each."""
        for names in self.files.values():
            for name in names:
                if time.monotonic() > self.until:
                    return
                path = os.path.join(self.folder, name)
                tell(doing=name)
                try:
                    problem: Any = length_problem(path)
                    facts: dict[str, Any] = {"bytes": os.stat(path).st_size}
                except (OSError, ValueError, SyntaxError, KeyError, struct.error) as error:
                    problem, facts = f"{type(error).__name__}: {error}", {}
                if problem:
                    self.bad.add(name)
                    facts["bad"] = problem
                tell(length=name, **facts)

    def contents(self) -> None:
        """Read the files until the time is up: properties of all cases, then segmentations, then images."""
        try:
            reader = Contents()
        except ImportError as error:
            tell(unread=f"{type(error).__name__}: {error}")
            return
        everything = [name for names in self.files.values() for name in names if name not in self.bad]
        for name in sorted(everything, key=_turn):
            if time.monotonic() > self.until:
                return
            tell(doing=name)
            try:
                tell(whole=name, **reader.read(os.path.join(self.folder, name)))
            except NotHereError:
                tell(unread={"code": "no-blosc2"})
                return
            except Exception as error:  # noqa: BLE001 - the training would get the same error
                tell(whole=name, bad=f"{type(error).__name__}: {error}"[:200])


def _is_segmentation(path: str) -> bool:
    return path.rsplit(".", 1)[0].endswith(SEGMENTATION)


def _turn(name: str) -> int:
    if name.endswith(".pkl"):
        return 0
    return 1 if _is_segmentation(name) or name.endswith(".npz") else 2


def main() -> None:
    """Check one share of the cases, until all is read or the time is up."""
    sys.path.pop(0)  # our own folder: its modules must not hide the training's
    try:
        os.listdir(sys.argv[1])
    except OSError as error:
        tell(unread=f"{error.strerror}", done=True)
        return
    share = Share(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), set(sys.argv[5:]))
    share.lengths()
    share.contents()
    tell(done=True)


if __name__ == "__main__":
    main()
