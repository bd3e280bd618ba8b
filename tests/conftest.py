"""Data and commands that several folders of tests train with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holter.demo.prepare import Prepared, prepare

CHECKOUT = Path(__file__).resolve().parents[1]
HIPPOCAMPUS = CHECKOUT.parent / "shared" / "data" / "Dataset004_Hippocampus"
# Folders whose tests train, or count seconds of real processes: two of them at a time would disturb each other.
SERIAL = {"benchmarks", "cli", "demo", "doctor", "hook", "supervised", "trainer"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With two workers (``-n 2``) one of them does all of ``SERIAL``, the other what is left."""
    from xdist.scheduler import LoadScopeScheduling

    class TwoQueues(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "serial" if nodeid.split("/")[1] in SERIAL else nodeid

    return TwoQueues(config, log)


@pytest.fixture(scope="session")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Generated brains, planned and preprocessed by nnU-Net: about 20 s, once a session.

    A test that trains sets ``nnUNet_results`` to a folder of its own over ``brain.environment()``.
    """
    pytest.importorskip("nnunetv2", reason="nnU-Net is not installed")
    pytest.importorskip("nilearn", reason="nilearn is not installed")
    return prepare(tmp_path_factory.mktemp("brain"))


@pytest.fixture(scope="session")
def hippocampus() -> Path:
    """The raw Medical Decathlon hippocampus data set, which does not travel with the source."""
    if not (HIPPOCAMPUS / "dataset.json").exists():
        pytest.skip(f"no hippocampus images at {HIPPOCAMPUS}")
    return HIPPOCAMPUS


@pytest.fixture(scope="session")
def shortened_command(brain: Prepared) -> Callable[..., list[str]]:
    """``shortened_command("--epochs", "2")``: the command line of a shortened training on ``brain``."""
    return brain.command
