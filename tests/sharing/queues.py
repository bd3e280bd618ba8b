"""How pytest-xdist shares the tests among its workers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

TESTS = Path(__file__).resolve().parents[1]
# What counts seconds of real trainings and processes is done one after the other, in two queues: more of them at a time
# would disturb each other.
QUEUES = {
    "healing": ("supervisor/healing", "supervisor/recording", "hook/test_ranks", "hook/workers/test_replace"),
    "starting": ("supervisor/", "demo/faults/test_faults", "hook/test_toy_training"),
}
# Tests that import torch or nnU-Net, or every module of Holter with them: 4 to 6 s of CPU. Of the quick ones the first
# worker alone collects these, and does them first.
HEAVY = (
    "bench/", "demo/test_dataset", "hook/", "loader/", "probes/training/test_preprocessed",
    "reports/catalogue/test_catalogue", "reports/test_labels", "reports/test_sentences",
    "supervisor/healing/test_guard", "test_said_somewhere", "trainer/", "transforms/",
)  # fmt: skip


def is_apart(config: pytest.Config) -> bool:
    """Whether one worker alone has the heavy tests: in a run of all quick ones."""
    given = [Path(config.invocation_params.dir, argument).resolve() for argument in config.args]
    return "not training" in config.option.markexpr and given == [TESTS]


def is_left_to_the_first(path: Path, config: pytest.Config) -> bool:
    """Whether this worker leaves a file or folder to the first one. One that replaces a dead one takes everything."""
    worker = getattr(config, "workerinput", None)
    if worker is None or not 0 < int(worker["workerid"].removeprefix("gw")) < worker["workercount"]:
        return False
    return path.is_relative_to(TESTS) and is_heavy(f"{path.relative_to(TESTS).as_posix()}/") and is_apart(config)


def is_heavy(path: str) -> bool:
    return path.startswith(HEAVY)


@functools.cache
def is_long(scope: str) -> bool:
    """Whether this is a queue, or a file with long tests: begun last, they would keep one worker alone at the end."""
    file = TESTS / scope
    return scope in QUEUES or (file.is_file() and ("mark.long" in (text := file.read_text()) or "mark.sample" in text))


class Queues(LoadScopeScheduling):
    """Each of ``QUEUES`` is done by one worker; what is left is shared, file by file, those with long tests first."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._apart = is_apart(config)
        self._places: dict[WorkerController, dict[str, int]] = {}  # of each test in a worker's collection

    def schedule(self) -> None:
        if self._apart and self.collection is None:  # workers that have all tests come first
            collections = self.registered_collections
            by_size = sorted(collections, key=lambda node: -len(collections[node]))
            self.registered_collections = {node: collections[node] for node in by_size}
            self.assigned_work = {node: self.assigned_work[node] for node in by_size}
        super().schedule()
        if self._apart and self.collection is not None:
            session = self.config.pluginmanager.get_plugin("session")
            session.testscollected = len(self.collection)  # the percents of the progress

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("/")[2]
        scope = path.partition("::")[0]
        if self._apart and is_heavy(path):
            return scope
        # A file's tests often share what takes long to make.
        return next((name for name, starts in QUEUES.items() if path.startswith(starts)), scope)

    def _next(self, node: WorkerController) -> str | None:
        if node not in self._places:  # not list.index: ten thousand times through ten thousand names
            self._places[node] = {nodeid: place for place, nodeid in enumerate(self.registered_collections[node])}
        heavy = [scope for scope in self.workqueue if self._apart and is_heavy(scope)]
        if heavy and len(self._places[node]) == len(self.collection or ()):
            return heavy[0]
        rest = [scope for scope in self.workqueue if scope not in heavy]
        return next((scope for scope in rest if is_long(scope)), rest[0] if rest else None)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._next(node)
        if scope is None:
            return
        assigned = self.assigned_work[node]
        for done in [each for each, unit in assigned.items() if all(unit.values())]:
            del assigned[done]  # what is pending is counted after each test
        unit = assigned[scope] = self.workqueue.pop(scope)
        places = self._places[node]
        node.send_runtest_some([places[nodeid] for nodeid, is_done in unit.items() if not is_done])

    def _reschedule(self, node: WorkerController) -> None:
        if node.shutting_down or node not in self.registered_collections:  # one that replaces a dead one still collects
            return
        if self._pending_of(self.assigned_work[node]) > 2:
            return
        if self._next(node) is None:
            node.shutdown()
        else:
            self._assign_work_unit(node)

    def _check_nodes_have_same_collection(self) -> bool:
        if not self._apart:
            return super()._check_nodes_have_same_collection()
        whole, *others = self.registered_collections.values()
        rest = [nodeid for nodeid in whole if not is_heavy(nodeid.partition("/")[2])]
        if all(other in (whole, rest) for other in others):
            return True
        lacking = [sorted(set(rest) ^ set(other))[:5] for other in others if other not in (whole, rest)]
        report = pytest.CollectReport("workers", "failed", f"they collected different tests: {lacking}", [])
        self.config.hook.pytest_collectreport(report=report)
        return False
