"""The settings that can be compared on a machine: all of them for a sweep, a few different ones for a search. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holter.bench.records import Loader
from holter.bench.tuning.records import Bounds, Candidate
from holter.sizes import MIB

# Twice the cores: a reader that waits for a disk leaves its core to another.
PER_CPU = 2
MOST = 64
# Of a worker process beside its batches: what its copy of the training's Python comes to own.
WORKER_BYTES = 200 * MIB
COPIES = 4  # of a batch in a worker at a time: what was read, the transformed one, and what a transform needs
MOST_SHARE = 0.5  # of the free memory and of /dev/shm; the rest is for network, validation and page cache
BATCHES = (2, 4, 8)  # kept ahead by Holter's loader
USUAL_BATCHES = 4  # as holter.trainer.make_feeds.TRAIN
STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
# Without workers, nnU-Net's loader works between the steps: with so few cores that may be best.
FEW_CPUS = 2


def most_workers(
    cpus: float, cores: int, memory: int | None, shm: int | None, batch: int
) -> tuple[int, tuple[str, ...]]:
    """Return the most worker processes to try, and which of "memory" and "shm" allow fewer than the cores do.

    ``memory``, ``shm``: free bytes, None if unknown; ``batch``: bytes of a batch.
    """
    by_cores = most = max(1, min(cores, MOST, round(PER_CPU * cpus)))
    limited = []
    for name, free, needed in (("memory", memory, memory_of), ("shm", shm, shm_of)):
        fits = by_cores
        while free is not None and fits > 0 and needed(fits, batch) > MOST_SHARE * free:
            fits -= 1
        if fits < by_cores:
            limited.append(name)
        most = min(most, fits)
    return most, tuple(limited)


def memory_of(workers: int, batch: int) -> int:
    """Return the bytes of RAM that nnU-Net's loader may take with this many workers. ``batch``: bytes of a batch."""
    return workers * (WORKER_BYTES + COPIES * batch) + shm_of(workers, batch)


def shm_of(workers: int, batch: int) -> int:
    """Return the bytes that nnU-Net's loader takes in /dev/shm: two full queues, and one batch of each worker.

    ``batch``: bytes of a batch.
    """
    return (2 * max(6, workers // 2) + workers) * batch if workers else 0


def everything(bounds: Bounds, *, holter: bool) -> list[Candidate]:
    """Return every candidate. ``holter``: whether Holter's loader can be used."""
    workers = range(_least_workers(bounds), bounds.most_workers + 1)
    threads = range(1, bounds.most_threads + 1) if holter else ()
    stock = [Candidate(loader="stock", readers=number) for number in workers]
    ours = [Candidate(loader="holter", readers=number, batches=batches) for number in threads for batches in BATCHES]
    return [*stock, *ours]


def first(bounds: Bounds, present: Candidate, *, holter: bool) -> list[Candidate]:
    """Return the candidates that a search begins with; the present one is the first."""
    found = [present]
    for loader in ("stock", "holter") if holter else ("stock",):
        for number in numbers(bounds, loader):
            candidate = with_readers(loader, number)
            if candidate not in found:
                found.append(candidate)
    return found


def numbers(bounds: Bounds, loader: Loader) -> list[int]:
    """Return the numbers of worker processes or threads to try with this loader, ascending.

    They are spread over what the machine allows; its number of cores is among them.
    """
    least, most = (_least_workers(bounds), bounds.most_workers) if loader == "stock" else (1, bounds.most_threads)
    wanted = {*STEPS, 0, round(bounds.cpus), most}
    return sorted(number for number in wanted if least <= number <= most)


def between(chosen: Candidate, tried: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates halfway between the chosen one and its neighbours among those tried with its loader."""
    readers = [other.readers for other in tried if other.loader == chosen.loader]
    below = max((number for number in readers if number < chosen.readers), default=None)
    above = min((number for number in readers if number > chosen.readers), default=None)
    middles = {(chosen.readers + number) // 2 for number in (below, above) if number is not None}
    return [with_readers(chosen.loader, middle, chosen.batches) for middle in sorted(middles - set(readers))]


def other_batches(chosen: Candidate) -> list[Candidate]:
    """Return the candidates that differ only in the batches kept ahead; none for nnU-Net's loader."""
    if chosen.loader == "stock":
        return []
    return [with_readers("holter", chosen.readers, batches) for batches in BATCHES if batches != chosen.batches]


def with_readers(loader: Loader, readers: int, batches: int | None = None) -> Candidate:
    """Return a candidate with the usual number of batches, if none is given."""
    return Candidate(loader=loader, readers=readers, batches=None if loader == "stock" else batches or USUAL_BATCHES)


def cost(candidate: Candidate) -> tuple[int, int]:
    """Return a sort key: the resources that a candidate needs. Of equally fast candidates the smallest is chosen."""
    return candidate.readers, candidate.batches or 0


def _least_workers(bounds: Bounds) -> int:
    return 0 if bounds.cpus <= FEW_CPUS or bounds.most_workers == 0 else 1


def cheapest(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate that needs the least resources."""
    return min(candidates, key=cost)
