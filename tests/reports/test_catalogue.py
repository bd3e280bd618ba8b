from __future__ import annotations

import importlib
import pkgutil
import re
import string
from pathlib import Path

import pytest

import holter
from holter import sentences
from holter.causes import CAUSES, MODULES, PRESUPPOSED
from holter.errors import BadInput
from holter.evidence.vocabulary import NAMES
from holter.remedies import REMEDIES, ladder
from holter.reports import catalogue
from holter.reports.catalogue import CHINESE, ENGLISH, language, phrase, text
from holter.reports.catalogue.pages_zh_cn import PAGES
from holter.supervisor.healing import run_loop


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def has_words(template: str) -> bool:
    return any(letter.isalpha() for said, *_ in string.Formatter().parse(template) for letter in said)


# Importing a module defines its sentences.
NEED_TORCH = ("holter.trainer", "holter.loader", "holter.transforms", "holter.hook.inject", "holter.__main__")
for module in pkgutil.walk_packages(holter.__path__, "holter."):
    if not module.name.startswith(NEED_TORCH):
        importlib.import_module(module.name)
SPOKEN = {**{key: told for key, told in sentences.ENGLISH.items() if not key.startswith("test.")}, **ENGLISH}


def test_both_languages_have_the_same_keys() -> None:
    assert set(SPOKEN) == set(CHINESE)


@pytest.mark.parametrize("key", sorted(SPOKEN))
def test_both_languages_fill_the_same_placeholders(key: str) -> None:
    assert placeholders(SPOKEN[key]) == placeholders(CHINESE.get(key, ""))


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_has_a_title_a_sentence_and_a_chinese_page(cause: str) -> None:
    for key in (f"cause.{cause}.title", f"cause.{cause}.meaning"):
        assert catalogue.known(key)
    for section in ("发生了什么：", "如何判断：", "容易混淆：", "怎么办：", "来源："):
        assert section in PAGES[cause]


def test_every_finding_that_a_cause_may_state_has_a_sentence() -> None:
    told = {text for module in MODULES for rule in module.RULES for text in (rule.text, rule.otherwise) if text}
    assert {one for one in told if not catalogue.known(f"finding.{one}")} == set()


def test_no_finding_has_a_sentence_that_no_cause_states() -> None:
    told = {text for module in MODULES for rule in module.RULES for text in (rule.text, rule.otherwise) if text}
    written = {key.removeprefix("finding.") for key in ENGLISH if key.startswith("finding.")}
    told |= {f"presupposes-{scope}" for scopes in PRESUPPOSED.values() for scope in scopes}
    assert written - told == {"unknown-fact"}


def test_every_remedy_has_a_sentence() -> None:
    offered = {offer.id for offers in REMEDIES.values() for offer in offers}
    assert {one for one in offered if not catalogue.known(f"remedy.{one}")} == set()


def test_every_reason_of_the_ladder_has_a_sentence() -> None:
    told = set()
    for module in (ladder, run_loop):
        source = Path(module.__file__).read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:reason=|return )"([a-z]+(?:-[a-z]+)+)"', source))
    assert {"no-progress", "no-usable-checkpoint", "it-would-happen-again"} <= told
    said = {one for one in told if catalogue.known(f"reason.{one}")}
    assert told - said == {"outside-our-reach"}  # the words for the administrator say it


def test_every_cause_that_is_waited_for_has_words_for_the_administrator() -> None:
    assert {one for one in ladder.WAIT_FOR if not catalogue.known(f"ask.{one}")} == set()


def test_every_fact_has_a_name() -> None:
    assert {name for name in NAMES if not catalogue.known(f"fact.{name}")} == set()


def test_chinese_sentences_are_chinese() -> None:
    same = {key for key in ENGLISH if ENGLISH[key] == CHINESE[key] and has_words(ENGLISH[key])}
    names_and_units = {"series.pressure-cpu", "environment.cpu", "environment.gpu", "unseen.kernel", "demo.epoch"}
    names_and_units |= {"action.quote", "goodput.part"}
    names_and_units |= {key for key in same if key.startswith("unit.")}
    assert same - names_and_units == set()


def test_an_unknown_key_is_told_as_itself_and_a_missing_value_as_an_ellipsis() -> None:
    assert text("no.such.key", "zh") == "no.such.key"
    assert text("unseen.gpu", "en", index=0) == "GPU 0: …"


def test_a_key_that_chinese_lacks_is_told_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "ENGLISH", {"only.english": "hello {who}"})
    assert text("only.english", "zh", who="you") == "hello you"


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "de_DE"}, "zh"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("zh-Hans", {}, "zh"),
    ],
)
def test_the_option_comes_before_the_locale(option: str | None, environ: dict[str, str], expected: str) -> None:
    assert language(option, environ) == expected


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(BadInput, match="fr"):
        language("fr", {})


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("train-worker 2 (PID 4713)", "数据进程 2（PID 4713）"),
        ("tensor hand-over of train-worker 2 (PID 4713)", "与数据进程 2（PID 4713）的张量交接"),
        ("a step takes 1.01 s instead of 0.21 s", "现在一步要 1.01 秒，平时是 0.21 秒"),
        ("stack: recv; queue is empty (0 of 6)", "调用栈：recv；队列是空的（6 个位置中有 0 个）"),
        ("an unknown phrase about the results loop", "an unknown phrase about the results loop"),
    ],
)
def test_a_phrase_is_translated_whole_or_left_alone(english: str, chinese: str) -> None:
    assert phrase(english, "zh") == chinese


def test_english_names_processes_without_dashes() -> None:
    assert phrase("val-worker 1 (PID 7)", "en") == "validation worker 1 (PID 7)"
