"""What an error tells a user is a sentence with a key; a plain string is only a command to type."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import holter
from holter import errors
from holter.errors import HolterError, coded
from holter.probes.training import remarks
from holter.reports.catalogue import phrase

SOURCE = Path(holter.__file__).parent
# Parts that also work alone and know no sentences; what reaches a user of Holter has a code (``errors.coded``).
ALONE = ("loader", "transforms", "hook")
ERRORS = {name for name, member in inspect.getmembers(errors, inspect.isclass) if issubclass(member, HolterError)}
NAMED = re.compile(rf"\b(?:{'|'.join(sorted(ERRORS))})\(")
# A command, also of a Python or a command that is filled in, with a variable before it; or an option of one.
COMMAND = re.compile(
    r"(?:[A-Z]+=\S+ )?(?:holter|nnUNetv2_\w+|export|chmod|unset|ls|nvidia-smi|pip|python|pgrep|rm|\{\})(?: -|$)"
    r"|(?:holter|nnUNetv2_\w+|export|chmod|unset|ls|pip|python|pgrep|rm)(?: |$)|--\w"
)


def plain_texts(node: ast.expr, scope: ast.AST) -> Iterator[str]:
    """The strings that an expression may be, f-strings with their blanks as "{}"; of a name, all that it is set to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.BinOp):
        yield "".join(next(plain_texts(side, scope), "{}") for side in (node.left, node.right))
    elif isinstance(node, ast.IfExp):
        yield from (text for branch in (node.body, node.orelse) for text in plain_texts(branch, scope))
    elif isinstance(node, ast.BoolOp):
        yield from (text for value in node.values for text in plain_texts(value, scope))
    elif isinstance(node, ast.GeneratorExp):
        yield from plain_texts(node.elt, scope)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".join"):
        yield from plain_texts(node.args[0], scope)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("str", "repr"):
        yield ast.unparse(node)
    elif isinstance(node, ast.Name):
        for inner in ast.walk(scope):
            if isinstance(inner, ast.Assign) and any(
                isinstance(to, ast.Name) and to.id == node.id for to in inner.targets
            ):
                yield from plain_texts(inner.value, scope)


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Every creation of an error, with the function around it."""
    for scope in ast.walk(tree):
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(scope):
                if isinstance(node, ast.Call) and last_name(node.func) in ERRORS:
                    yield node, scope


def last_name(function: ast.expr) -> str:
    """``BadInput`` of ``BadInput(...)`` and of ``errors.BadInput(...)``."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def untranslated(tree: ast.Module) -> Iterator[str]:
    """The strings of errors that a user would read in English."""
    for call, function in calls(tree):
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if call.args:
            given["what"] = call.args[0]
        for name in ("what", "safe", "next_step"):
            for scope in (function, tree):
                texts = list(plain_texts(given[name], scope)) if name in given else []
                is_command = name == "next_step" and all(COMMAND.match(text) for text in texts)
                yield from (text for text in texts if text and not is_command)


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Every module that names an error, with its path."""
    for file in sorted(SOURCE.rglob("*.py")):
        path = file.relative_to(SOURCE)
        if path.parts[0] not in ALONE and NAMED.search(source := file.read_text(encoding="utf-8")):
            yield str(path), ast.parse(source)


def test_no_error_is_raised_with_a_plain_string() -> None:
    assert {(path, text) for path, tree in trees() for text in untranslated(tree)} == set()


def test_the_walk_sees_the_errors_and_their_strings() -> None:
    raised = sum(1 for _, tree in trees() for _ in calls(tree))
    assert raised >= 60
    source = """
def f(name):
    step = "Look." if name else "holter demo"
    raise BadInput(f"{name} is bad", safe="Nothing was " + "lost.", next_step=step)
"""
    assert set(untranslated(ast.parse(source))) == {"{} is bad", "Nothing was lost.", "Look.", "holter demo"}


def coded_texts() -> list[tuple[str, str]]:
    """Code and English of every text of the loader and the transforms; the blanks of its f-string are left out."""
    found = []
    for folder in ALONE:
        for file in sorted((SOURCE / folder).rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            tree = ast.parse(source if "coded(" in source else "")
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "coded":
                    scope = next(
                        (
                            function
                            for function in ast.walk(tree)
                            if isinstance(function, ast.FunctionDef)
                            and any(inner is node for inner in ast.walk(function))
                        ),
                        tree,
                    )
                    code, text = node.args
                    assert isinstance(code, ast.Constant)
                    found += [(str(code.value), text) for text in plain_texts(text, scope)]
    return found


def without_blanks(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", text)


def test_every_text_with_a_code_has_the_same_sentence_in_both_places() -> None:
    texts = coded_texts()
    assert {"cut-short", "image-differs", "transforms-untested"} <= {code for code, _ in texts}
    said = {code: {without_blanks(text) for other, text in texts if other == code} for code, _ in texts}
    for code, english in said.items():
        assert without_blanks(remarks.REMARKS[code].english) in english, code


@pytest.mark.parametrize(("lang", "words"), [("en", "cut short: 5 of 9 bytes"), ("zh", "文件被截断：9 字节中只有 5")])
def test_a_text_with_a_code_is_translated(lang: str, words: str) -> None:
    inner = coded("cut-short", "cut short: 5 of 9 bytes", size=5, wanted=9)
    whole = coded("read-kind", f"libblosc2: {inner}", kind="libblosc2", reason=inner)
    assert whole == "libblosc2: cut short: 5 of 9 bytes"
    assert words in phrase(remarks.worded(whole), lang)  # type: ignore[arg-type]
