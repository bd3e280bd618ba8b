"""Every command, fault and cause is documented, and what the documents say can be looked up."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import typer.main
from typer.testing import CliRunner

import holter
from holter.causes import PAGES
from holter.cli import app
from holter.demo.faults import FAULTS
from holter.reports.catalogue import english

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
READMES = (CHECKOUT / "README.md", CHECKOUT / "README.zh-CN.md")
PROSE = (*READMES, CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

QUOTATION = re.compile(
    r"`(?P<path>(?P<package>nnunetv2|batchgeneratorsv2|batchgenerators|acvl_utils)/[\w/.]+\.py):(?P<line>\d+)`"
    r"(?:\]\((?P<url>[^)]+)\))?:\s`(?P<code>[^`]+)`"
)
READ_IN = {"nnunetv2": "2.8.1", "batchgenerators": "0.25.5", "batchgeneratorsv2": "0.3.6", "acvl_utils": "0.2.6"}


def named(file: Path) -> object:
    return file.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


@pytest.mark.parametrize("readme", READMES, ids=named)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_both_readmes(command: str, readme: Path) -> None:
    assert f"`holter {command}" in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize("readme", READMES, ids=named)
def test_the_readmes_name_no_command_that_does_not_exist(readme: Path) -> None:
    told = set(re.findall(r"(?:`|\$ |; )holter ([a-z-]+)", readme.read_text(encoding="utf-8")))
    assert told - set(COMMANDS) == set()


@pytest.mark.parametrize("readme", READMES, ids=named)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_of_the_demo_is_in_both_readmes_and_in_its_help(fault: object, readme: Path) -> None:
    name = fault.name  # type: ignore[attr-defined]
    assert f"`{name}`" in readme.read_text(encoding="utf-8")
    # Rich breaks lines at dashes, too.
    assert name in re.sub(r"[\s│]+", "", CliRunner().invoke(app, ["demo", "--help"]).output)


def test_both_readmes_have_the_same_sections_tables_and_links() -> None:
    english, chinese = (readme.read_text(encoding="utf-8") for readme in READMES)
    for pattern in (r"^## ", r"^\| ", r"^- ", r"^```", r"<!-- /?overhead -->"):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), pattern
    targets = [
        set(re.findall(r"\]\(([^)]+)\)", text)) - {readme.name for readme in READMES} for text in (english, chinese)
    ]
    assert len([target for target in targets[0] if target.startswith("docs/img/")]) == 2
    assert {_in_chinese(target) for target in targets[0]} == targets[1]


def _in_chinese(target: str) -> str:
    """The page or picture of a Chinese reader; what is only in English stays so."""
    if target.startswith("docs/img/"):
        return re.sub(r"(\.\w+)$", r"-zh\1", target)
    page = target.replace("docs/", "docs/zh/", 1)
    return page if (CHECKOUT / page).exists() else target


@pytest.mark.parametrize("readme", READMES, ids=named)
def test_the_place_for_the_measured_overhead_is_marked(readme: Path) -> None:
    assert re.search(r"^<!-- overhead -->\n.+\n<!-- /overhead -->$", readme.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("document", PROSE, ids=named)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_architecture_page_lists_the_folders_there_are() -> None:
    listed = set(re.findall(r"^\| `([\w.]+)/?` \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.M))
    package = Path(holter.__file__).parent
    folders = {file.parent.name for file in package.glob("*/__init__.py")}
    assert listed == folders | {file.name for file in package.glob("*.py") if not file.name.startswith("__")}


def test_the_files_that_the_pages_for_developers_name_exist() -> None:
    """Names like `causes/NAME.py` are made up and are left out."""
    for page in (CHECKOUT / "CONTRIBUTING.md", DOCS / "architecture.md"):
        named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)[^`]*`", page.read_text(encoding="utf-8")))
        named = {name for name in named if not re.search(r"[A-Z]{3}|^tests/tapes/$", name)}
        roots = (CHECKOUT, Path(holter.__file__).parent)
        assert {name for name in named if not any((root / name).exists() for root in roots)} == set(), page.name


def test_each_list_of_a_contributor_names_as_many_files_as_its_heading_says() -> None:
    guide = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lists = re.findall(r"^### ([^\n]+): (\d+) files(, and 2 tapes)?\n(.*?)(?=^##)", guide, re.M | re.S)
    assert len(lists) == 7
    for change, count, tapes, text in lists:
        files = re.findall(r"^\d+\. ([^\n]*)", text, re.M)
        assert len(files) == int(count), change
        assert int(count) + (2 if tapes else 0) <= 7, change
        unnamed = [line for line in files if "`" not in line]
        assert len(unnamed) <= 1, change  # of a message: the test of the code that says it


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("folders_page", "folders.md"),
        ("diagnosis_schema", "diagnosis.schema.json"),
    ],
)
def test_a_page_that_is_made_is_up_to_date(script: str, page: str) -> None:
    made = runpy.run_path(str(DOCS / f"{script}.py"))["page"]()
    assert made == (DOCS / page).read_text(encoding="utf-8"), f"docs/{page} is not up to date: run `make docs`"


def test_make_docs_writes_every_page_that_is_made() -> None:
    recipe = re.findall(r"docs/(\w+)\.py > docs/", (CHECKOUT / "Makefile").read_text(encoding="utf-8"))
    assert sorted(recipe) == sorted(script.stem for script in DOCS.glob("*.py"))


def test_every_package_says_in_one_sentence_what_it_does() -> None:
    """docs/folders.md shows it."""
    summary = runpy.run_path(str(DOCS / "folders_page.py"))["summary"]
    sentences = {file.parent: summary(file.parent) for file in Path(holter.__file__).parent.rglob("__init__.py")}
    wrong = {str(folder): text for folder, text in sentences.items() if not re.fullmatch(r"[^.]+(\.\w[^.]*)*\.", text)}
    assert wrong == {}, "the first paragraph of the docstring must be one sentence"


def test_the_samples_of_the_json_page_keep_to_the_schema() -> None:
    schema = json.loads((DOCS / "diagnosis.schema.json").read_text(encoding="utf-8"))
    document: dict[str, object] = {}
    for sample in re.findall(r"```json\n(.*?)```", (DOCS / "diagnosis-json.md").read_text("utf-8"), re.S):
        document |= json.loads(sample)
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)


def test_the_sample_of_the_json_page_says_what_holter_says() -> None:
    sample = json.loads(re.findall(r"```json\n(.*?)```", (DOCS / "diagnosis-json.md").read_text("utf-8"), re.S)[0])
    remedies = [
        remedy for episode in sample["episodes"] for verdict in episode["diagnosis"] for remedy in verdict["remedies"]
    ]
    assert {remedy["id"]: remedy["text"] for remedy in remedies} == {
        remedy["id"]: english(f"remedy.{remedy['id']}") for remedy in remedies
    }


def test_every_notice_is_named_on_the_json_page_and_in_its_schema() -> None:
    source = Path(holter.__file__).parent
    notices = {
        name for file in source.rglob("*.py") for name in re.findall(r"Notice\(.*what=\"([\w-]+)\"", file.read_text())
    }
    assert len(notices) >= 5
    for page in (DOCS / "diagnosis-json.md", DOCS / "diagnosis.schema.json"):
        assert {name for name in notices if name not in page.read_text(encoding="utf-8")} == set(), page.name


# The causes of stalls, slow-downs and deaths that public reports tell of.
SURVEY = """
affinity-clobbered batch-size-cliff blosc2-io cgroup-cpu-quota cgroup-page-cache-pressure
compile-toolchain-broken compile-warmup concurrent-jobs-contention container-lost-gpu copy-on-read-growth
cpu-starved-augmentation cuda-device-assert cudnn-2d-host-leak data-workers-zero-fix ddp-collective-timeout
disk-full-or-quota epoch-definition export-lost-result-hang export-ram-oom external-kill faulty-host-hardware
fd-exhaustion few-cores-allocated fold-start-race fork-lock-deadlock gpu-lost-or-gsp gpu-oom-cpu-fallback
gpu-shared-or-zombie gpu-slow-kernels-software gpu-thermal-or-power huge-volume-cost kernel-time-reclaim
malloc-arena-retention nccl-p2p-broken nested-threadpoolctl-fork-crash no-exit-after-finish
not-stuck-output-hidden page-cache-cold plot-or-extra-hook-hang preprocess-worker-killed ram-oom-train-worker
remote-fs-error secondary-worker-message shm-too-small slow-storage spawn-respawn-each-epoch swap-thrash
thread-oversubscription threadpoolctl-version truncated-preprocessed-file unpack-slow-or-oom vgpu-unlicensed
vram-spill-to-host windows-spawn-commit wsl2-limits xorg-dpms-lookalike
"""


def test_every_cause_of_the_survey_has_a_page() -> None:
    survey = SURVEY.split()
    assert len(survey) == 56
    assert set(survey) <= set(PAGES)


@pytest.mark.parametrize(
    "found", list(QUOTATION.finditer((DOCS / "upstream.md").read_text("utf-8"))), ids=lambda f: f[0][:60]
)
def test_what_is_quoted_from_upstream_stands_where_the_page_says(found: re.Match[str]) -> None:
    package, version = found["package"], READ_IN[found["package"]]
    if found["url"]:
        assert found["url"].endswith(f"/blob/v{version}/{found['path']}#L{found['line']}")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations or importlib.metadata.version(package) != version:
        pytest.skip(f"{package} {version} is missing (pip install {package}=={version})")
    source = Path(next(iter(spec.submodule_search_locations))).parent / found["path"]
    assert found["code"] in source.read_text(encoding="utf-8").splitlines()[int(found["line"]) - 1]


def test_causes_that_the_page_on_upstream_names_exist() -> None:
    lines = re.findall(r"\*Holter:\*(.+)", (DOCS / "upstream.md").read_text(encoding="utf-8"))
    told = {name for line in lines for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", line)}
    assert len(told) >= 5
    assert told - set(PAGES) == set()


def fragments() -> list[Path]:
    """Every file there is, except the one that explains them: just after a release there may be none."""
    folder = CHECKOUT / "changelog.d"
    assert (folder / "README.md").is_file()
    return sorted(file for file in folder.iterdir() if file.name != "README.md")


def test_changelog_fragments_have_a_kind_and_say_something() -> None:
    for fragment in fragments():
        assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", fragment.name), fragment.name
        assert fragment.read_text(encoding="utf-8").strip().endswith((".", "。")), fragment.name


def test_a_release_gathers_every_fragment() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9", "--dir", str(CHECKOUT)]
    draft = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert "## 9.9.9" in draft
    assert draft.count("\n- ") == len(fragments())


def test_the_makefile_says_what_it_can_do_and_so_does_contributing() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^# make ([\w-]+)  ", makefile, re.M))
    assert explained == set(re.findall(r"^\.PHONY: (.+)$", makefile, re.M)[0].split())
    named = set(re.findall(r"(?:`|^)make ([\w-]+)", (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M))
    assert named == explained


def test_constraints_are_exact_versions_and_name_no_place() -> None:
    lines = (CHECKOUT / "constraints-dev.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    wrong = [
        pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\d.]+(post\d+)?( ; python_version >= \"3\.\d+\")?", pin)
    ]
    assert wrong == []
    assert "torch==2.13.0" in pins
