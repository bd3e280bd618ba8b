from __future__ import annotations

import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import translations

from holter import sentences
from holter.causes import (
    CAUSES,
    MODULES,
    PAGES,
    PRESUPPOSED,
    external_kill,
    main_stopped,
    shared_rules,
)
from holter.causes.weigh import Rule
from holter.errors import BadInput
from holter.evidence import chain
from holter.evidence.vocabulary import NAMES
from holter.records import Subject
from holter.remedies import REMEDIES, ladder
from holter.reports import catalogue
from holter.reports.catalogue import language, phrase, text, translated
from holter.reports.catalogue.filling import STRICT, Filler, MissingValue, blanks, chosen
from holter.reports.catalogue.leaving_out import without
from holter.reports.explain import page
from holter.supervisor.healing import restart


def has_words(template: str) -> bool:
    return any(letter.isalpha() for said, *_ in string.Formatter().parse(template) for letter in said)


SENTENCES = {key: english for key, english in translations.defined_sentences().items() if not key.startswith("test.")}


@pytest.mark.slow
def test_the_chinese_catalogue_is_in_step_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, translations.__file__, "--check"], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_missing_stale_or_blank_is_listed() -> None:
    old = translations.updated(translations.empty(), {"greeting": "hello {name}", "parting": "bye", "gone": "was"})
    for key, chinese in (("greeting", "你好"), ("parting", "再见"), ("gone", "曾经")):
        next(message for message in old if message.context == key).string = chinese
    english = {"greeting": "hello {name}", "parting": "goodbye", "new": "is"}
    new = translations.updated(old, english)
    assert [problem.split(":")[0] for problem in translations.faults(new, english)] == ["greeting", "new", "parting"]
    assert {message.context for message in new if message.context} == set(english)  # what is gone is dropped
    again = translations.updated(translations.read_bytes(translations.as_po(new)), english)
    assert translations.as_po(again) == translations.as_po(new)  # fuzzy stays fuzzy until a person removes the mark


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_has_a_title_a_sentence_and_a_chinese_page(cause: str) -> None:
    for key in (f"cause.{cause}.title", f"cause.{cause}.meaning"):
        assert catalogue.known(key)
    for section in ("发生了什么：", "如何判断：", "容易混淆：", "怎么办：", "来源："):
        assert section in page(cause, "zh")


def test_every_finding_that_a_cause_may_state_has_a_sentence() -> None:
    told = {text for module in MODULES for rule in module.RULES for text in (rule.text, rule.otherwise) if text}
    missing = {text for text in told if not catalogue.known(f"finding.{text}")}
    assert missing == set(), "word them in `describe(findings=…)` of the cause's file"


def test_no_finding_has_a_sentence_that_no_cause_states() -> None:
    told = {text for module in MODULES for rule in module.RULES for text in (rule.text, rule.otherwise) if text}
    written = {key.removeprefix("finding.") for key in SENTENCES if key.startswith("finding.")}
    told |= {f"presupposes-{scope}" for scopes in PRESUPPOSED.values() for scope in scopes}
    told |= {rule.text for module in MODULES for rule in getattr(module, "DESCRIBED", ())}
    loose = (*external_kill.PASSED_ON, *main_stopped.HELD)
    alone = [value for module in (*MODULES, shared_rules) for value in vars(module).values() if isinstance(value, Rule)]
    told |= {rule.text for rule in (*loose, *alone)}
    assert written - told == {"unknown-fact", "words-fit"}


def test_every_remedy_has_a_sentence() -> None:
    offered = {offer.id for offers in REMEDIES.values() for offer in offers}
    missing = {offer for offer in offered if not catalogue.known(f"remedy.{offer}")}
    assert missing == set(), "word them in `describe(remedies=…)` of the cause's file"


def test_every_reason_of_the_ladder_has_a_sentence() -> None:
    told = set()
    for module in (ladder, restart):
        source = Path(module.__file__).read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:reason=|return )"([a-z]+(?:-[a-z]+)+)"', source))
    assert {"no-progress", "no-usable-checkpoint", "it-would-happen-again"} <= told
    said = {reason for reason in told if catalogue.known(f"reason.{reason}")}
    assert told - said == {"outside-our-reach"}  # the words for the administrator say it


