"""What the hook says in codes and values is put into words by the recorder; nothing in it is trusted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import holter.hook
from holter.hook.remarks import plain, remark, worker
from holter.probes.training.remarks import NOT_SAVED, REMARKS, not_saved, problems, worded
from holter.records import Message, Subject
from holter.reports.catalogue import phrase
from holter.sentences import has, parts

SOURCE = Path(holter.hook.__file__).parents[1]
# Those that make remarks: the hook, the parts that work alone, and the doctor's children in the training's Python.
MAKERS = ("hook", "loader", "transforms", "doctor/collect")


def test_every_code_has_words_and_no_words_are_left_over() -> None:
    files = [file for folder in MAKERS for file in (SOURCE / folder).rglob("*.py") if file.name != "remarks.py"]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    used = set(re.findall(r'(?:remark|coded)\(\s*"([a-z0-9-]+)"|\{"code": "([a-z0-9-]+)"', source))
    used = {code for pair in used for code in pair if code}
    assert {"worker-killed", "cut-short", "no-blosc2"} <= used
    assert used - set(REMARKS) == set()
    # Others stand in a choice between two codes, or are put together.
    for code in set(REMARKS) - used:
        assert f'"{code}"' in source or code.startswith(("case-", "compute-", "computed-")), code


def test_a_remark_becomes_a_sentence_with_its_values() -> None:
    said = worded([remark("worker-killed", worker=worker(2, 47), signal="SIGKILL"), remark("no-batch-from-them")])
    assert phrase(said, "en") == "worker 2 (PID 47) was ended by SIGKILL; no batch came from them"
    assert phrase(said, "zh") == "数据进程 2（PID 47）被 SIGKILL 终止；它们没有送来批次"
    first, _ = parts(said)
    assert isinstance(first, Message)
    assert first.value("worker") == Subject(role="train-worker", index=2, pid=47)


def test_a_remark_may_hold_another_one_and_a_list() -> None:
    problem = remark("keys-missing", names=["logging", "_best_ema"])
    said = worded(remark("may-be-whole", problem=problem, now="a.torn-1"))
    told = phrase(said, "en")
    assert told == "incomplete, training cannot go on from it: no logging, _best_ema; it may be whole: now a.torn-1"
    assert problems([(Path("a"), problem)])[0][1] == worded(problem)


def test_what_could_not_be_saved_is_found_in_a_message() -> None:
    said = worded([remark("not-saved-file", file="a.pth", reason="No space left on device"), remark("no-older")])
    assert isinstance(said, Message) and has(said, *NOT_SAVED)
    found = not_saved(said)
    assert found is not None and (found.value("file"), found.value("reason")) == ("a.pth", "No space left on device")
    assert not_saved(None) is None


DEEP: Any = {"code": "raised", "error": "x"}
for _ in range(5000):
    DEEP = {"code": "raised", "error": DEEP}


@pytest.mark.parametrize(
    "said",
    [
        {"code": "of-tomorrow", "file": "a"},  # of a newer hook
        {"code": "next-batch", "after": "soon"},  # not a number
        {"code": "next-batch"},
        {"code": "worker-killed", "worker": {"role": "king"}, "signal": None},
        {"code": 7},
        {"self": 1},
        7,
        None,
        True,
        [[], {}, "words"],
        DEEP,
    ],
)
def test_a_remark_that_makes_no_sense_is_quoted_and_raises_nothing(said: object) -> None:
    told = worded(said)
    assert isinstance(phrase(told, "en"), str) and isinstance(phrase(told, "zh"), str)


def test_an_exception_names_the_code_and_its_values() -> None:
    assert plain(remark("cut-off-within", name="data.pkl")) == "cut-off-within name=data.pkl"
