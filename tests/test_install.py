"""The lines for pip that Holter prints work where it was installed from, and no index need have Holter."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import holter
from holter.install import extra_line
from needs import imported

CHECKOUT = Path(__file__).resolve().parents[1]
EXTRAS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PROGRAM = """
from holter.install import extra_line, holter_line, update_line
print(extra_line("web"), holter_line("/opt/python"), update_line(), sep="\\n")
"""


def lines_of(folder: Path, direct_url: dict[str, object] | None) -> list[str]:
    """The three lines of a Holter 9.8 that pip installed from there."""
    about = folder / "holter-9.8.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: holter\nVersion: 9.8\nProvides-Extra: web\n"
        'Requires-Dist: rich>=13.7\nRequires-Dist: tomli>=2.0; python_version < "3.11"\n'
        "Requires-Dist: starlette>=0.40; extra == 'web'\n"
        'Requires-Dist: uvicorn>=0.30; (python_version >= "3.8") and extra == "web"\n'
        "Requires-Dist: textual>=1.0; extra == 'top'\n"
    )
    if direct_url is not None:
        (about / "direct_url.json").write_text(json.dumps(direct_url))
    # Its own entry on sys.path comes first, so that this dist-info is the one that is found.
    source = str(Path(holter.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(folder)!r}, {source!r}]\n{PROGRAM}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


@pytest.mark.parametrize("extra", sorted(set(EXTRAS) - {"dev"}))
def test_the_line_of_an_extra_names_its_packages(extra: str) -> None:
    python, *words = shlex.split(extra_line(extra))
    assert (python, words[:3]) == (sys.executable, ["-m", "pip", "install"])
    assert sorted(words[3:]) == sorted(EXTRAS[extra])


@pytest.mark.slow
def test_pip_takes_the_lines_as_they_are() -> None:
    for package in ("pip", "textual", "starlette", "uvicorn", "pyarrow"):
        imported(package)
    words = [word for extra in ("top", "web", "parquet") for word in shlex.split(extra_line(extra))[4:]]
    command = [sys.executable, "-m", "pip", "install", *words, "--no-index", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("direct_url", "same", "newest"),
    [
        (None, "holter=={version}", "holter"),
        ({"url": "file:///home/anna/my%20clone", "dir_info": {"editable": True}}, "'/home/anna/my clone'",
         "'/home/anna/my clone'"),
        ({"url": "file:///tmp/holter-9.8-py3-none-any.whl", "archive_info": {}}, "/tmp/holter-9.8-py3-none-any.whl",
         "/tmp/holter-9.8-py3-none-any.whl"),
        ({"url": "https://git.example.org/holter.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
         "git+https://git.example.org/holter.git@abc123", "git+https://git.example.org/holter.git"),
    ],
    ids=["index", "clone", "wheel", "git"],
)  # fmt: skip
def test_holter_itself_comes_from_where_this_one_came(
    tmp_path: Path, direct_url: dict[str, object] | None, same: str, newest: str
) -> None:
    extra, for_other, update = lines_of(tmp_path, direct_url)
    assert extra == f"{sys.executable} -m pip install 'starlette>=0.40' 'uvicorn>=0.30'"
    assert for_other == f"/opt/python -m pip install {same.format(version=holter.__version__)}"
    assert update == f"{sys.executable} -m pip install --upgrade {newest}"


def test_no_sentence_tells_to_take_holter_from_an_index() -> None:
    """Until it is on one: README.md says where it is to be had."""
    wrong = re.compile(r"pip install [^\n]*\bholter\b(?!_)(?:\[|['\"]|$| )")
    files = [*Path(holter.__file__).parent.rglob("*.py"), *Path(holter.__file__).parent.rglob("*.po")]
    found = [str(file) for file in files if wrong.search(file.read_text(encoding="utf-8"))]
    assert found == []
