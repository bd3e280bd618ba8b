"""Compile the kernels: for a wheel when it is built, and for a source tree at the first use.

Only the standard library is used: ``hatch_build.py`` runs this file before anything is installed. The result is a plain
shared library without Python's ABI, so one of them serves every Python of a machine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent
LIBRARY = "holter_kernels.so"
# No -ffast-math and no contraction: a label depends on every rounding. Without exceptions and run-time types nothing of
# the C++ library is needed.
FLAGS = (
    "-O3", "-std=c++14", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fno-exceptions", "-fno-rtti", "-pthread",
)  # fmt: skip
AVX2 = ("-mavx2", "-mfma")
AVX512 = (*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl")
X86 = "-DHOLTER_X86"  # library.cpp: these two are there
COMPILE_LIMIT_S = 300.0
# The oldest C library that a wheel shall run with, as the names of wheels say it: glibc 2.17 is manylinux2014.
OLDEST_GLIBC = "2.17"


class CannotCompile(Exception):
    """The kernels cannot be compiled here; the text says why."""


class Compiler(NamedTuple):
    """The command of a compiler, and whether its programs run on systems with an older C library."""

    command: tuple[str, ...]
    is_portable: bool = False


def compilers() -> list[Compiler]:
    """Return the compilers that are installed: the one that CXX names, the system's own, that of ``ziglang``."""
    named = os.environ.get("CXX", "").split()
    found = [Compiler(tuple(named))] if named else []
    found += [Compiler((name,)) for name in ("c++", "g++", "clang++") if shutil.which(name)][:1]
    return found + zig()


def zig() -> list[Compiler]:
    """Return the compiler of the package ``ziglang``, if it is installed; its programs run with old C libraries too."""
    if importlib.util.find_spec("ziglang") is None or platform.machine() not in ("x86_64", "aarch64"):
        return []
    target = f"{platform.machine()}-linux-gnu.{OLDEST_GLIBC}"
    return [Compiler((sys.executable, "-m", "ziglang", "c++", "-target", target), is_portable=True)]


def fingerprint() -> str:
    """Return a hash of sources, options and kind of machine; a library with this name is never out of date."""
    digest = hashlib.sha256(" ".join((*FLAGS, platform.machine(), sys.platform)).encode())
    for file in sorted(SOURCES.glob("*.h")) + sorted(SOURCES.glob("*.cpp")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def compile_into(library: Path, choices: Sequence[Compiler] | None = None) -> Compiler:
    """Compile the kernels to this file; return the compiler that succeeded.

    ``choices``: compilers in the order to try (``hatch_build.py`` puts the portable one first); those installed if
    None.
    Raises:  CannotCompile with the first reason.
    """
    if not sys.platform.startswith("linux"):
        raise CannotCompile(f"the kernels are for Linux, not {sys.platform}")
    tried = compilers() if choices is None else choices
    if not tried:
        raise CannotCompile("no C++ compiler is installed")
    reasons = []
    for compiler in tried:
        try:
            _compile(compiler, library)
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{compiler.command[0]}: {_reason(error)}")
        else:
            return compiler
    raise CannotCompile("; ".join(reasons))


def _compile(compiler: Compiler, library: Path) -> None:
    # The instruction sets side by side: each takes a few seconds.
    parts: list[tuple[str, str, tuple[str, ...]]]
    parts = [("library.cpp", "library", ()), ("run.cpp", "run_portable", ())]
    if platform.machine() == "x86_64":
        parts[0] = ("library.cpp", "library", (X86,))
        parts += [("run.cpp", "run_avx2", AVX2), ("run.cpp", "run_avx512", AVX512)]
    objects = [library.with_name(f"{library.name}.{name}.o") for _, name, _ in parts]
    running: list[subprocess.Popen[str]] = []
    try:
        for (source, name, options), made in zip(parts, objects, strict=True):
            what = (f"-DHOLTER_RUN={name}", "-c", str(SOURCES / source), "-o", str(made))
            running.append(_start([*compiler.command, *FLAGS, *options, *what]))
        for process in running:
            _finish(process)
        link = [*compiler.command, *FLAGS, "-shared", "-s", *map(str, objects), "-o", str(library), "-lm"]
        running.append(_start(link))
        _finish(running[-1])
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.communicate()
        for made in objects:
            made.unlink(missing_ok=True)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")


def _finish(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=COMPILE_LIMIT_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, stderr=said)


def _reason(error: Exception) -> str:
    # The line that names the error; a compiler says a hundred others.
    said = str(getattr(error, "stderr", "") or error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else type(error).__name__)
