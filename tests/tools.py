"""The optional tools: what some tests need and not every machine has, and the packages that bring it.

This is the only list of them. Tests ask through ``needs.py`` and skip where a tool is missing, ``.ci/run`` installs
all of them, and ``.ci/bare`` runs tests without any. Only the standard library is used, because CI asks before
anything is installed::

    python3 tests/tools.py names      # the tools, one a line
    python3 tests/tools.py missing    # those that are missing here
    python3 tests/tools.py apt        # the Debian packages of all tools; `apt chromium` of one
    python3 tests/tools.py pip        # the same for packages from PyPI
    python3 tests/tools.py files      # the files without which every tool is gone that CI can hide
    python3 tests/tools.py left       # the tools that should be hidden and are still there
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BROWSERS = ("chromium", "google-chrome")
SLURM = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel")
# The PATH of a user often lacks the folders of the daemons.
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
KERNEL_HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@dataclass(frozen=True)
class Tool:
    """A tool, and the packages that bring it."""

    look: Callable[[], str | None]  # what of it is missing; None: it is there
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    # Patterns of the files without which it is gone: programs by name, others by path, packages below {site-packages}.
    # Empty where Holter itself or every Debian brings it: nobody needs to see what happens without.
    files: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        """How to install it, in words."""
        ways = (("Debian: apt install", self.apt), ("pip install", self.pip))
        return "; ".join(f"{way} {' '.join(packages)}" for way, packages in ways if packages)

    def missing(self) -> str | None:
        """Why a test that needs it cannot run here, with the package to install; None where it can."""
        what = self.look()
        return None if what is None else f"{what} is missing ({self.how})"


def which(*names: str) -> str | None:
    """The first of these programs that is installed."""
    return next(filter(None, (shutil.which(name, path=PATH) for name in names)), None)


def _any_of(*names: str) -> Callable[[], str | None]:
    return lambda: None if which(*names) else names[0]


def _all_of(*names: str) -> Callable[[], str | None]:
    return lambda: next((name for name in names if which(name) is None), None)


def _module(name: str) -> Callable[[], str | None]:
    return lambda: None if importlib.util.find_spec(name) else f"the Python package {name}"


@cache
def _compiler() -> str | None:
    """A C compiler that finds the headers of the C library, which come in a package of their own."""
    compiler = which("cc", "gcc")
    if compiler is None:
        return "a C compiler (cc or gcc)"
    done = subprocess.run([compiler, "-E", "-"], input=b"#include <stdio.h>\n", capture_output=True, check=False)
    return None if done.returncode == 0 else "stdio.h for the C compiler"


@cache
def _fuse() -> str | None:
    """The library, and the program with which a user mounts and unmounts."""
    if not (ctypes.util.find_library("fuse3") or ctypes.util.find_library("fuse")):
        return "the library libfuse3"
    return _any_of("fusermount3")()


def _py_spy() -> str | None:
    """Where Holter looks for it, too: first beside the interpreter."""
    there = Path(sys.executable).with_name("py-spy").exists() or which("py-spy")
    return None if there else "py-spy"


def _kernel_headers() -> str | None:
    header = KERNEL_HEADERS.get(platform.machine())
    return None if header is None or header.exists() else str(header)


def _hatchling() -> str | None:
    """What builds a wheel, and what it needs for an editable one."""
    return _module("hatchling")() or _module("editables")()


TOOLS = {
    "fuse3": Tool(
        _fuse, apt=("fuse3",), files=("fusermount*", "/lib/*/libfuse*", "/usr/lib*/libfuse*", "/usr/lib/*/libfuse*")
    ),
    "chromium": Tool(_any_of(*BROWSERS), apt=("chromium",), files=("chromium*", "google-chrome*")),
    "slurm": Tool(_all_of(*SLURM), apt=("slurm-wlm", "munge"), files=SLURM),
    "cc": Tool(
        _compiler,
        apt=("gcc", "libc6-dev"),
        files=("cc", "c++", "c89*", "c99*", "cpp*", "gcc*", "g++*", "*-gcc*", "*-g++*", "clang*"),
    ),
    "c++": Tool(_any_of("c++", "g++", "clang++"), apt=("g++",)),  # hidden with cc
    "kernel-headers": Tool(
        _kernel_headers, apt=("linux-libc-dev",), files=tuple(str(header) for header in KERNEL_HEADERS.values())
    ),
    "chattr": Tool(_any_of("chattr"), apt=("e2fsprogs",), files=("chattr",)),
    "unshare": Tool(_any_of("unshare"), apt=("util-linux",)),
    "prometheus": Tool(_all_of("prometheus", "promtool"), apt=("prometheus",), files=("prometheus", "promtool")),
    "node-exporter": Tool(
        _any_of("prometheus-node-exporter"), apt=("prometheus-node-exporter",), files=("prometheus-node-exporter",)
    ),
    "tmux": Tool(_any_of("tmux"), apt=("tmux",), files=("tmux",)),
    "zsh": Tool(_any_of("zsh"), apt=("zsh",), files=("zsh",)),
    "fish": Tool(_any_of("fish"), apt=("fish",), files=("fish",)),
    "procps": Tool(_all_of("ps", "free", "vmstat"), apt=("procps",), files=("ps", "free", "vmstat")),
    "py-spy": Tool(_py_spy, pip=("py-spy",)),
    "apprise": Tool(_module("apprise"), pip=("apprise",), files=("{site-packages}/apprise*",)),
    "tensorboard": Tool(
        _module("tensorboard"),
        pip=("tensorboard",),
        files=("{site-packages}/tensorboard", "{site-packages}/tensorboard-*"),
    ),
    "axe": Tool(_module("axe_core_python"), pip=("axe-core-python",), files=("{site-packages}/axe_core_python*",)),
    "hatchling": Tool(_hatchling, pip=("hatchling", "editables")),
    "twine": Tool(_module("twine"), pip=("twine",), files=("{site-packages}/twine*",)),
    "check-jsonschema": Tool(
        _module("check_jsonschema"), pip=("check-jsonschema",), files=("{site-packages}/check_jsonschema*",)
    ),
    "systemd": Tool(_any_of("systemd-analyze"), apt=("systemd",), files=("systemd-analyze",)),
    "ray": Tool(_module("ray"), pip=("ray",), files=("{site-packages}/ray", "{site-packages}/ray-*")),
    "triton": Tool(_module("triton"), pip=("triton",), files=("{site-packages}/triton*",)),
}


def _paths(pattern: str) -> set[Path]:
    """The files of a pattern."""
    if pattern.startswith("{site-packages}/"):
        folders, name = [path for path in sys.path if path.endswith("site-packages")], Path(pattern).name
    elif pattern.startswith("/"):
        folders, name = ["/"], pattern.lstrip("/")
    else:
        folders, name = [path for path in PATH.split(os.pathsep) if path], pattern
    found = (file for folder in folders for file in Path(folder).glob(name))
    return {file.parent.resolve() / file.name for file in found}  # /lib may be /usr/lib


def main(words: Sequence[str]) -> int:
    """Answer one of the questions above, one line a thing."""
    asked, *names = words
    chosen = [TOOLS[name] for name in names or TOOLS]
    hidden = {name: tool for name, tool in TOOLS.items() if tool.files}
    answers: dict[str, Callable[[], Sequence[object]]] = {
        "names": lambda: list(TOOLS),
        "missing": lambda: [name for name, tool in TOOLS.items() if tool.look() is not None],
        "apt": lambda: [package for tool in chosen for package in tool.apt],
        "pip": lambda: [package for tool in chosen for package in tool.pip],
        "files": lambda: sorted(set().union(*(_paths(file) for tool in hidden.values() for file in tool.files))),
        "left": lambda: [name for name, tool in hidden.items() if tool.look() is None],
    }
    for line in answers[asked]():
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
