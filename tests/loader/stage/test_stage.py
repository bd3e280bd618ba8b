"""Memory that samples and batches are put into, on the CPU and, without a GPU at hand, as far as a CPU shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from holter.loader.stage.buffers import SampleBuffers
from holter.loader.stage.on_device import ALIGNED, BoxMemory

CPU = torch.device("cpu")
LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def test_memory_for_the_largest_box_is_allocated_once() -> None:
    buffers, growing = SampleBuffers(torch.int8, False, most_voxels=1000), SampleBuffers(torch.int8, False)
    found = {id(each): set() for each in (buffers, growing)}
    for size in ((2, 3, 4), (10, 10, 10), (1, 1, 1), (9, 8, 7)):
        for each in (buffers, growing):
            image, seg = each.views(2, 1, size)
            assert (image.shape, seg.shape) == ((2, *size), (1, *size))
            image.fill(1)
            seg.fill(2)
            found[id(each)].add(each.addresses)
    assert len(found[id(buffers)]) == 1
    assert len(found[id(growing)]) == 2


def flags_at(address: int) -> list[str]:
    """The kernel's flags of the mapping around an address of this process."""
    is_inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if first == "VmFlags:" and is_inside:
            return rest
        if "-" in first:
            start, end = (int(part, 16) for part in first.split("-"))
            is_inside = start <= address < end
    return []


@pytest.mark.skipif(not LARGE_PAGES.exists(), reason="this kernel has no large pages to ask for")
def test_memory_for_large_boxes_asks_for_large_pages() -> None:
    buffers = SampleBuffers(torch.int8, False)
    buffers.views(1, 1, (128, 128, 256))
    assert all("hg" in flags_at(address + (2 << 20)) for address in buffers.addresses)


def test_boxes_of_any_size_lie_beside_each_other_in_the_same_memory() -> None:
    memory, addresses = BoxMemory(CPU, 1000), set()
    rng = np.random.default_rng(1)
    for _ in range(20):
        sizes = rng.integers(1, 11, (3, 3)).tolist()
        images = [torch.from_numpy(rng.standard_normal((2, *size), np.float32)) for size in sizes]
        segs = [torch.from_numpy(rng.integers(-1, 9, (1, *size), np.int8)) for size in sizes]
        for given in (images, segs):
            filled = memory.filled(given)
            assert all(
                torch.equal(place, box) and place.is_contiguous() for place, box in zip(filled, given, strict=True)
            )
            assert all((place.data_ptr() - filled[0].data_ptr()) % ALIGNED == 0 for place in filled)
            addresses.add(filled[0].data_ptr())
    assert len(addresses) == 2
    assert memory.filled([]) == []
