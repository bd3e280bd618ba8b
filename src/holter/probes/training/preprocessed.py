"""Work on a preprocessed data set that nnU-Net has to do at the start of a training: the split, unpacking of cases.

Two trainings that start together write the same files, and one may read a file that the other has half written
(docs/upstream.md). Everything here is read-only.
"""

from __future__ import annotations

import ast
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from holter.texts.plans import describe_plans
from holter.texts.training_command import TrainingCommand

SPLITS_FILE = "splits_final.json"
USUAL_FOLDS = 5  # nnU-Net makes this many splits if there are none
MAGIC = b"\x93NUMPY"
# Headers of nnU-Net's arrays are 128 bytes long; four axes and a type always fit into this.
HEADER_BYTES = 4096

Kind = Literal["splits", "unpack"]


class Job(Protocol):
    """Work at the start that one training does for all that use the same files.

    ``name``: trainings with a job of the same name share its work; the lock file has this name too.
    """

    kind: Kind
    name: str

    def left(self) -> int:
        """Return the number of parts that are not done: 0 when all is done."""

    def torn(self) -> tuple[Path, ...]:
        """Return half-written files that can be removed because nnU-Net makes them again from other, whole files."""


class Splits:
    """``splits_final.json``: ``do_split`` writes it in place if it is missing."""

    kind: Kind = "splits"
    name = "splits"

    def __init__(self, dataset: Path) -> None:
        self._file = dataset / SPLITS_FILE

    def left(self) -> int:
        """Return 1 if it is missing or half written, else 0."""
        try:
            json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return 1
        except OSError:  # it exists, and nnU-Net will report the error
            return 0
        return 0

    def torn(self) -> tuple[Path, ...]:
        """Return (): a half-written file may be the user's own split, and nnU-Net would silently make another."""
        return ()


class Unpacking:
    """``.npy`` files beside ``.npz``: written by ``unpack_dataset``; data of nnU-Net before 2.6 need them."""

    kind: Kind = "unpack"

    def __init__(self, cases: Path) -> None:
        self.name = f"unpack-{cases.name}"
        self._folder = cases
        self._done: set[str] = set()

    def left(self) -> int:
        """Return the number of cases that are not fully unpacked."""
        names, packed = self._list()
        return sum(not all(self._is_done(file, names) for file in _unpacked(case)) for case in packed)

    def torn(self) -> tuple[Path, ...]:
        """Return arrays that a killed training left half written. nnU-Net removes them too, but after its first batch.

        An array that cannot be read now, or has a strange header, may be whole and is not returned.
        """
        names, packed = self._list()
        unfinished = [file for case in packed for file in _unpacked(case) if file in names and file not in self._done]
        return tuple(file for name in sorted(unfinished) if is_whole_array(file := self._folder / name) is False)

    def _list(self) -> tuple[set[str], list[str]]:
        # Names in the folder, and the cases that have an archive; no cases if nothing has to be unpacked.
        try:
            names = {entry.name for entry in self._folder.iterdir()}
        except OSError:
            return set(), []
        if any(name.endswith(".b2nd") for name in names):
            return names, []  # the newer format, which needs no unpacking
        return names, [name.removesuffix(".npz") for name in names if name.endswith(".npz")]

    def _is_done(self, name: str, names: set[str]) -> bool:
        if name not in self._done and name in names and is_whole_array(self._folder / name):
            self._done.add(name)
        return name in self._done


def _unpacked(case: str) -> tuple[str, str]:
    return f"{case}.npy", f"{case}_seg.npy"


def folds_in(dataset: Path) -> int | None:
    """Return the number of folds in the splits of a preprocessed data set; None if there are no splits yet."""
    try:
        splits = json.loads((dataset / SPLITS_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return len(splits) if isinstance(splits, list) else None


def folds_of(dataset: Path) -> tuple[str, ...]:
    """Return the folds of a preprocessed data set: those of its splits, or nnU-Net's five as long as it has none."""
    return tuple(map(str, range(folds_in(dataset) or USUAL_FOLDS)))


def jobs_of(training: TrainingCommand, environ: Mapping[str, str]) -> tuple[Path, tuple[Job, ...]] | None:
    """Return the folder of a training's preprocessed data set and its start-up jobs there; None if unknown."""
    root, dataset = environ.get("nnUNet_preprocessed"), training.dataset_name(environ)
    if not root or dataset is None:
        return None
    folder = Path(root) / dataset
    jobs: list[Job] = []
    if training.fold != "all":
        jobs.append(Splits(folder))
    identifier = dict(describe_plans(training, environ)).get("data_identifier")
    if identifier and not training.validation_only:
        jobs.append(Unpacking(folder / identifier))
    return folder, tuple(jobs)


def is_whole_array(file: Path) -> bool | None:
    """Whether a ``.npy`` is as long as its header says. None if it cannot be read or its header is strange."""
    try:
        with file.open("rb") as opened:
            head = opened.read(HEADER_BYTES)
            size = os.fstat(opened.fileno()).st_size
    except OSError:
        return None
    if head[: len(MAGIC)] != MAGIC[: len(head)]:
        return None
    begin = 10 if head[6:7] == b"\x01" else 12  # the length of the header takes more bytes in later versions
    length = int.from_bytes(head[8:begin], "little")
    if len(head) < begin or len(head) < begin + length <= HEADER_BYTES:
        return False if size == len(head) else None
    try:
        described = ast.literal_eval(head[begin : begin + length].decode("latin-1").strip())
        items, item = math.prod(described["shape"]), re.search(r"\d+$", described["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError):
        return None
    return None if item is None else size >= begin + length + items * int(item[0])
