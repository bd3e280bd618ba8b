"""Read the voxels of a plan: from memory if the case is kept there, else from its files."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from holter.loader.plan.dataset import CaseFiles, Catalogue
from holter.loader.plan.files import ArrayFile
from holter.loader.read.backend import Backend
from holter.loader.read.crop import IMAGE_OUTSIDE, SEG_OUTSIDE, read_box
from holter.loader.read.handles import Handles
from holter.loader.read.libblosc2 import library
from holter.loader.read.ram import KeptCase, RamCache, read_whole
from holter.loader.read.sources import Source
from holter.loader.read.together import FLOAT32, TYPES, add_read
from holter.loader.read_errors import attributed_to, in_case, reading_together
from holter.loader.records import SamplePlan
from holter.loader.stage.buffers import Sample, SampleBuffers
from holter.transforms.kernels import kernels


class _Open(NamedTuple):
    """The arrays of one case, in memory or in files; ``files`` are for error messages."""

    image: Source
    seg: Source
    previous: Source | None
    files: CaseFiles


class CaseReader:
    """Reads samples for one thread, with file handles of its own."""

    def __init__(self, catalogue: Catalogue, backend: Backend, ram: RamCache, *, is_2d: bool) -> None:
        self._catalogue, self._ram, self._is_2d = catalogue, ram, is_2d
        self._handles = Handles(backend)
        # Whole cases of archives would be in memory for each sample; other files are rare.
        self.may_read_together = backend.kind.startswith("libblosc2") and kernels() is not None

    def read(self, plan: SamplePlan, buffers: SampleBuffers) -> Sample:
        """Return one sample: the voxels that its plan needs, read into ``buffers``.

        Raises:  CaseTrouble.
        """
        with in_case(plan.case):
            image, seg = buffers.views(plan.channels, plan.seg_channels, plan.needed.size)
            arrays = self._open(plan.case)
            own = seg.shape[0] - (arrays.previous is not None)
            scratch = self._handles.scratch
            with attributed_to(arrays.files.image.path):
                read_box(arrays.image, plan.needed, image, IMAGE_OUTSIDE, scratch)
            with attributed_to(arrays.files.seg.path):
                read_box(arrays.seg, plan.needed, seg[:own], SEG_OUTSIDE, scratch)
            if arrays.previous is not None and arrays.files.previous is not None:
                with attributed_to(arrays.files.previous.path):
                    read_box(arrays.previous, plan.needed, seg[own], SEG_OUTSIDE, scratch)
        return self._sample(plan, buffers, image, seg)

    def read_together(self, plans: Sequence[SamplePlan], buffers: Sequence[SampleBuffers]) -> list[Sample] | None:
        """Return several samples, read in one native call into their buffers; None if ``read`` must read each of them.

        None, too, if a file cannot be read: then ``read`` finds out which one, and why.
        Raises:  CaseTrouble.
        """
        compiled = kernels()
        if compiled is None:
            return None
        reads: array[int] = array("q")
        files: list[tuple[str, Path]] = []
        used: list[_Open] = []  # the arrays live until they are read
        samples: list[Sample] = []
        c_library = library()
        with self._handles.all_open():
            for plan, memory in zip(plans, buffers, strict=True):
                with in_case(plan.case):
                    used.append(self._open(plan.case))
                image, seg = memory.views(plan.channels, plan.seg_channels, plan.needed.size)
                if not self._add(reads, files, plan, used[-1], memory):
                    return None
                samples.append(self._sample(plan, memory, image, seg))
            with reading_together(files) as underway:
                calls = 0 if c_library is None else c_library.calls_address
                done = compiled.read(reads, len(files), calls, underway.numbers)
        return samples if done == len(files) else None

    def forget(self, case: str) -> None:
        """Forget all facts and open files of a case, so that they are read again."""
        files = self._catalogue.known_files(case)
        for file in files or ():
            if file is not None:
                self._handles.drop(file)
        self._catalogue.forget(case)
        self._ram.drop(case)

    def close(self) -> None:
        """Close all files."""
        self._handles.close()

    def _add(
        self, reads: array[int], files: list[tuple[str, Path]], plan: SamplePlan, arrays: _Open, memory: SampleBuffers
    ) -> bool:
        # Adds the reads of one sample; False if the native code cannot read it.
        image_at, seg_at = memory.addresses
        label_kind = TYPES[memory.seg_dtype]
        image, seg = arrays.image.native, arrays.seg.native
        if image is None or seg is None or image.kind != FLOAT32 or seg.kind == FLOAT32:
            return False
        own = plan.seg_channels - (arrays.previous is not None)
        if image.shape[0] != plan.channels or seg.shape[0] != own:  # the case was replaced meanwhile
            return False
        add_read(reads, image, plan.needed, image_at, FLOAT32, IMAGE_OUTSIDE)
        add_read(reads, seg, plan.needed, seg_at, label_kind, SEG_OUTSIDE)
        files += ((plan.case, arrays.files.image.path), (plan.case, arrays.files.seg.path))
        if arrays.previous is None or arrays.files.previous is None:
            return True
        previous = arrays.previous.native
        if previous is None or previous.kind == FLOAT32:
            return False
        behind = own * math.prod(plan.needed.size) * memory.seg_dtype.itemsize
        add_read(reads, previous, plan.needed, seg_at + behind, label_kind, SEG_OUTSIDE)
        files.append((plan.case, arrays.files.previous.path))
        return True

    def _sample(self, plan: SamplePlan, buffers: SampleBuffers, image: NDArray[Any], seg: NDArray[Any]) -> Sample:
        return Sample(plan, image[:, 0], seg[:, 0], buffers) if self._is_2d else Sample(plan, image, seg, buffers)

    def _open(self, case: str) -> _Open:
        files = self._catalogue.files(case)
        kept = self._ram.get(case)
        if kept is None and self._ram.reserve(case, self._catalogue.facts(case).bytes_in_memory):
            kept = self._keep(case, files)
        if kept is None:
            previous = None if files.previous is None else self._handles.source(files.previous)
            return _Open(self._handles.source(files.image), self._handles.source(files.seg), previous, files)
        return _Open(*kept.sources, files)

    def _keep(self, case: str, files: CaseFiles) -> KeptCase:
        try:
            previous = None if files.previous is None else self._whole(files.previous)
            return self._ram.keep(case, KeptCase(self._whole(files.image), self._whole(files.seg), previous))
        except BaseException:
            self._ram.give_up(case)
            raise

    def _whole(self, file: ArrayFile) -> NDArray[Any]:
        source = self._handles.source(file)
        with attributed_to(file.path):
            return read_whole(source, file)
