"""CONTRIBUTING lists the files of each kind of change. What is there already shows which files a change needs.

A file that names every cause is one that a new cause must be added to; the same for detectors, transforms, messages
and readings. So a second table that somebody has to keep makes these tests fail, and so does a list that has aged.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from scripts import lexicon, settled
from scripts.reference import LANGUAGES, folder
from scripts.reference.every_page import every_page

from holter.causes import MODULES
from holter.detectors import DETECTORS
from holter.records import samples
from holter.reports.html.vitals import CHARTS, GPU_KEYS
from needs import imported

ROOT = Path(__file__).parents[2]
SOURCE = "src/holter/"
PO = f"{SOURCE}reports/locale/zh_CN/LC_MESSAGES/holter.po"
WRITTEN_IN = {".py", ".po", ".md", ".toml", ".h", ".cpp", ".json", ".yml"}
# Whoever asks more of a contributor than this must say why in an issue first.
MOST_FILES = 7
# Of every kind of change: its changelog fragment. A test of it stands where CONTRIBUTING says.
FRAGMENT = "changelog.d/NAME.KIND.md"

pytestmark = pytest.mark.slow

Files = Mapping[str, set[str]]  # word -> the files that have it


class Instance(NamedTuple):
    """Something that exists: the file that is its own, the words by which other files know it, its name in paths."""

    own: str
    words: frozenset[str]
    name: str = ""


def files_of_every(instances: Iterable[Instance], files: Files) -> set[str]:
    """Return the files that know every instance; NAME stands for the name in a path, its own file is ``NAME``."""
    of_each = [
        {
            "NAME" if file == one.own else file.replace(one.name, "NAME") if one.name else file
            for file in {one.own}.union(*(files.get(word, set()) for word in one.words))
        }
        for one in instances
    ]
    return set.intersection(*of_each)


def made() -> set[Path]:
    """The files that a program writes."""
    pages = {folder(lang) / page.path for lang in LANGUAGES for page in every_page(lang)}
    return pages | {lexicon.LEXICON, settled.SETTLED}


@functools.cache
def by_word() -> Files:
    """Every word of the files that people write, names with dots whole and in parts, with the files that have it."""
    files: dict[str, set[str]] = defaultdict(set)
    not_written = made()
    for top in ("src", "tests", "scripts", "benchmarks", "docs"):
        for file in (ROOT / top).rglob("*"):
            if file.suffix not in WRITTEN_IN or file in not_written or "tapes" in file.parts:
                continue
            name = file.relative_to(ROOT).as_posix()
            for word in set(re.findall(r"[\w.-]+", file.read_text(encoding="utf-8", errors="replace"))):
                for part in (word, *word.split(".")):
                    files[part].add(name)
    return files


def listed(title: str) -> tuple[int, list[str]]:
    """Return the number of files in the heading of a kind of change, and the items of its list."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    match = re.search(rf"^### {title}[^\n:]*: (\d+) files[^\n]*\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    return int(match[1]), re.findall(r"^\d+\. (.*?)(?=^\d+\. |\n\n|\Z)", match[2], re.MULTILINE | re.DOTALL)


def keys_of(file: str) -> frozenset[str]:
    return frozenset(re.findall(r'\bdefine\(\s*"([^"]+)"', (ROOT / file).read_text(encoding="utf-8")))


def file_of(module: str) -> str:
    return f"src/{module.replace('.', '/')}.py"


def causes() -> list[Instance]:
    return [
        Instance(
            file_of(module.__name__),
            frozenset((module.CAUSE, f"cause.{module.CAUSE}.title")),
            module.__name__.rpartition(".")[2],
        )
        for module in MODULES
    ]


def detectors() -> list[Instance]:
    found = []
    for detector in DETECTORS:
        own = file_of(detector.__module__)
        near = re.findall(r"^from holter\.detectors(?:\.| import )(\w+)", (ROOT / own).read_text(), re.MULTILINE)
        files = (own, *(file_of(f"holter.detectors.{name}") for name in near))
        words = frozenset((detector.__name__,)).union(*map(keys_of, files))
        found.append(Instance(own, words, Path(own).stem))
    return found


