"""The same study on a cluster of two nodes, a real Slurm or a real Ray, whose nodes are killed at random."""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.material import say
from benchmarks.study import slurm
from benchmarks.study.ending import SCENE
from benchmarks.study.killing import BETWEEN_S, POLL_S, Run, Telling, belonging, trainings
from benchmarks.study.scene import Scene
from holter.supervisor.folds.fold_lock import FILE, STALE_S

NODES = ("node-a", "node-b")
SUBMITTED_WITHIN_S = 600.0
# A lock of a dead node is aged, so that it is stale after this time and not after five minutes.
LEFT_S = 15.0
AWAY_S = 10.0
DAEMON = "RAY_RAYLET_PID"
ON_SLURM = 'out = "out"\nextra = ["--loader", "stock", "-device", "cpu"]\n'
ON_RAY = f"slots = {len(NODES)}\nspacing = 0\nkeep-going = true\n" + ON_SLURM


class Cluster(Protocol):
    """What the loop needs of a cluster."""

    def send(self) -> None:
        """Give the trainings that are not done to the cluster."""

    def is_over(self) -> bool:
        """Return whether everything that was sent has ended."""

    def node_of(self, process: psutil.Process) -> str | None:
        """Return the node on which a process runs; None if unknown."""

    def kill(self, node: str, folds: Sequence[Path], /) -> None:
        """Let a node die at once, with everything on it. ``folds``: what it trains."""

    def revive(self) -> None:
        """Let dead nodes come back, if it is time."""


def disturbed_nodes(scene: Scene, cluster: Cluster, *, seed: int, kills: int, most_s: float) -> Run:
    """Run the study to its end, and kill nodes."""
    draw, run, telling = random.Random(seed), Run(), Telling(scene)
    began_s = time.monotonic()
    next_s = began_s + draw.uniform(*BETWEEN_S)
    cluster.send()
    run.calls = 1
    while time.monotonic() - began_s < most_s:
        telling.tell(run)
        if cluster.is_over():
            if all(state == "done" for state in scene.states()):
                break
            cluster.send()
            run.calls += 1
        found = trainings(scene)
        run.see(found)
        if run.kills.total() < kills and time.monotonic() >= next_s:
            running: dict[str, list[Path]] = {}
            for process, (fold, role) in found.items():
                node = cluster.node_of(process) if role == "main" else None
                if node is not None:
                    running.setdefault(node, []).append(fold)
            if running:
                node = draw.choice(sorted(running))
                run.kills["node"] += 1
                run.hits.update(running[node])
                say(f"kill {run.kills.total()}: node {node}, which trains {', '.join(f.name for f in running[node])}")
                cluster.kill(node, running[node])
                next_s = time.monotonic() + draw.uniform(*BETWEEN_S)
        cluster.revive()
        time.sleep(POLL_S)
    run.wall_s = time.monotonic() - began_s
    return run


class OnSlurm:
    """A Slurm that runs, and ``holter study run --slurm --submit`` on it."""

    def __init__(self, scene: Scene, running: slurm.Slurm) -> None:
        self._scene, self._slurm = scene, running
        scene.file_with(ON_SLURM)
        self._down: list[str] = []

    def send(self) -> None:
        """Submit the array."""
        study = self._scene.run(
            "--slurm", "--submit", "--slurm-options", "-c 1 --time=60", environ=self._slurm.variables
        )
        if study.wait(SUBMITTED_WITHIN_S):
            raise RuntimeError(self._scene.said.read_text()[-2000:])

    def is_over(self) -> bool:
        """Return whether no job waits or runs."""
        return self._slurm.is_over()

    def node_of(self, process: psutil.Process) -> str | None:
        """Return the node's name."""
        return _variable(process, "SLURMD_NODENAME")

    def kill(self, node: str, folds: Sequence[Path]) -> None:
        """Kill the daemon and everything on the node; age the locks of its trainings."""
        self._slurm.kill_node(node)
        self._down.append(node)
        at = time.time() - (STALE_S - LEFT_S)
        for fold in folds:
            with contextlib.suppress(OSError):
                os.utime(fold / FILE, (at, at))

    def revive(self) -> None:
        """Start the daemon again once Slurm has seen that the node is gone."""
        for node in list(self._down):
            if "DOWN" in self._slurm.control("show", "node", node):
                self._slurm.start_node(node)
                self._down.remove(node)


class OnRay:
    """A Ray cluster that runs, and ``holter study run --ray`` on it."""

    def __init__(self, scene: Scene, cluster: Any) -> None:
        self._scene, self._cluster = scene, cluster
        scene.file_with(ON_RAY)
        self._nodes: dict[str, Any] = {}  # by the PID of Ray's daemon, which all processes of a node know
        for _ in NODES:
            self._add()
        self._add_s: list[float] = []
        self._study: subprocess.Popen[bytes] | None = None

    def send(self) -> None:
        """Call the study."""
        self._study = self._scene.run("--ray", self._cluster.address)

    def is_over(self) -> bool:
        """Return whether the study has ended."""
        return self._study is None or self._study.poll() is not None

    def node_of(self, process: psutil.Process) -> str | None:
        """Return the PID of the node's daemon."""
        node = _variable(process, DAEMON)
        return node if node in self._nodes else None

    def kill(self, node: str, _: Sequence[Path], /) -> None:
        """Kill Ray's daemon of the node, and everything on the node."""
        on_it = [each for each in belonging(self._scene) if _variable(each, DAEMON) == node]
        self._cluster.remove_node(self._nodes.pop(node), allow_graceful=False)
        for process in on_it:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._add_s.append(time.monotonic() + AWAY_S)

    def revive(self) -> None:
        """Add another node in place of each that is gone."""
        for at in [at for at in self._add_s if time.monotonic() >= at]:
            self._add_s.remove(at)
            try:
                self._add()
            except Exception as error:  # noqa: BLE001 - Ray raises no narrower one if a daemon is late
                say(f"Ray starts no node: {error}")
                self._add_s.append(time.monotonic() + AWAY_S)

    def _add(self) -> None:
        node = self._cluster.add_node(num_cpus=1)
        self._nodes[str(node.all_processes["raylet"][0].process.pid)] = node


@contextlib.contextmanager
def slurm_nodes(scene: Scene) -> Iterator[Cluster]:
    """Run a Slurm of two nodes."""
    # A short path: Slurm makes sockets below it, whose names must not be long.
    folder = scene.folder / "s"
    with slurm.running(folder, NODES) as running:
        yield OnSlurm(scene, running)


@contextlib.contextmanager
def ray_nodes(scene: Scene) -> Iterator[Cluster]:
    """Run a Ray cluster: a head without CPUs, so that trainings run on the two nodes that are added."""
    # Ray passes on to a training what its daemons have, not what the study has.
    os.environ[SCENE] = str(scene.folder)
    os.environ |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_raylet_start_wait_time_s": "300"}
    nodes = importlib.import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        yield OnRay(scene, nodes)
    finally:
        del os.environ[SCENE]
        nodes.shutdown()


def _variable(process: psutil.Process, name: str) -> str | None:
    with contextlib.suppress(psutil.Error):
        value = process.environ().get(name)
        return None if value is None else str(value)
    return None
