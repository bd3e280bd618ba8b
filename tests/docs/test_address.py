"""Where the repository is, is said in one line; every other place follows it."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import holter
from needs import imported, needs
from pages import PAGES

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts/address.py"
script = SimpleNamespace(**runpy.run_path(str(SCRIPT)))
FOLLOWING = (*script.PLACES, script.CITATION, script.SOURCE)
# What may be cloned, or installed by pip without a clone.
TAKEN = re.compile(r"\bgit clone (\S+)|\bgit\+([^\s\"`]+)")
SAYS_UNSET = {"scripts/address.py", "tests/docs/test_address.py"}
TEXT = (".md", ".py", ".sh", ".toml", ".yml", ".cff")


def files() -> Iterator[Path]:
    for top in sorted(CHECKOUT.iterdir()):
        if top.is_file():
            yield top
        elif top.name in (".ci", ".github", "benchmarks", "docs", "scripts", "src", "tests", "upstream"):
            yield from (file for file in sorted(top.rglob("*")) if file.suffix in TEXT and file.is_file())


def test_every_place_says_what_the_one_line_says() -> None:
    assert list(script.problems()) == []


def test_no_other_file_says_where_the_repository_is() -> None:
    word = re.compile(rf"\b{script.UNSET}\b")
    saying = {str(file.relative_to(CHECKOUT)) for file in files() if word.search(file.read_text("utf-8", "replace"))}
    assert saying - SAYS_UNSET == (set() if script.address() else set(script.PLACES))
    if now := script.address():
        saying = {str(file.relative_to(CHECKOUT)) for file in files() if now in file.read_text("utf-8", "replace")}
        assert saying == set(FOLLOWING)


def test_what_pages_clone_is_that_place_and_no_other() -> None:
    found = Counter[str]()
    for page in PAGES:
        for match in TAKEN.finditer(page.read_text(encoding="utf-8")):
            assert (match[1] or match[2]) == (script.address() or script.UNSET), page
            found[page.relative_to(CHECKOUT).as_posix()] += 1
    assert found == script.PLACES


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the program reads and writes, as it is while no address is set."""
    for name in (*FOLLOWING, "scripts/address.py", "hatch_build.py", "src/holter/__init__.py", "LICENSE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, root / "scripts/address.py", *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_one_command_sets_it_everywhere_and_another_one_changes_it(copy: Path) -> None:
    first, second = "https://git.example.org/group/holter", "https://example.org:8443/~us/holter"
    for address in (first, second):
        assert run(copy, address).returncode == 0
        assert list(script.problems(copy)) == []
        texts = {name: (copy / name).read_text(encoding="utf-8") for name in FOLLOWING}
        assert [name for name, text in texts.items() if address not in text] == []
        assert script.UNSET not in "".join(texts.values())
    assert first not in "".join(texts.values())
    assert f"\ngit clone {second} holter\n" in texts["README.md"]  # "the address of this page" has gone
    assert f"git clone {second} holter && cd holter\n" in texts["CONTRIBUTING.md"]
    assert imported("yaml").safe_load(texts[script.CITATION])["repository-code"] == second
    assert run(copy).stdout == f"the address of the repository: {second}\n"


def test_a_place_that_does_not_follow_is_named(copy: Path) -> None:
    run(copy, "https://example.org/us/holter")
    page = copy / "docs/first-stall.md"
    page.write_text(page.read_text(encoding="utf-8").replace("/us/", "/them/"), encoding="utf-8")
    done = run(copy)
    assert done.returncode == 1
    assert "docs/first-stall.md: https://example.org/us/holter 0 times instead of 1" in done.stdout


@pytest.mark.parametrize(
    "wrong", ["", "holter", "http://example.org/us/holter", "https://example.org", "https://example.org/us/holter/",
              "https://example.org/us/holter.git", 'https://example.org/"us"/holter', "git@example.org:us/holter"],
)  # fmt: skip
def test_what_is_no_address_changes_nothing(wrong: str, copy: Path) -> None:
    before = {name: (copy / name).read_bytes() for name in FOLLOWING}
    done = run(copy, wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert "https://example.org/us/holter" in done.stderr
    assert {name: (copy / name).read_bytes() for name in FOLLOWING} == before


def metadata(root: Path) -> Any:
    """What hatchling makes of pyproject.toml there."""
    imported("hatchling")
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    return ProjectMetadata(str(root), PluginManager()).core


@needs("hatchling")
def test_the_package_has_its_addresses_and_its_page_has_no_link_to_a_file(copy: Path) -> None:
    run(copy, "https://example.org/us/holter")
    core = metadata(copy)
    assert core.urls["Repository"] == "https://example.org/us/holter"
    assert {url.startswith("https://example.org/us/holter") for url in core.urls.values()} == {True}
    readme = (copy / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", core.readme)
    assert len(targets) == len(re.findall(r"\]\(([^)\s]+)\)", readme))
    assert [target for target in targets if not target.startswith("https://")] == []
    assert f"](https://example.org/us/holter/raw/v{holter.__version__}/docs/img/session.svg)" in core.readme
    assert f"](https://example.org/us/holter/blob/v{holter.__version__}/docs/first-stall.md)" in core.readme


@needs("hatchling")
def test_until_there_is_an_address_the_package_names_none(copy: Path) -> None:
    project = copy / "pyproject.toml"
    content = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r'(?m)^repository = ".*"$', 'repository = ""', content), encoding="utf-8")
    core = metadata(copy)
    assert core.urls == {}
    assert core.readme == (copy / "README.md").read_text(encoding="utf-8")


def test_nothing_is_published_while_a_place_does_not_follow() -> None:
    steps = (CHECKOUT / ".github/workflows/publish.yml").read_text(encoding="utf-8")
    assert 0 < steps.index("run: python scripts/address.py") < steps.index("scripts/distribution.py dist")
