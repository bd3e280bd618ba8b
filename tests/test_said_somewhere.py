"""Every sentence that is defined is said somewhere: what nobody can see is not kept, and not translated."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from scripts import translations

import holter

SOURCE = Path(holter.__file__).parent


class Code(NamedTuple):
    """What a package's modules and templates name."""

    names: set[tuple[str, str]]  # module, name that is read there or imported from there
    attributes: set[str]
    quoted: Counter[str]
    patterns: set[str]  # regular expressions for keys that the code composes: f"cause.{name}.title"
    constants: dict[str, tuple[str, tuple[str, ...]]]  # key -> module, constants that hold the sentence


def code_of(folder: Path) -> Code:
    code = Code(set(), set(), Counter(), set(), {})
    for file in folder.rglob("*.py"):
        _read(ast.parse(file.read_text(encoding="utf-8")), module_of(file, folder), code)
    for file in folder.rglob("*.j2"):
        template = file.read_text(encoding="utf-8")
        code.quoted.update(re.findall(r"""["']([a-z][\w.-]*)["']""", template))
        code.patterns.update(f"{re.escape(start)}.+" for start in re.findall(r'"([a-z-]+\.)" ~', template))
    return code


def module_of(file: Path, folder: Path) -> str:
    parts = (folder.name, *file.relative_to(folder).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def _read(tree: ast.Module, module: str, code: Code) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            code.names.add((module, node.id))
        elif isinstance(node, ast.ImportFrom):
            code.names.update((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute):
            code.attributes.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            code.quoted[node.value] += 1
        elif isinstance(node, ast.JoinedStr):
            pattern = "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in node.values)
            if isinstance(node.values[0], ast.Constant) and re.match(r"[a-z-]+\.", node.values[0].value):
                code.patterns.add(pattern)
    for statement in tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            held = tuple(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
            code.constants.update((key, (module, held)) for key in _defined_in(statement))


def _defined_in(statement: ast.stmt) -> list[str]:
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if isinstance(call.args[0], ast.Constant)]
    return [call.args[0].value for call in named if ast.unparse(call.func) in ("define", "sentences.define")]


def is_said(key: str, code: Code) -> bool:
    """Return whether a constant with the sentence is used, or its key is quoted beside its definition, or composed."""
    module, names = code.constants.get(key, ("", ()))
    used = any((module, name) in code.names or name in code.attributes for name in names)
    return used or code.quoted[key] > 1 or any(re.fullmatch(pattern, key) for pattern in code.patterns)


@pytest.mark.slow
def test_every_defined_sentence_is_said_somewhere() -> None:
    code = code_of(SOURCE)
    keys = [key for key in translations.defined_sentences() if not key.startswith("test.")]
    assert len(keys) > 3000
    assert [key for key in keys if not is_said(key, code)] == [], "use the sentence, or delete it"


def test_the_law_sees_a_sentence_that_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        'UNUSED = define("a.unused", "x")\nUSED = define("a.used", "x")\nSENT = define("a.sent", "x")\n'
        'FAR = define("a.far", "x")\ndefine_all({"b.composed": "x", "c.nowhere": "x", "c.shown": "x"})\n'
        'def say(name):\n    return USED(), f"b.{name}"\n'
    )
    (tmp_path / "two.py").write_text("import one as words\nwords.FAR()\nsend('a.sent')\n")
    (tmp_path / "page.j2").write_text('{{ t("c.shown") }}')
    code = code_of(tmp_path)
    keys = ["a.unused", "a.used", "a.sent", "a.far", "b.composed", "c.nowhere", "c.shown"]
    assert [key for key in keys if not is_said(key, code)] == ["a.unused", "c.nowhere"]
