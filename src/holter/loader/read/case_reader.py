"""Read the voxels of a plan: from memory if the case is kept there, else from its files."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray

from holter.loader.plan.dataset import CaseFiles, Catalogue
from holter.loader.plan.files import ArrayFile
from holter.loader.read.backend import Backend
from holter.loader.read.crop import IMAGE_OUTSIDE, SEG_OUTSIDE, read_box
from holter.loader.read.handles import Handles
from holter.loader.read.ram import KeptCase, RamCache, read_whole
from holter.loader.read.sources import ArraySource, Source
from holter.loader.read_errors import attributed_to, in_case
from holter.loader.records import SamplePlan
from holter.loader.stage.buffers import Sample, SampleBuffers


class _Open(NamedTuple):
    """The arrays of one case, in memory or in files; ``files`` are for error messages."""

    image: Source
    seg: Source
    previous: Source | None
    files: CaseFiles


class CaseReader:
    """The reading side of one thread."""

    def __init__(self, catalogue: Catalogue, backend: Backend, ram: RamCache, *, is_2d: bool) -> None:
        self._catalogue, self._ram, self._is_2d = catalogue, ram, is_2d
        self._handles = Handles(backend)

    def read(self, plan: SamplePlan, buffers: SampleBuffers) -> Sample:
        """Return the voxels of one sample.

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
        if self._is_2d:
            image, seg = image[:, 0], seg[:, 0]
        return Sample(plan, torch.from_numpy(image), torch.from_numpy(seg), buffers)

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

    def _open(self, case: str) -> _Open:
        files = self._catalogue.files(case)
        kept = self._ram.get(case)
        if kept is None and self._ram.reserve(case, self._catalogue.facts(case).bytes_in_memory):
            kept = self._keep(case, files)
        if kept is None:
            previous = None if files.previous is None else self._handles.source(files.previous)
            return _Open(self._handles.source(files.image), self._handles.source(files.seg), previous, files)
        previous = None if kept.previous is None else ArraySource(kept.previous)
        return _Open(ArraySource(kept.image), ArraySource(kept.seg), previous, files)

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