def test_every_cause_that_is_waited_for_has_words_for_the_administrator() -> None:
    assert {cause for cause in ladder.WAIT_FOR if not catalogue.known(f"ask.{cause}")} == set()


def test_every_fact_has_a_name() -> None:
    missing = {name for name in NAMES if not catalogue.known(f"fact.{name}")}
    assert missing == set(), "name them in evidence/vocabulary.py"


def test_chinese_sentences_are_chinese() -> None:
    same = {
        key
        for key, english in SENTENCES.items()
        if translated(key, english, "zh") == english and has_words(english) and not key.startswith("contract.")
    }
    names_and_units = {"series.pressure-cpu", "environment.cpu", "environment.gpu", "demo.epoch"}
    names_and_units |= {"seen.software.torch", "seen.software.cudnn"}
    names_and_units |= {"action.quote", "goodput.part", "pace.gpu", "standing.torch", "standing.nnunet", "chain.gpu"}
    names_and_units |= {"bench.column.epoch", "next.bench.memory"}  # a word that Chinese readers use; a command
    names_and_units |= {"plan.batch_dice", "probe.gpu", "field.gpu.uuid"}
    names_and_units |= {"top.cpu", "top.cpu.long", "top.dice", "top.field.cpu", "top.field.pid", "top.gpu"}
    names_and_units |= {"top.gpu.long", "top.head.cpu", "top.head.gpu", "top.io", "top.lane.cpu"}
    names_and_units |= {"top.main-many", "top.shm", "top.shm.long", "top.steal"}
    names_and_units |= {key for key in same if key.startswith(("unit.", "choice."))}
    assert same - names_and_units == set()


def test_an_unknown_key_is_shown_as_itself() -> None:
    assert text("no.such.key", "zh") == "no.such.key"


@pytest.mark.parametrize(
    ("template", "missing", "left"),
    [
        ("GPU {index}: {field}", {"field"}, "GPU {index}"),
        ("{a} is held by {b} ({c:duration} ago)", {"c"}, "{a} is held by {b}"),
        ("{a} stopped, {b:.2f} s after {c}; nothing else did.", {"b"}, "{a} stopped, nothing else did."),
        ("停在 {a}（{b}），等 {c}。", {"b"}, "停在 {a}，等 {c}。"),
        ("Python {a} needs torch 2.9, and {b} is installed.", {"a"}, "{b} is installed."),
        ("Python {a} needs torch 2.9, and {b} is installed.", {"b"}, "Python {a} needs torch 2.9."),
        ("{a} stopped ({b}, {c:.0f} s) for {d}", {"b"}, "{a} stopped for {d}"),
        ("stopped in {a} ({b} ({c})): {d}", {"c"}, "stopped in {a} ({b}): {d}"),
        ('the tool said "{a}, {b}", and ended', {"b"}, "ended"),
        ("{a}", {"a"}, "unknown"),
        ("{a:.0f} of {b} processes", {"a"}, "unknown of {b} processes"),
    ],
)
def test_a_clause_that_lacks_its_value_is_left_out(template: str, missing: set[str], left: str) -> None:
    assert without(template, missing, "unknown") == left


BRACKETS = ("()", "（）", "[]", "“”", "「」", '""')
NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
BAD_PUNCTUATION = re.compile(r"^[\s,;:.，；：。、）)]|[,;:，；：、]\s*[,;:.，；：。、](?![.\w])|[,;:，；：、]$")


