"""What a test needs beyond Python and Holter's own packages; where that is missing, the test skips and says why.

::

    @needs("chromium")                # a test; of a whole file: pytestmark = needs("slurm")
    require("fuse3", "dev-fuse")      # in a fixture, or in the middle of a test
    blosc2 = imported("blosc2")       # a package that comes with `make test`, but perhaps not elsewhere

Names are those of ``tools.py`` (what can be installed) and of ``CIRCUMSTANCES`` (what a machine has or has not). With
HOLTER_TESTS_STRICT=1 the absence of a tool is a failure and no skip, so that CI cannot stop to run a test without
anybody noticing; HOLTER_TESTS_MAY_LACK="chromium triton" names tools that may be missing all the same.
"""

from __future__ import annotations

import importlib
import os
import socket
from pathlib import Path
from types import ModuleType
from typing import NoReturn, Protocol

import pytest

from holter.records import Text
from holter.reports.catalogue import phrase
from tools import TOOLS

STRICT = "HOLTER_TESTS_STRICT"
MAY_LACK = "HOLTER_TESTS_MAY_LACK"
NETLINK_SOCK_DIAG = 4
HIPPOCAMPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "Dataset004_Hippocampus"


def _root() -> str | None:
    return None if os.geteuid() == 0 else "needs root (control groups, mounts, other users)"


def _dev_fuse() -> str | None:
    can = os.access("/dev/fuse", os.R_OK | os.W_OK)
    return None if can else "/dev/fuse cannot be opened (in a container: --device /dev/fuse --cap-add SYS_ADMIN)"


def _hippocampus() -> str | None:
    there = (HIPPOCAMPUS / "dataset.json").exists()
    return None if there else f"no images at {HIPPOCAMPUS} (Medical Segmentation Decathlon, Task04_Hippocampus)"


def _sock_diag() -> str | None:
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG).close()
    except (OSError, AttributeError):
        return "the kernel has no sock_diag(7)"
    return None


# Nobody can install these, so their absence is never a failure.
CIRCUMSTANCES = {
    "root": _root,
    "dev-fuse": _dev_fuse,
    "hippocampus": _hippocampus,
    "sock-diag": _sock_diag,
}


class Fault(Protocol):
    """A fault of the demo."""

    name: str

    def needs(self) -> Text | None:
        """What is missing to make it."""


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a test, or a file of tests, that skips where one of these is missing."""
    if unknown := set(names) - {*TOOLS, *CIRCUMSTANCES}:
        raise KeyError(f"add it to tests/tools.py: {', '.join(sorted(unknown))}")
    return pytest.mark.needs(*names)


def missing(name: str) -> str | None:
    """Why a test that needs this cannot run here; None where it can."""
    return TOOLS[name].missing() if name in TOOLS else CIRCUMSTANCES[name]()


def is_strict(name: str) -> bool:
    """Whether a test must fail, not skip, where this is missing."""
    return name in TOOLS and _strict() and name not in may_lack()


def require(*names: str) -> None:
    """Go on only where all of these are there: else skip, or fail if that is asked for."""
    __tracebackhide__ = True  # the summary names the line that asked
    for name in names:
        if reason := missing(name):
            _stop(reason, strict=is_strict(name))


def cannot_run(name: str, reason: str) -> None:
    """Skip because of this tool, though it is there, or fail if that is asked for."""
    __tracebackhide__ = True
    _stop(reason, strict=is_strict(name))


def require_for(fault: Fault) -> None:
    """Go on only where this fault of the demo can be made."""
    __tracebackhide__ = True
    if fault.name == "slow-disk":
        require("fuse3", "dev-fuse")
    if reason := fault.needs():
        pytest.skip(phrase(reason, "en"))


def imported(name: str) -> ModuleType:
    """That module; skip, or fail, where it cannot be imported."""
    __tracebackhide__ = True
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("importlinter", "import-linter")
        strict = _strict() and package not in may_lack()
        return _stop(f"the Python package {package} is missing (pip install {package}): {error}", strict=strict)


def names_of(item: pytest.Item) -> list[str]:
    """What a collected test is marked to need."""
    names = [name for mark in item.iter_markers("needs") for name in mark.args]
    return names + (["root"] if item.get_closest_marker("root") else [])


def skip_without(item: pytest.Item) -> None:
    """Let a collected test skip, in its own place, where something is missing that may be missing."""
    for name in names_of(item):
        if not is_strict(name) and (reason := missing(name)):
            item.add_marker(pytest.mark.skip(reason=reason))


def _strict() -> bool:
    return os.environ.get(STRICT, "") not in ("", "0")


def may_lack() -> list[str]:
    """The tools that may be missing all the same."""
    return os.environ.get(MAY_LACK, "").split()


def _stop(reason: str, *, strict: bool) -> NoReturn:
    __tracebackhide__ = True
    if strict:
        pytest.fail(f"{reason}; {STRICT}=1 makes this a failure", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
