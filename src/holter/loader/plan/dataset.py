"""The cases of a data set: their files, shapes and foreground, each read once."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from holter.errors import BadInput, coded
from holter.loader.plan.files import ArrayFile, observe
from holter.loader.plan.foreground import ForegroundLocations
from holter.loader.plan.foreground_file import FileLocations, Locations
from holter.loader.read_errors import FileUnreadable, attributed_to
from holter.loader.records import CaseFacts

Ending = Literal["b2nd", "npz"]

# 10,000 voxels of 4 classes take 0.25 MB: a thousand cases fit. With 117 classes they take 7 MB: 37 cases fit, and the
# voxels of the others are left in their files.
LOCATIONS_BUDGET_BYTES = 1 << 28


class CaseFiles(NamedTuple):
    """The array files of one case."""

    image: ArrayFile  # (C, z, y, x)
    seg: ArrayFile  # (S, z, y, x)
    previous: ArrayFile | None  # (z, y, x): the prediction of a cascade's previous stage


class Catalogue:
    """Cases by name. Thread-safe; no thread waits for another thread's file access."""

    def __init__(
        self,
        folder: Path,
        identifiers: Sequence[str],
        *,
        ending: Ending = "b2nd",
        previous_stage: Path | None = None,
        locations_budget_bytes: int = LOCATIONS_BUDGET_BYTES,
    ) -> None:
        if ending not in ("b2nd", "npz"):
            text = f"preprocessed data ending in {ending!r} is not known"
            raise BadInput(coded("unknown-ending", text, ending=repr(ending)), next_step="--loader stock")
        self.identifiers = tuple(identifiers)
        self._ending = ending
        # Resolved now, while the disk answers: a path with links does not show which mount hangs.
        self._folder = folder.resolve()
        self._previous = None if previous_stage is None else previous_stage.resolve()
        self._files: dict[str, CaseFiles] = {}
        self._facts: dict[str, tuple[CaseFiles, CaseFacts]] = {}
        self._locations: OrderedDict[str, Locations] = OrderedDict()
        self._locations_bytes = 0
        self._locations_budget_bytes = locations_budget_bytes
        self._lock = threading.Lock()

    def files(self, case: str) -> CaseFiles:
        """Return the files of a case with their headers.

        Raises:  FileUnreadable if one is missing or damaged, or they do not belong together.
        """
        files = self._files.get(case)
        if files is None:
            files = self._read_blosc2(case) if self._ending == "b2nd" else self._read_numpy(case)
            _check_shapes(files)
            self._files[case] = files
        return files

    def known_files(self, case: str) -> CaseFiles | None:
        """Return the files of a case if their headers were read already, else None; reads nothing."""
        return self._files.get(case)

    def facts(self, case: str) -> CaseFacts:
        """Return channels and shape.

        Raises:  FileUnreadable, as ``files``.
        """
        image, seg, previous = files = self.files(case)
        held = self._facts.get(case)
        if held is not None and held[0] is files:
            return held[1]
        facts = CaseFacts(
            channels=image.shape[0],
            seg_channels=seg.shape[0] + (previous is not None),
            shape=image.shape[1:],
            bytes_in_memory=sum(file.nbytes for file in (image, seg, previous) if file is not None),
        )
        self._facts[case] = (files, facts)
        return facts

    def locations(self, case: str) -> Locations:
        """Return the foreground voxels of a case.

        Raises:  FileUnreadable if the properties are missing or damaged.
        """
        with self._lock:
            held = self._locations.get(case)
            if held is not None:
                self._locations.move_to_end(case)
                return held
        file = self._folder / f"{case}.pkl"
        with attributed_to(file):
            locations = self._left_in(file) or _read(file)
        self._keep(case, locations)
        return locations

    def _left_in(self, file: Path) -> FileLocations | None:
        # None: they fit into memory, or the file is not as today's nnU-Net writes it. Its size is four times what the
        # voxels take.
        if self._locations_bytes + file.stat().st_size // 4 <= self._locations_budget_bytes:
            return None
        try:
            return FileLocations(file)
        except (pickle.UnpicklingError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, EOFError):
            return None

    def forget(self, case: str) -> None:
        """Forget a case, so that its files are read again on the next request."""
        self._files.pop(case, None)
        with self._lock:
            gone = self._locations.pop(case, None)
            self._locations_bytes -= gone.nbytes if gone is not None else 0

    def _keep(self, case: str, locations: Locations) -> None:
        with self._lock:
            if case not in self._locations:
                self._locations[case] = locations
                self._locations_bytes += locations.nbytes
            while self._locations_bytes > self._locations_budget_bytes and len(self._locations) > 1:
                _, oldest = self._locations.popitem(last=False)
                self._locations_bytes -= oldest.nbytes

    def _read_blosc2(self, case: str) -> CaseFiles:
        previous = None if self._previous is None else observe(self._previous / f"{case}.b2nd")
        return CaseFiles(observe(self._folder / f"{case}.b2nd"), observe(self._folder / f"{case}_seg.b2nd"), previous)

    def _read_numpy(self, case: str) -> CaseFiles:
        previous = None if self._previous is None else _unpacked_or_packed(self._previous, case, case, "seg")
        return CaseFiles(
            _unpacked_or_packed(self._folder, case, case, "data"),
            _unpacked_or_packed(self._folder, f"{case}_seg", case, "seg"),
            previous,
        )


def _read(file: Path) -> ForegroundLocations:
    with file.open("rb") as opened:
        # nnU-Net's own file in the user's own folder: the stock loader unpickles it for each sample.
        properties: dict[str, Any] = pickle.load(opened)
        return ForegroundLocations(properties["class_locations"])


def _unpacked_or_packed(folder: Path, unpacked: str, packed: str, member: str) -> ArrayFile:
    # nnU-Net also prefers the ``.npy`` file to the member of the archive.
    file = folder / f"{unpacked}.npy"
    return observe(file) if file.is_file() else observe(folder / f"{packed}.npz", member)


def _check_shapes(files: CaseFiles) -> None:
    image, seg, previous = files
    for file, axes in ((image, 4), (seg, 4), (previous, 3)):
        if file is None:
            continue
        if len(file.shape) != axes or 0 in file.shape:
            text = f"its shape is {file.shape}; {axes} axes were expected"
            raise FileUnreadable(file.path, coded("shape-axes", text, shape=str(file.shape), axes=axes))
        if file.shape[-3:] != image.shape[-3:]:
            text = f"its shape is {file.shape}, that of the image {image.shape}"
            raise FileUnreadable(file.path, coded("shape-image", text, shape=str(file.shape), image=str(image.shape)))
