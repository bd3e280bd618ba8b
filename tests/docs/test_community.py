"""What a hosting site reads of a repository is valid and names what exists: workflows, forms, citation, container."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import holter
from needs import imported, needs

CHECKOUT = Path(__file__).resolve().parents[2]
GITHUB = CHECKOUT / ".github"
FORMS = sorted(GITHUB.glob("ISSUE_TEMPLATE/problem*.yml"))
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": FORMS,
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "citation-file-format": [CHECKOUT / "CITATION.cff"],
}


def content(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = imported("yaml").safe_load(file.read_text(encoding="utf-8"))
    return loaded


def project() -> dict[str, Any]:
    toml = imported("tomllib" if sys.version_info >= (3, 11) else "tomli")
    loaded: dict[str, Any] = toml.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.slow
@needs("check-jsonschema")
@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_file_keeps_to_its_schema(schema: str, tmp_path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*check, *SCHEMAS[schema]], capture_output=True, text=True, check=False)
    assert SCHEMAS[schema] and done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("surely: wrong\n")
    assert subprocess.run([*check, wrong], capture_output=True, check=False).returncode == 1


def test_workflows_run_what_there_is() -> None:
    targets = set(re.findall(r"^\.PHONY: (.+)$", (CHECKOUT / "Makefile").read_text(), re.M)[0].split())
    for workflow in WORKFLOWS:
        steps = [step for job in content(workflow)["jobs"].values() for step in job["steps"]]
        commands = [step["run"] for step in steps if "run" in step]
        assert commands, workflow.name
        for command in commands:
            assert set(re.findall(r"\bmake ([\w-]+)", command)) <= targets
            assert all((CHECKOUT / name).is_file() for name in re.findall(r"\bscripts/\w+\.py", command))
    built = {"check", "docs-site", "test"}
    assert built <= set(re.findall(r"run: make ([\w-]+)", (GITHUB / "workflows/ci.yml").read_text()))
    assert {"check", "docs-site"} == set(
        re.findall(r"^make --no-print-directory ([\w-]+)$", (CHECKOUT / ".ci/run").read_text(), re.M)
    )


def test_ci_runs_every_python_that_the_package_names() -> None:
    matrix = content(GITHUB / "workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    named = [name.rpartition(" ")[2] for name in project()["project"]["classifiers"] if "Python :: 3." in name]
    assert matrix["python-version"] == named
    assert project()["project"]["requires-python"] == f">={named[0]}"


def test_the_citation_names_this_version() -> None:
    assert str(content(CHECKOUT / "CITATION.cff")["version"]) == holter.__version__


def test_package_help_citation_and_pages_say_alike_how_soon_a_stall_is_noticed() -> None:
    """As ``benchmarks/RESULTS.md`` has it: not every one in seconds."""
    for file in ("pyproject.toml", "CITATION.cff", "README.md", "docs/index.md", "src/holter/cli/__init__.py"):
        said = " ".join((CHECKOUT / file).read_text(encoding="utf-8").split())
        assert "mostly within 15 seconds" in said, file
        assert "stall in seconds" not in said, file


def test_the_forms_ask_for_the_diagnosis_and_the_tape_in_both_languages() -> None:
    english, chinese = (content(form)["body"] for form in sorted(FORMS, key=lambda form: form.stem.endswith("-zh")))
    assert len(FORMS) == 2
    assert [(part["type"], part.get("id")) for part in english] == [(part["type"], part.get("id")) for part in chinese]
    for body in (english, chinese):
        parts = {part.get("id"): part for part in body}
        assert "holter diagnose" in parts["diagnosis"]["attributes"]["label"]
        assert "--md" in parts["diagnosis"]["attributes"]["label"]
        assert ".holter" in parts["tape"]["attributes"]["description"]
        assert parts["diagnosis"]["validations"]["required"] and parts["tape"]["validations"]["required"]


@pytest.mark.parametrize("page", ["SECURITY.md", ".github/PULL_REQUEST_TEMPLATE.md"])
def test_links_lead_somewhere(page: str) -> None:
    file = CHECKOUT / page
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", file.read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (file.parent / target).exists()] == []


def test_the_container_is_built_from_what_the_source_distribution_has() -> None:
    """Less in the context, and the build fails; more, and every change of a test builds it again."""
    included = {name.lstrip("/") for name in project()["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    ignore = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {name.lstrip("!") for name in ignore if name.startswith("!")} == included | {"pyproject.toml"}
    assert [name for name in included if not (CHECKOUT / name).exists()] == []
