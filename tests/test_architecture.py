"""One noun everywhere, and who may import whom: names kept by hand drift, so they are compared."""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path

import pytest

import holter
from holter.causes import CAUSES, MODULES, PAGES, pages_only
from holter.errors import HolterError
from holter.evidence.vocabulary import NAMES, VOCABULARY
from holter.remedies import REMEDIES
from holter.reports.catalogue import every_sentence, known
from holter.reports.explain import page, sections
from needs import imported

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = Path(holter.__file__).parent
HOOK = PACKAGE / "hook"
NOT_CAUSES = {
    "__init__.py", "described.py", "lacking.py", "offers.py", "pages_only.py", "sentences.py", "shared_rules.py",
    "steps.py", "weigh.py",
}  # fmt: skip
CAUSE_FILES = sorted(file for file in (PACKAGE / "causes").glob("*.py") if file.name not in NOT_CAUSES)
HEADINGS = ["What happens", "How we know", "Looks like", "What helps", "Source"]
CHINESE_HEADINGS = ["发生了什么", "如何判断", "容易混淆", "怎么办", "来源"]
HEAVY = ("torch", "nnunetv2", "batchgenerators", "numpy")
# They run in processes of their own: the data set needs numpy, the others are nnU-Net's side of the house.
NOT_OFFLINE = (
    "holter.bench.child",  # the measuring side, in the training's Python
    "holter.demo.dataset",
    "holter.demo.slow_fs",
    "holter.trainer",
    "holter.loader",
    "holter.transforms",
    "holter.hook",
    "holter.__main__",
)


@functools.cache
def sources() -> dict[Path, str]:
    """Every file of the package, relative to its folder, with its text: read once for all laws."""
    return {file.relative_to(PACKAGE): file.read_text() for file in PACKAGE.rglob("*.py")}