def transforms() -> list[Instance]:
    """Those that draw; the others are given nothing."""
    imported("torch")
    from holter.trainer.auto.replay import PARAMETERS

    found = []
    for file in (ROOT / SOURCE / "transforms").rglob("*.py"):
        if re.search(r"^STOCK = ", file.read_text(), re.MULTILINE):
            own = file.relative_to(ROOT).as_posix()
            stock = importlib.import_module(own[4:-3].replace("/", ".")).STOCK.rpartition(".")[2]
            if stock in PARAMETERS:
                found.append(Instance(own, frozenset((stock, file.stem))))
    return found


def messages() -> list[Instance]:
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / SOURCE).rglob("*.py")]
    files.remove(f"{SOURCE}sentences.py")  # its examples
    return [Instance(file, frozenset((key,))) for file in files for key in keys_of(file)]


def readings() -> list[Instance]:
    """The fields of samples that the report's charts are made from."""
    of_samples = {
        field
        for record in vars(samples).values()
        for field in getattr(record, "__struct_fields__", ())
        if field not in ("t_s", "pid", "index", "role", "phase")
    }
    tree = ast.parse((ROOT / SOURCE / "reports/html/vitals.py").read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return [Instance(f"{SOURCE}records/samples.py", frozenset((field,))) for field in sorted(used & of_samples)]


def series() -> list[Instance]:
    keys = (*(key for _, _, keys in CHARTS for key in keys), *GPU_KEYS)
    return [Instance(f"{SOURCE}reports/html/vitals.py", frozenset((key,))) for key in keys]


def check(title: str, needed: set[str]) -> None:
    count, items = listed(title)
    needed = {file for file in needed if not file.startswith("tests/")}
    assert count == len(items), f"CONTRIBUTING, {title}: the heading and the list"
    assert count == len(needed) + 2, f"CONTRIBUTING, {title}: {sorted(needed)}, a test and {FRAGMENT}"
    assert count <= MOST_FILES
    for file in needed - {"NAME"}:
        assert any(file in item for item in items), f"CONTRIBUTING, {title}: {file} is missing"
    assert FRAGMENT in items[-1]


def test_a_new_cause_needs_the_listed_files() -> None:
    needed = files_of_every(causes(), by_word())
    assert "tests/causes/test_NAME.py" in needed
    check("A cause", needed)
    assert listed("A cause")[0] + 2 <= MOST_FILES  # with its tapes


def test_a_new_detector_needs_the_listed_files() -> None:
    check("A detector", files_of_every(detectors(), by_word()))


def test_a_new_transform_needs_the_listed_files() -> None:
    needed = files_of_every(transforms(), by_word())
    compiled = {file for file in needed if "/kernels/" in file}
    assert {Path(file).name for file in compiled} <= {"encode.py"}  # of the compiled form, which may come later
    check("A transform", needed - compiled)


def test_a_new_message_needs_the_listed_files() -> None:
    instances = messages()
    assert len(instances) > 1000
    assert files_of_every(instances, by_word()) == {"NAME", PO}
    check("A message", {"NAME", PO})


def test_a_new_reading_needs_the_listed_files() -> None:
    files = {
        word: {f"{SOURCE}probes/" if name.startswith(f"{SOURCE}probes/") else name for name in names}
        for word, names in by_word().items()
    }
    own = {one.own for one in (*readings(), *series())}
    of_both = files_of_every(readings(), files) | files_of_every(series(), files)
    check("A reading of a probe", own | (of_both - {"NAME"}))


def test_a_table_that_somebody_must_keep_is_found() -> None:
    files = {"one": {"a/one.py", "table.py", "t/test_one.py"}, "two": {"table.py", "t/test_two.py", "x.py"}}
    instances = [Instance("a/one.py", frozenset(("one",)), "one"), Instance("a/two.py", frozenset(("two",)), "two")]
    assert files_of_every(instances, files) == {"NAME", "table.py", "t/test_NAME.py"}
