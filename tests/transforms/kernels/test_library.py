"""How the kernels are found, compiled once, and done without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holter.transforms.kernels import build, library
from needs import needs, require

# As if this were another processor: the portable kernels compile in a third of the time.
FOUND = """
import json, sys, platform
platform.machine = lambda: "any"
from holter.transforms.kernels import build, found
got = found()
print(json.dumps([got.kernels and got.kernels.name, str(got.reason)]))
"""


def asked(cache: Path, **variables: str) -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", FOUND], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "HOLTER_KERNELS": "", **variables},
    )  # fmt: skip


def answer(process: Any) -> list[Any]:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    found: list[Any] = json.loads(said.splitlines()[-1])
    return found


@pytest.mark.long
@needs("c++")
def test_five_processes_at_once_compile_once(tmp_path: Path) -> None:
    compiler = tmp_path / "c++"  # that counts its calls
    calls = tmp_path / "calls"
    compiler.write_text(f'#!/bin/sh\necho >> {calls}\nexec c++ "$@"\n')
    compiler.chmod(0o755)
    cache = tmp_path / "cache"
    running = [asked(cache, CXX=str(compiler)) for _ in range(5)]
    assert all(answer(process)[0] is not None for process in running)
    assert len(calls.read_text().splitlines()) == 3  # two files, and the linker
    left = sorted(file.suffix for file in (cache / "holter" / "kernels").iterdir())
    assert left == [".lock", ".so"]
    # Later ones need no compiler; a damaged library is made anew.
    assert answer(asked(cache, CXX="/bin/false", PATH=""))[0] is not None
    made = next((cache / "holter" / "kernels").glob("*.so"))
    made.write_bytes(b"\x7fELF")
    assert answer(asked(cache, CXX=str(compiler)))[0] is not None
    # What others may write is not loaded.
    made.chmod(0o777)
    assert not library.is_ours(made)


@pytest.mark.slow
@needs("c++")
def test_without_a_cache_each_process_compiles_for_itself_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "holter").write_text("a file where the folder should be")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert answer(asked(tmp_path, TMPDIR=str(scratch)))[0] is not None
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PATH": ""}, "no C++ compiler is installed"),
        ({"PATH": "", "CXX": "/bin/false"}, "/bin/false"),
        ({"PATH": "", "CXX": "/no/such/compiler"}, "No such file"),
        ({"HOLTER_KERNELS": "torch"}, "HOLTER_KERNELS=torch"),
    ],
    ids=str,
)
def test_what_prevents_the_kernels_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    if build.zig() and "torch" not in reason:
        pytest.skip("ziglang is installed: there is a compiler")
    for name, value in {"XDG_CACHE_HOME": str(tmp_path), library.CHOICE: "", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(library, "_library", library._library.__wrapped__)  # as in a process that has not asked yet
    said = library.found.__wrapped__()
    assert said.kernels is None
    assert reason in str(said.reason)


@pytest.mark.parametrize("asked_for", ["AVX9", "avx 2"])
def test_an_instruction_set_that_is_not_there_is_named_with_those_that_are(
    asked_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("c++")
    assert library.kernels() is not None
    monkeypatch.setenv(library.CHOICE, asked_for)
    said = library.found.__wrapped__()
    assert said.kernels is None
    assert asked_for in said.reason
    assert "portable" in said.reason


def test_the_slowest_set_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    require("c++")
    assert library.kernels() is not None
    monkeypatch.setenv(library.CHOICE, "Portable")
    kernels = library.found.__wrapped__().kernels
    assert kernels is not None
    assert kernels.name == "portable"


def test_a_change_of_the_sources_changes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.cpp").write_text("int a;")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    before = build.fingerprint()
    (tmp_path / "a.cpp").write_text("int b;")
    assert build.fingerprint() != before


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"no library"])
def test_a_file_that_is_no_library_is_not_loaded(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.so").write_bytes(content)
    assert library.load(tmp_path / "x.so") is None
