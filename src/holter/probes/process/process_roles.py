"""The role of each process of a training's tree, from its command line, its parent and its start time.

nnU-Net forks its data workers from the main process: first all train workers and, after the first batch is ready,
half as many (at least one) validation workers. They keep the command line of the main process. Export workers are
spawned: their command line says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import NamedTuple

from holter.records import Role
from holter.texts.nnunet_commands import other_work
from holter.texts.training_command import parse_training_command

# Programs written in Python that start the training.
_LAUNCHERS = frozenset({
    "conda", "mamba", "torchrun", "accelerate", "deepspeed", "horovodrun", "holter", "conda-run", "pixi", "poetry",
})  # fmt: skip
_LAUNCHER_MODULES = frozenset({
    "torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch",
    "accelerate.commands.accelerate_cli", "deepspeed.launcher.runner", "deepspeed.launcher.launch", "conda", "holter",
})  # fmt: skip
# Some launchers number their processes on the command line.
_RANK_OPTIONS = ("--local_rank", "--local-rank")
# Workers of one kind start some ten milliseconds after each other. Between the kinds the first batch is made:
# seconds, or 0.09 s as measured with small images. A busy machine may put 0.3 s between any two.
_BATCH_GAP_S = 0.2
_BATCH_GAP_MIN_S = 0.05
_BATCH_GAP_SHARE = 0.1  # of the longest pause: a restarted set comes much later than all others
# Legacy data sets are unpacked by a spawned pool within the first minutes, before any data worker exists.
_UNPACK_S = 120.0


class Kin(NamedTuple):
    """The facts from which roles are derived."""

    pid: int
    ppid: int  # at the start: orphans get another parent
    started_s: float
    cmdline: tuple[str, ...]


def is_python(cmdline: Sequence[str]) -> bool:
    return bool(cmdline) and PurePath(cmdline[0]).name.startswith(("python", "pypy"))


def find_main(root_pid: int, family: Iterable[Kin]) -> int | None:
    """PID of the process that trains: a Python that runs nnU-Net, else the first Python that is no launcher.

    Shells, ``uv run``, ``srun`` and ``conda run`` are above it; all other Pythons are below it.
    """
    pythons = [kin for kin in _from_the_top(root_pid, family) if is_python(kin.cmdline)]
    own = [kin for kin in pythons if not _is_launcher(kin.cmdline) and not is_helper(kin.cmdline)]
    trainings = [kin for kin in own if parse_training_command(kin.cmdline[1:]) is not None]
    return next((kin.pid for kin in [*trainings, *own]), None)


def assign_roles(main: Kin, family: Iterable[Kin]) -> dict[int, Role]:
    """PID -> role for the main process and all others, living or dead: the dead are needed to count the batches.

    If a launcher started several processes like ``main``, each is a main process with its own workers.
    """
    kins = sorted(family, key=lambda kin: (kin.started_s, kin.pid))
    ranks = [kin for kin in kins if kin.pid == main.pid or _is_rank_beside(main, kin)]
    roles: dict[int, Role] = {}
    for rank in ranks:
        for pid, role in _below(rank, kins).items():
            if role != "other" or pid not in roles:
                roles[pid] = role
    return roles | dict.fromkeys((rank.pid for rank in ranks), "main")


def _is_rank_beside(main: Kin, kin: Kin) -> bool:
    return bool(kin.cmdline) and kin.ppid == main.ppid and _without_rank(kin.cmdline) == _without_rank(main.cmdline)


def _without_rank(cmdline: Sequence[str]) -> list[str]:
    return [word for word in cmdline if not word.startswith(_RANK_OPTIONS)]


def _below(main: Kin, kins: Sequence[Kin]) -> dict[int, Role]:
    if other_work(main.cmdline) is not None:
        return {kin.pid: _of_pool(kin, main) for kin in kins if kin.pid != main.pid}
    servers = {kin.pid: kin.cmdline for kin in kins if _says(kin.cmdline, "multiprocessing.forkserver")}
    parents = {main.pid: main.cmdline, **servers}
    forked = [kin for kin in kins if kin.pid != main.pid and kin.cmdline and parents.get(kin.ppid) == kin.cmdline]
    roles = _worker_batches(forked)
    first_worker_s = forked[0].started_s if forked else None
    for kin in kins:
        if kin.pid not in roles:
            roles[kin.pid] = _by_command(kin, main, first_worker_s)
    return roles


def _of_pool(kin: Kin, main: Kin) -> Role:
    # A command that does not train spawns pools; what it forks (the server of multiprocessing's Manager) is no worker.
    role = _by_command(kin, main, None)
    return "pool-worker" if kin.ppid == main.pid and _says(kin.cmdline, "multiprocessing.spawn") else role


def _by_command(kin: Kin, main: Kin, first_worker_s: float | None) -> Role:
    if _says(kin.cmdline, "multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker"):
        return "resource-tracker"
    if _says(kin.cmdline, "compile_worker"):
        return "compile-worker"
    if kin.ppid == main.pid and _says(kin.cmdline, "multiprocessing.spawn"):
        after_workers = first_worker_s is not None and kin.started_s > first_worker_s
        late = kin.started_s - main.started_s > _UNPACK_S
        if after_workers or late or "--val" in main.cmdline:
            return "export-worker"
    return "other"


def _worker_batches(forked: Sequence[Kin]) -> dict[int, Role]:
    # Train workers come first, validation workers in the next batch; a restarted batch is recognised by its size.
    batches = _by_numbers(forked) or _by_gaps(forked)
    roles: dict[int, Role] = {}
    for number, batch in enumerate(batches):
        train = number == 0 or (number > 1 and len(batch) == len(batches[0]))
        roles.update({kin.pid: "train-worker" if train else "val-worker" for kin in batch})
    return roles


def _by_numbers(forked: Sequence[Kin]) -> list[Sequence[Kin]]:
    # The two batches, if their sizes fit together and the pause between them is long enough for a batch.
    for train in range(1, len(forked)):
        if train + max(1, train // 2) == len(forked):
            pauses = [later.started_s - kin.started_s for kin, later in pairwise(forked)]
            if pauses[train - 1] >= max(_BATCH_GAP_MIN_S, _BATCH_GAP_SHARE * max(pauses)):
                return [forked[:train], forked[train:]]
    return []


def _by_gaps(forked: Sequence[Kin]) -> list[Sequence[Kin]]:
    # Some workers were not seen, or more than one set was started.
    batches: list[list[Kin]] = []
    for kin in forked:
        if not batches or kin.started_s - batches[-1][-1].started_s >= _BATCH_GAP_S:
            batches.append([])
        batches[-1].append(kin)
    return list(batches)


def _from_the_top(root_pid: int, family: Iterable[Kin]) -> list[Kin]:
    # Breadth first from the root, older siblings first.
    children: dict[int, list[Kin]] = {}
    row = []
    for kin in sorted(family, key=lambda kin: (kin.started_s, kin.pid)):
        children.setdefault(kin.ppid, []).append(kin)
        if kin.pid == root_pid:
            row = [kin]
    order: list[Kin] = []
    while row:
        order += row
        row = [child for kin in row for child in children.get(kin.pid, []) if child not in order]
    return order


def _is_launcher(cmdline: Sequence[str]) -> bool:
    # ``python /opt/conda/bin/conda run …`` and ``python -m torch.distributed.run …``.
    words = [word for word in cmdline[1:] if word == "-m" or not word.startswith("-")]
    if words[:1] == ["-m"]:
        return words[1:2] != [] and words[1] in _LAUNCHER_MODULES
    return bool(words) and PurePath(words[0]).name in _LAUNCHERS


def is_helper(cmdline: Sequence[str]) -> bool:
    """Return whether a library started this Python for another one: a spawned process, a tracker, a compiler."""
    return _says(cmdline, "multiprocessing.", "compile_worker", "loky.backend.")


def _says(cmdline: Sequence[str], *words: str) -> bool:
    return any(word in argument for argument in cmdline[1:] for word in words)