def python(program: str, *options: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"} | ({"PYTHONPATH": str(path)} if path else {})
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


# --- causes -----------------------------------------------------------------------------------------------------


def test_every_file_of_a_cause_is_registered_once() -> None:
    registered = Counter(module.__name__.rpartition(".")[2] for module in MODULES)
    files = Counter(file.stem for file in CAUSE_FILES)
    assert registered == files, "a file of src/holter/causes/ has a CAUSE, or is named in NOT_CAUSES"


@pytest.mark.parametrize("file", CAUSE_FILES, ids=lambda file: file.stem)
def test_a_cause_has_one_name_in_file_registry_catalogues_and_remedies(file: Path) -> None:
    cause = file.stem.replace("_", "-")
    module = importlib.import_module(f"holter.causes.{file.stem}")
    assert cause == module.CAUSE
    assert cause in CAUSES
    assert known(f"cause.{cause}.title")
    assert cause in REMEDIES


@pytest.mark.parametrize("file", CAUSE_FILES, ids=lambda file: file.stem)
def test_a_cause_has_a_page_with_all_five_headings_in_both_languages(file: Path) -> None:
    cause = file.stem.replace("_", "-")
    english = [name for name, text in sections(cleandoc(PAGES[cause])) if name and text]
    assert english == HEADINGS
    chinese = [name for name, text in sections(page(cause, "zh")) if name and text]
    assert chinese == CHINESE_HEADINGS


def test_no_page_title_or_remedy_is_left_over_from_a_cause_that_is_gone() -> None:
    titles = {key.split(".")[1] for key in every_sentence() if key.startswith("cause.")}
    assert titles == set(PAGES)
    assert set(REMEDIES) == set(CAUSES)


@pytest.mark.parametrize("name", sorted(pages_only.PAGES))
def test_a_page_without_a_verdict_has_all_five_headings_in_both_languages(name: str) -> None:
    english = [heading for heading, text in sections(cleandoc(PAGES[name])) if heading and text]
    assert english == HEADINGS
    chinese = [heading for heading, text in sections(page(name, "zh")) if heading and text]
    assert chinese == CHINESE_HEADINGS
    assert name not in CAUSES


@pytest.mark.parametrize("file", CAUSE_FILES, ids=lambda file: file.stem)
def test_a_cause_is_tested_by_stated_facts(file: Path) -> None:
    test = CHECKOUT / "tests/causes" / f"test_{file.stem}.py"
    assert test.is_file(), f"write {test.relative_to(CHECKOUT)} (see its neighbours); a tape alone has no look-alike"


# Other things with the name of a cause: remarks of the hook and of Holter's loader, and checks of the doctor.
OTHER_THINGS = {
    ("doctor", "process-limit"), ("doctor", "read-only-data"), ("evidence", "loss-not-finite"),
    ("evidence", "read-only-data"), ("hook", "read-only-data"), ("hook", "worker-exited"), ("hook", "worker-killed"),
    ("probes", "loss-not-finite"), ("probes", "worker-exited"), ("probes", "worker-killed"),
    ("trainer", "gpu-out-of-memory"), ("reports", "ended-early"), ("reports", "loss-not-finite"),
    ("reports", "read-only-data"),
    ("cli", "worker-exception"),  # a fault of the demo
}  # fmt: skip
# Causes named for a reader, as an example of help, or as the page to read after an alert on a number.
TO_READ = {("cli", "frozen-worker"), ("views", "cpu-starved-augmentation"), ("views", "vgpu-unlicensed")}


def named_causes(text: str) -> set[str]:
    return CAUSES.keys() & set(re.findall(r"[\w-]+", text))


def without_docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    return (node for node in ast.walk(tree) if id(node) not in docstrings)


@pytest.mark.slow
def test_what_belongs_to_one_cause_is_in_its_file_and_nowhere_else() -> None:
    """Not in the demo: each of its faults names the cause that must be found."""
    named = {
        (file.parts[0], cause)
        for file, text in sources().items()
        if file.parts[0] not in ("causes", "demo") and named_causes(text)
        for node in without_docstrings(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for cause in named_causes(node.value)
    }
    assert named == OTHER_THINGS | TO_READ, "state it in the file of the cause, and read it with holter.causes.stated()"


# A sentence stays a Message until it is shown, so that it can be shown in any language. Here English is wanted: in JSON
# and in exports, which other programs read; and in the text of an exception, for logs and tracebacks.
IN_ENGLISH = {
    "doctor/collect/survey.py", "doctor/collect/jobs.py", "reports/json/as_json.py", "reports/catalogue/__init__.py",
    "reports/tables/export.py",
}  # fmt: skip


@pytest.mark.slow
def test_a_sentence_becomes_english_only_in_json_and_exports() -> None:
    rendered = {
        file.as_posix()
        for file, text in sources().items()
        if "phrase" in text and ("'en'" in text or '"en"' in text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "phrase"
        if any(
            isinstance(given, ast.Constant) and given.value == "en"
            for given in (*node.args[1:], *(keyword.value for keyword in node.keywords))
        )
    }
    assert rendered == IN_ENGLISH, "pass the message on, and render it where it is shown"


def test_a_fact_is_described_once() -> None:
    assert len(VOCABULARY) == len(NAMES)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CAUSE)
def test_a_cause_asks_only_for_facts_of_the_vocabulary(module: object) -> None:
    assert {rule.fact for rule in module.RULES} - NAMES == set()  # type: ignore[attr-defined]


# --- errors -----------------------------------------------------------------------------------------------------


def errors(base: type[HolterError] = HolterError) -> Iterator[type[HolterError]]:
    yield base
    for child in base.__subclasses__():
        yield from errors(child)


A_CLASS = re.compile(r"^ *class (\w+)\(([^)]*)\)", re.MULTILINE)


def files_of_errors(sources: Mapping[Path, str]) -> set[Path]:
    """The files with a class that inherits from HolterError, however far from it."""
    classes = [
        (name, set(re.findall(r"\w+", bases)), file)
        for file, text in sources.items()
        for name, bases in A_CLASS.findall(text)
    ]
    names, files = {"HolterError"}, set[Path]()
    while new := {(name, file) for name, bases, file in classes if bases & names and name not in names}:
        names |= {name for name, _ in new}
        files |= {file for _, file in new}
    return files


def test_an_error_is_found_wherever_it_is_defined() -> None:
    texts = {"a.py": "class A(B, int):", "b.py": "class B(HolterError):\n    x = 1", "c.py": "class C(Base):"}
    assert files_of_errors({Path(name): text for name, text in texts.items()}) == {Path("a.py"), Path("b.py")}


def test_every_error_has_an_id_of_its_own() -> None:
    for file in files_of_errors(sources()):  # an error may be defined far from the tree
        importlib.import_module(".".join(("holter", *file.with_suffix("").parts)))
    ids = Counter(error.id for error in errors())
    assert {error_id for error_id, count in ids.items() if count > 1} == set()
    assert all(error_id.replace("-", "").islower() for error_id in ids)


# --- who imports whom -------------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command as run; run(['--no-cache'])"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, to be broken."""
    imported("importlinter")
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "src" / "holter", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
def test_the_import_contracts_hold(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_folder_that_the_contract_does_not_name_breaks_it(copy: Path) -> None:
    (copy / "src" / "holter" / "strays").mkdir()
    (copy / "src" / "holter" / "strays" / "__init__.py").write_text('"""Nobody knows us."""\n')
    done = lint_imports(copy)
    assert done.returncode != 0
    assert "strays" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("tape/reader.py", "import holter.causes"),
        ("causes/weigh.py", "import torch"),
        ("hook/page.py", "import psutil"),
    ],
)
def test_an_import_that_points_upward_or_outward_breaks_a_contract(copy: Path, file: str, line: str) -> None:
    with (copy / "src" / "holter" / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert lint_imports(copy).returncode != 0


# --- the size of folders ----------------------------------------------------------------------------------------

MOST_MODULES = 20
# One file a cause, and one test file for each: a name leads from the command line to the code.
ONE_FILE_A_CAUSE = {"src/holter/causes", "tests/causes"}


def test_no_folder_holds_more_modules_than_a_reader_can_survey() -> None:
    folders = Counter(
        str(file.parent.relative_to(CHECKOUT))
        for top in ("src/holter", "tests", "benchmarks")
        for file in (CHECKOUT / top).rglob("*.py")
    )
    assert {folder for folder, count in folders.items() if count > MOST_MODULES} == ONE_FILE_A_CAUSE


# --- tests mirror src -------------------------------------------------------------------------------------------

# What is tested elsewhere: with what it starts, with the step that it is part of, or wherever records are made.
TESTED_IN = {
    "cli/measuring": "bench", "cli/studies": "study", "evidence/stated": "diagnosis", "records": "tape",
    "trainer/external": "trainer", "transforms/local": "transforms/kernels",
    "transforms/resample": "transforms/spatial",
}  # fmt: skip


def test_a_folder_of_the_source_has_a_folder_of_tests_with_its_name() -> None:
    source = {str(file.parent.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py")} - {"."}
    tested = {str(file.parent.relative_to(CHECKOUT / "tests")) for file in CHECKOUT.glob("tests/**/test_*.py")}
    tested |= {str(parent) for folder in tested for parent in Path(folder).parents}
    assert source - tested == set(TESTED_IN), "move its tests there, or say in TESTED_IN where they are"
    assert set(TESTED_IN.values()) <= tested


# --- the offline side -------------------------------------------------------------------------------------------


def offline_modules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(holter.__path__, "holter.")]
    return [name for name in names if not any(name == out or name.startswith(f"{out}.") for out in NOT_OFFLINE)]


def heavy_after(*modules: str) -> str:
    program = f"import sys, {', '.join(modules)}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = python(program)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_everything_offline_imports_without_torch_nnunet_and_numpy() -> None:
    modules = offline_modules()
    assert {"holter.cli", "holter.tape.reader", "holter.demo.runner", "holter.supervisor.run"} <= set(modules)
    assert heavy_after(*modules) == ""


def test_the_look_at_heavy_modules_can_see_one() -> None:
    imported("numpy")
    assert heavy_after("holter.tape", "numpy") == "numpy"


# --- the hook ---------------------------------------------------------------------------------------------------

LOAD_THE_HOOK = """
import os, sys
here, scratch = {here!r}, {scratch!r}
os.environ["HOLTER_SCRATCH"], os.environ["HOLTER_GENERATION"] = scratch, "0"
package = type(sys)("_holter_hook")
package.__path__ = [here]
sys.modules["_holter_hook"] = package
import importlib, pkgutil
for module in pkgutil.walk_packages([here], "_holter_hook."):
    if ".inject" not in module.name:
        importlib.import_module(module.name)
sys.modules["_holter_hook.runtime"].RUNTIME.activate("nnunetv2")
own = {{"_holter_hook", "__main__", "__mp_main__"}}  # the last is multiprocessing's other name for the program
known = sys.stdlib_module_names | set(sys.builtin_module_names) | own
print(*sorted({{name.partition(".")[0] for name in sys.modules}} - known))
print("woken" if os.listdir(scratch) else "asleep")
"""


def test_the_hook_runs_in_an_interpreter_that_has_nothing_but_the_standard_library(tmp_path: Path) -> None:
    program = LOAD_THE_HOOK.format(here=str(HOOK), scratch=str(tmp_path))
    done = python(program, "-I", "-S")
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["", "woken"]


def test_the_interpreter_of_that_test_has_no_other_packages() -> None:
    assert sysconfig.get_paths()["purelib"] not in python("import sys; print(sys.path)", "-I", "-S").stdout
    assert python("import holter", "-I", "-S").returncode != 0


def test_every_tape_that_a_page_cites_is_there() -> None:
    """A page may name its recording only once it is kept."""
    for module in MODULES:
        folder = f"tests/tapes/{module.__name__.rsplit('.', 1)[-1]}"
        cited = folder in " ".join((module.__doc__ or "").split())
        kept = any((CHECKOUT / folder).glob("*.holter"))
        assert cited == kept, module.CAUSE
