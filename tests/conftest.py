"""Data and commands that several folders of tests train with."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

import holter.reports.catalogue  # noqa: F401 - puts what an error says into words, for ``match``
from holter.demo.prepare import CONFIGURATION, DATASET_NAME, Prepared, prepare
from needs import HIPPOCAMPUS, imported, may_lack, names_of, require, skip_without

# Every test here starts `holter run` and waits for its end.
SLOW = ("cli/",)
LONG_S = 20.0  # longer ones carry the mark ``long``
SLOW_S = 1.5  # longer ones, beside two other workers on two cores, carry one of the marks in NOT_FAST
NOT_FAST = ("training", "slow", "long")


# An example takes as long as the machine is busy: that is no failure.
settings.register_profile("holter", deadline=None)
settings.load_profile("holter")

# A shell that starts us in the background (`make test &` in a script) makes every child ignore SIGINT, and with it the
# trainings that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from sharing.queues import Queues

    return Queues(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not hasattr(config, "workerinput"):
        return None
    from sharing.queues import is_left_to_the_first

    return is_left_to_the_first(collection_path, config) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Ten thousand tests and what they import stay until the end: the garbage collector never looks at them.

    Else each of its full collections takes half a second, in every worker.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Torch computes with one thread: for small tensors more of them cost time, and every core has a worker."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before tests are chosen by marks: mark what can be told without them, and skip what lacks something."""
    for item in items:
        if item.nodeid.partition("/")[2].startswith(SLOW):
            item.add_marker("slow")
        if "brain" in getattr(item, "fixturenames", ()):
            item.add_marker("training")
        if item.get_closest_marker("sample"):
            item.add_marker("long")
        skip_without(item)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What may not lack anything fails here."""
    require(*names_of(item))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name tools that could not be installed, and tests that took long and are not marked so.

    On a busy machine there are always some of these.
    """
    if lacking := may_lack():
        terminalreporter.section("tools that could not be installed: tests that need them may have skipped")
        terminalreporter.line(" ".join(lacking))
    took_s: dict[str, float] = defaultdict(float)
    marked: dict[str, set[str]] = {}
    for report in (report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())):
        took_s[report.nodeid] += report.duration
        marked[report.nodeid] = {mark for mark in NOT_FAST if mark in report.keywords}
    for limit, mark, excused in ((LONG_S, "long", {"long"}), (SLOW_S, "slow", set(NOT_FAST))):
        late = sorted(((took, name) for name, took in took_s.items() if took > limit and not marked[name] & excused))
        if late:
            terminalreporter.section(f"over {limit:g} s and not marked {mark}")
        for took, name in reversed(late):
            terminalreporter.line(f"{took:5.1f} s  {name}")


# nnU-Net's own, before the first training makes it: two workers must not write the same file at a time.
SPLIT = """
import json, pathlib, sys
from nnunetv2.utilities.crossval_split import generate_crossval_split
folder = pathlib.Path(sys.argv[1])
cases = sorted(file.name.removesuffix(".pkl") for file in folder.glob("*_3d_fullres/*.pkl"))
folder.joinpath("splits_final.json").write_text(json.dumps(generate_crossval_split(cases, seed=12345, n_splits=5)))
"""


@pytest.fixture(scope="session", autouse=True)
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs of the tests are not listed among the user's."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Generated brains, planned and preprocessed by nnU-Net: about 20 s, once for all workers.

    A test that trains sets ``nnUNet_results`` to a folder of its own over ``brain.environment()``.
    """
    imported("nnunetv2")
    imported("nilearn")
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "brain"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepared = prepare(folder)
        planned = prepared.preprocessed / DATASET_NAME
        if not (planned / "splits_final.json").exists():
            subprocess.run([sys.executable, "-c", SPLIT, str(planned)], check=True)
    return prepared


class Finished(NamedTuple):
    """A stock training that came to its end."""

    results: Path
    fold: Path
    console: Path
    command: list[str]
    began_wall: float
    took_s: float


@pytest.fixture(scope="session")
def finished(brain: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Stock nnU-Net's two short epochs and its final validation, without Holter; not to be changed, but copied."""
    results = tmp_path_factory.mktemp("finished")
    console = results / "console.txt"
    command = brain.command("--epochs", "2", "--iterations", "2", "--val-iterations", "1", "--seed", "3")
    began = time.time()
    with console.open("w") as out:
        variables = os.environ | brain.environment() | {"nnUNet_results": str(results)}
        done = subprocess.run(command, env=variables, stdout=out, stderr=subprocess.STDOUT, timeout=300, check=False)
    assert done.returncode == 0, console.read_text()[-3000:]
    fold = results / DATASET_NAME / f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}" / "fold_0"
    return Finished(results, fold, console, command, began, time.time() - began)


@pytest.fixture(scope="session")
def hippocampus() -> Path:
    """The raw Medical Decathlon hippocampus data set, which does not travel with the source."""
    require("hippocampus")
    return HIPPOCAMPUS


@pytest.fixture(scope="session")
def shortened_command(brain: Prepared) -> Callable[..., list[str]]:
    """``shortened_command("--epochs", "2")``: the command line of a shortened training on ``brain``."""
    return brain.command


@pytest.fixture(autouse=True)
def whole_sentences(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a sentence that lacks a value an error; for users, and in real trainings, its clause is left out."""
    whole_runs = request.node.nodeid.partition("/")[2].startswith(SLOW)
    if not whole_runs and not any(request.node.get_closest_marker(name) for name in ("training", "long")):
        monkeypatch.setenv("HOLTER_STRICT_SENTENCES", "1")
