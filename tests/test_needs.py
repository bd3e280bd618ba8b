"""What a machine lacks makes tests skip, with the package to install; where all is installed, a skip is a failure."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from needs import MAY_LACK, STRICT, needs
from tools import TOOLS

TESTS = Path(__file__).parent
PROGRAM = """
import pytest
from needs import imported, needs, require

@needs("chromium")
def test_marked(): pass

def test_asks():
    require("chromium")

def test_imports():
    imported("no_such_package")

@needs("unshare")
def test_has_what_it_needs(): pass

@pytest.mark.root
def test_of_root():
    import os
    assert os.geteuid() == 0
"""


@pytest.fixture
def results(tmp_path: Path) -> object:
    """Run PROGRAM with our own conftest where no program is installed but those of util-linux."""
    (tmp_path / "test_program.py").write_text(PROGRAM)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "unshare").symlink_to("/usr/bin/unshare")

    def run(**variables: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLTER_TESTS")}
        environment |= {
            "PATH": str(tmp_path / "bin"),
            "PYTHONPATH": os.pathsep.join((str(TESTS), *sys.path)),
            **variables,
        }
        options = ("-p", "conftest", "-c", str(TESTS.parent / "pyproject.toml"), "-rA", "-p", "no:cacheprovider")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    return run


def outcome(output: str, test: str) -> str:
    """PASSED, FAILED or SKIPPED, as the summary has it."""
    found = re.findall(rf"^(PASSED|FAILED|ERROR) test_program\.py::{test}\b", output, re.M)
    return found[0] if found else "SKIPPED"


@pytest.mark.slow
def test_what_is_missing_is_a_skip_that_names_the_package(results) -> None:
    output = results()
    reasons = re.findall(r"^SKIPPED \[1\] (test_program\.py):\d+: (.+)$", output, re.M)
    assert ("test_program.py", "chromium is missing (Debian: apt install chromium)") in reasons
    assert sum("chromium is missing" in reason for _, reason in reasons) == 2, output
    (reason,) = [reason for _, reason in reasons if "no_such_package" in reason]
    assert reason.startswith("the Python package no_such_package is missing (pip install no_such_package)")
    assert outcome(output, "test_has_what_it_needs") == "PASSED"
    assert outcome(output, "test_of_root") == ("PASSED" if os.geteuid() == 0 else "SKIPPED")


@pytest.mark.slow
def test_where_all_is_installed_what_is_missing_is_a_failure(results) -> None:
    output = results(**{STRICT: "1"})
    outcomes = {test: outcome(output, test) for test in ("test_marked", "test_asks", "test_imports")}
    assert outcomes == {"test_marked": "ERROR", "test_asks": "FAILED", "test_imports": "FAILED"}, output
    assert "chromium is missing (Debian: apt install chromium)" in output
    assert outcome(output, "test_has_what_it_needs") == "PASSED"
    assert outcome(output, "test_of_root") == ("PASSED" if os.geteuid() == 0 else "SKIPPED"), "nobody can install root"


@pytest.mark.slow
def test_what_could_not_be_installed_may_be_missing_all_the_same(results) -> None:
    output = results(**{STRICT: "1", MAY_LACK: "slurm chromium no_such_package"})
    assert {outcome(output, test) for test in ("test_marked", "test_asks", "test_imports")} == {"SKIPPED"}, output
    assert "tools that could not be installed" in output and "slurm chromium no_such_package" in output


def test_a_need_that_is_not_in_the_list_is_refused() -> None:
    with pytest.raises(KeyError, match=r"tests/tools\.py: netscape"):
        needs("chromium", "netscape")


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_says_how_it_is_installed(name: str) -> None:
    assert re.match(r"(Debian: apt|pip) install \S", TOOLS[name].how)


# Who looks for a program or a package without the list: `needs.py` cannot know what is missing then.
LOOKS = r"shutil\.which\(|importorskip\(\"(?!benchmarks)|find_spec\(|skipif\([^)]*(?:geteuid|find_|which)"
MAY_LOOK = {
    "cpu_torchvision/sitecustomize.py": "no test, but what makes torchvision load",
    "hook/inject/test_sitecustomize.py": "a module of the user's, found as Python finds it",
    "tools.py": "the list",
    "nvml/fake_nvml.py": "used by the benchmarks, which have no list",
    "remedies/test_next_checks.py": "bash, which every Debian has",
    "evidence/text_facts/test_answers_to_checks.py": "whatever commands a machine has, none of them needed",
    "evidence/text_facts/test_quiet_readouts.py": "whatever commands a machine has, none of them needed",
    "views/web/test_listening.py": "a finder that hides a package",
    "hook/dataloader/test_other_torch.py": "a finder that changes a line of torch",
    "cli/start/test_interrupted.py": "a finder that sends a signal",
    "docs/test_docs.py": "versions of packages that are quoted",
}


def test_nobody_looks_for_a_tool_past_the_list() -> None:
    files = {str(file.relative_to(TESTS)): file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py")}
    looking = {name for name, text in files.items() if re.search(LOOKS, text)}
    assert looking - {"test_needs.py"} == set(MAY_LOOK)


CI = TESTS.parent / ".ci" / "run"


def _fixtures_that_need_a_tool() -> set[str]:
    """The fixtures of every conftest.py that ask for a tool themselves."""
    found = set()
    for file in TESTS.rglob("conftest.py"):
        for function in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)):
            calls = [
                node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            ]
            names = [
                word.value
                for call in calls
                if call.func.id == "require"
                for word in call.args
                if hasattr(word, "value")
            ]
            if set(names) & set(TOOLS) and "fixture" in " ".join(map(ast.unparse, function.decorator_list)):
                found.add(function.name)
    return found


def test_ci_finds_every_file_with_a_fixture_that_needs_a_tool() -> None:
    (pattern,) = re.findall(r"^uses='(.+)'$", CI.read_text(), re.M)
    fixtures = _fixtures_that_need_a_tool()
    assert fixtures, "the fixture of the slow mount is one"
    for file in TESTS.rglob("test_*.py"):
        text = file.read_text()
        if any(re.search(rf"\b{fixture}\b", text) for fixture in fixtures):
            assert re.search(pattern, text), file


def in_ci(before: str, part: str, after: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a part of .ci/run, found by a pattern, between two lines."""
    found = re.search(part, CI.read_text(), re.M | re.S)
    assert found is not None
    script = "\n".join(("set -euo pipefail", before, found[0], after, "echo goes on"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLTER")} | variables
    return subprocess.run(["bash", "-c", script], env=environment, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("variables", "goes_on"), [({}, True), ({"HOLTER_CI_NEEDS_ALL": "1"}, False)])
def test_tools_that_cannot_be_hidden_are_named_or_a_failure(variables, goes_on, tmp_path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "bare").write_text("#!/bin/sh\nexit 77\n")
    (tmp_path / ".ci" / "bare").chmod(0o755)
    done = in_ci("", r"^bare\(\) \{.*?^\}", "bare true", tmp_path, **variables)
    assert (done.returncode, done.stdout) == ((0, "goes on\n") if goes_on else (77, ""))
    assert not goes_on or "NOT TESTED" in done.stderr


@pytest.mark.parametrize(
    ("lacking", "variables", "goes_on"),
    [("", {}, True), ("a b", {}, True), ("a b", {"HOLTER_CI_NEEDS_ALL": "1"}, False)],
)
def test_tools_that_cannot_be_installed_are_named_or_a_failure(lacking, variables, goes_on, tmp_path) -> None:
    done = in_ci(f"may_lack=({lacking})", r"^    if [^\n]*# named.*?^    fi$", "", tmp_path, **variables)
    assert (done.returncode == 0, "goes on" in done.stdout) == (goes_on, goes_on), done.stderr
    assert (lacking in done.stderr) if lacking else not done.stderr