def broken(whole: str, left: str) -> list[str]:
    """What is wrong with a sentence of which a part was left out."""
    found = [pair for pair in BRACKETS if whole.count(pair[0]) == whole.count(pair[1])]
    wrong = [pair for pair in found if left.count(pair[0]) != left.count(pair[1])]
    wrong += ["quotation"] * (left.count('"') % 2 > whole.count('"') % 2)
    wrong += ["empty"] * (not any(letter.isalnum() for letter in left))
    wrong += ["punctuation"] * (BAD_PUNCTUATION.search(left) is not None and BAD_PUNCTUATION.search(whole) is None)
    return wrong + [number for number in NUMBER.findall(left) if number not in NUMBER.findall(whole)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_sentence_is_whole_without_any_one_of_its_values(lang: catalogue.Lang) -> None:
    wordings = {
        key: translated(key, english, lang) for key, english in SENTENCES.items() if not key.startswith("page.")
    }
    wordings |= {f"{key} (one)": translated(key, singular, lang) for key, singular in sentences.SINGULAR.items()}
    wrong = {}
    for key, wording in wordings.items():
        for blank in blanks(wording):
            given = blanks(wording) - {blank}
            whole = chosen(wording, given)
            left = without(whole, {blank}, text("value.unknown", lang)) if blank in blanks(whole) else whole
            if broken(chosen(wording, blanks(wording)), left):
                wrong[key, blank] = left
    assert len(wordings) > 1000
    assert wrong == {}


def test_a_broken_sentence_is_noticed() -> None:
    assert broken("{a} (in {b}) for 2.9 s", "{b}) for 9 s") == ["()", "9"]
    assert broken("{a}, and: {b}", ", and: ") == ["punctuation"]
    assert broken("{a}", "") == ["empty"]


def test_a_missing_value_is_an_error_in_tests_and_a_clause_less_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(MissingValue, match="field"):
        text("unseen.gpu", "en", index=0)
    monkeypatch.delenv(STRICT)
    assert text("unseen.gpu", "en", index=0) == "GPU 0"


def test_a_key_that_chinese_lacks_is_told_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sentences.ENGLISH, "only.english", "hello {who}")
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


def test_what_another_program_wrote_is_quoted() -> None:
    assert phrase("No space left on device", "zh") == "No space left on device"


def test_a_process_has_a_name_in_each_language_and_one_to_compare() -> None:
    process = Subject(role="val-worker", index=1, pid=7)
    assert phrase(process, "en") == "validation worker 1 (PID 7)"
    assert phrase(process, "zh") == "验证数据进程 1（PID 7）"
    assert process.name == "val-worker 1 (PID 7)"
    assert Subject.from_name(process.name) == process
    assert Subject.from_name("training") is None


def test_a_link_of_the_chain_is_told_in_each_language() -> None:
    hand_over = chain.HAND_OVER(worker=Subject(role="train-worker", index=2, pid=4713))
    assert phrase(hand_over, "en") == "tensor hand-over of worker 2 (PID 4713)"
    assert phrase(hand_over, "zh") == "与数据进程 2（PID 4713）的张量交接"


# Said in words in one of the languages: "3D", "100 million", "eight", "1 is enough", "version 1".
IN_WORDS = {
    "gpu-slow-kernels-software": {"3"},
    "huge-volume-cost": {"100"},
    "malloc-arena-retention": {"8"},
    "preprocess-worker-killed": {"1"},
    "ram-oom-train-worker": {"1"},
}


@pytest.mark.parametrize("cause", sorted(PAGES))
def test_the_pages_of_both_languages_have_the_same_numbers(cause: str) -> None:
    english, chinese = (set(re.findall(r"\d+(?:[.,]\d+)*", page(cause, lang))) for lang in ("en", "zh"))
    assert english ^ chinese == IN_WORDS.get(cause, set())


@pytest.mark.parametrize(
    ("form", "value", "words"),
    [("ms", 4.0032, "4003"), (".2g", 140.0, "140"), ("g", 2e6, "2000000"), ("seconds", 1e-5, "0.00001"), ("g", 8, "8")],
)
def test_no_number_of_a_sentence_has_an_exponent(form: str, value: float, words: str) -> None:
    assert words in Filler(lambda key, **values: str(values)).fill(f"{{number:{form}}}", {"number": value})


@pytest.mark.parametrize(("cpus", "english", "chinese"), [
    (1, "1 CPU", "1 个 CPU"), (1.0, "1 CPU", "1 个 CPU"), (0.5, "0.5 CPUs", "0.5 个 CPU"), (12, "12 CPUs", "12 个 CPU"),
    ("1", "1 CPU", "1 个 CPU"), ("?", "?", "?"),
])  # fmt: skip
def test_one_cpu_is_one(cpus, english, chinese):
    assert catalogue.filled("{n:cpus}", "en", n=cpus) == english
    assert catalogue.filled("{n:cpus}", "zh", n=cpus) == chinese
