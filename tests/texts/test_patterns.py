"""Patterns are compiled when they are first used, and behave as compiled ones."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from holter.patterns import later

# Prints what Holter compiled while everything was imported that reads texts, and then at the first use of one pattern.
COUNT = """
import re, sys
compiled, original = [], re.compile
def compile(source, flags=0):
    if "/holter/" in sys._getframe(1).f_code.co_filename:
        compiled.append(source)
    return original(source, flags)
re.compile = compile
import holter.evidence.text_facts, holter.texts.runs
print(len(compiled))
holter.evidence.text_facts.kinds.TROUBLE.search("it hangs")
print(len(compiled))
"""


def test_a_pattern_is_compiled_at_its_first_use_and_not_before() -> None:
    broken = later("(")  # nothing happens yet
    with pytest.raises(re.error):
        broken.search("x")


def test_it_has_the_methods_and_attributes_of_a_compiled_pattern() -> None:
    pattern = later(r"(?P<number>\d+) ms", re.IGNORECASE)
    assert pattern.search("took 12 MS")["number"] == "12"  # type: ignore[index]
    assert pattern.sub("?", "1 ms, 2 ms") == "?, ?"
    assert [match[0] for match in pattern.finditer("1 ms, 2 ms")] == ["1 ms", "2 ms"]
    assert (pattern.pattern, pattern.groups) == (r"(?P<number>\d+) ms", 1)
    assert pattern.fullmatch("1 ms, 2 ms") is None


def test_a_command_that_reads_no_text_compiles_a_handful_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    imported, used = map(int, done.stdout.split())
    assert imported < 10  # of linux, install and records, which are used at once; several hundred otherwise
    assert used == imported + 1
