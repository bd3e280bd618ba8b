"""Prints docs/folders.md, from the first sentence of each package's docstring: `make docs`."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "holter"

HEAD = """# The folders of `src/holter/`

Made by `make docs` from the first sentence of each `__init__.py`; a test fails if this page is not up to date.
[Architecture](architecture.md) says
which folder may use which.

| folder | what it does |
|---|---|
"""


def page() -> str:
    """Return the whole page."""
    packages = sorted(file.parent.relative_to(PACKAGE) for file in PACKAGE.rglob("__init__.py"))
    return HEAD + "".join(_row(package) for package in packages if package.parts)


def _row(package: Path) -> str:
    folder = PACKAGE / package
    indent = "&emsp;" * (len(package.parts) - 1)
    return f"| {indent}[`{package.as_posix()}/`](../src/holter/{package.as_posix()}) | {summary(folder)} |\n"


def summary(folder: Path) -> str:
    """Return the first paragraph of the package's docstring, as Markdown."""
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split()).replace("``", "`")


if __name__ == "__main__":
    print(page(), end="")
