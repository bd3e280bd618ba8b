"""Sentences as data: defined once, filled with values in base units, shown in units as people say them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from scripts import translations

import holter
from holter.records import Message, Subject
from holter.reports.catalogue import phrase
from holter.sentences import ENGLISH, SINGULAR, define

SOURCE = Path(holter.__file__).parent
CODE = [file.read_text(encoding="utf-8") for kind in ("py", "j2") for file in sorted(SOURCE.rglob(f"*.{kind}"))]
PAUSED = define("test.paused", "{who} has been silent for {age:duration}, holding {held:bytes} ({part:percent} %)")


def test_a_message_is_rendered_with_units_and_names() -> None:
    told = PAUSED(who=Subject(role="train-worker", index=3, pid=47), age=200.0, held=25.8e9, part=0.42)
    english = phrase(told, "en")
    assert english == "worker 3 (PID 47) has been silent for 3 min 20 s, holding 24 GiB (42 %)"


def test_what_is_not_known_is_left_out_of_the_message() -> None:
    assert PAUSED(age=None, held=1.0).values == (("held", 1.0),)


def test_a_message_survives_the_tape() -> None:
    told = PAUSED(who=Subject(role="main"), age=1, held=2.5, part=0.1)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Message) == told


def test_a_key_stands_for_one_sentence() -> None:
    assert define("test.paused", ENGLISH["test.paused"]) == PAUSED
    with pytest.raises(ValueError, match=r"test\.paused is defined twice"):
        define("test.paused", "something else")


def test_a_key_is_defined_in_one_place() -> None:
    places = Counter(key for code in CODE for key in re.findall(r'\bdefine\(\s*"([^"]+)"', code))
    assert [key for key, count in places.items() if count > 1] == []


def test_a_percent_sign_is_written_in_one_way() -> None:
    """ "84 %", but for the narrow columns of ``holter top`` and an option that a person types."""
    glued = re.compile(r"[\d}]%")
    chinese = {message.context: message.string for message in translations.read(translations.FILE) if message.context}
    typed = ("5% or 5", "写 5%")
    found = [
        (key, said)
        for key, english in translations.defined_sentences().items()
        for said in (english, str(chinese.get(key, "")))
        if glued.search(said) and not key.startswith(("top.", "test.")) and not any(part in said for part in typed)
    ]
    assert found == []


def test_every_sentence_is_known_to_a_program_that_only_shows_them() -> None:
    keys = [key for key in translations.defined_sentences() if not key.startswith(("page.", "test."))]
    script = (
        "import sys; from holter.reports import catalogue as c; print(*(k for k in sys.argv[1:] if not c.known(k)))"
    )
    done = subprocess.run([sys.executable, "-c", script, *keys], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert "main-hang.stands" in keys


def test_a_sentence_of_a_module_that_was_not_imported_is_found_in_both_languages() -> None:
    script = (
        "import sys; from holter.reports.catalogue import text; "
        "print(text('main-hang.moved', 'en'), text('main-hang.moved', 'zh'), 'holter.supervisor' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    english = translations.defined_sentences()["main-hang.moved"]
    assert done.stdout.startswith(english)
    assert done.stdout.rstrip().endswith("False")
    assert english != done.stdout.removeprefix(english).split()[0]


UNIT = re.compile(r" ?(?:s|ms|min|h|d|B|kB|MB|GB|TB|KiB|MiB|GiB|%|°C|W|MHz)(?![A-Za-z])")
# A page or a screen draws its own axes; loader and transforms know no sentences, and give the raw value as well.
RENDERS = ("reports", "views", "loader", "transforms", "hook")
# Values for the tables of bench and of two machines, the same in all languages; numbers quoted from a text.
PLAIN = {
    "bench/terminal.py",
    "doctor/compare.py",
    "evidence/text_facts/readouts/gpu.py",
    "evidence/text_facts/symptoms.py",
}


def formatted_with_unit(tree: ast.AST) -> list[str]:
    """The f-strings that round a number and put its unit behind it."""
    found = []
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for number, unit in pairwise(parts):
            is_rounded = isinstance(number, ast.FormattedValue) and number.format_spec is not None
            if is_rounded and isinstance(unit, ast.Constant) and UNIT.match(str(unit.value)):
                found.append(ast.unparse(node))
    return found


@pytest.mark.slow
def test_a_number_gets_its_unit_where_it_is_rendered() -> None:
    source = Path(holter.__file__).parent
    found = {}
    for file in sorted(source.rglob("*.py")):
        name = file.relative_to(source)
        if name.parts[0] not in RENDERS and str(name) not in PLAIN:
            found[str(name)] = formatted_with_unit(ast.parse(file.read_text(encoding="utf-8")))
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert formatted_with_unit(ast.parse('f"{x:.1f} GB free"')) == ["f'{x:.1f} GB free'"]


@pytest.mark.parametrize(
    "key", ["run.orphans", "target.others", "prepare.takes-over.unpack", "doctor.training-memory.go"]
)
def test_one_thing_has_its_own_words(key: str) -> None:
    translations.defined_sentences()
    assert re.search(r"\{count\} (?:other )?(?:process|fold|case|worker)\b", SINGULAR[key])
    assert SINGULAR[key] != ENGLISH[key]
