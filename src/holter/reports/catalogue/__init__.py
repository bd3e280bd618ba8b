"""Every sentence that a person reads, in English and Simplified Chinese, by key.

``text`` fills the sentence of a key with values. A sentence without a Chinese translation is shown in English, and an
unknown key as itself, so that a report never fails over a missing sentence.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from functools import lru_cache
from inspect import cleandoc
from pathlib import Path
from typing import Literal

from holter import sentences
from holter.causes import PAGES
from holter.errors import BadInput, HolterError
from holter.records import Message, Subject, Text
from holter.reports.catalogue import (
    asks_en,
    causes_en,
    choices_en,
    demo_en,
    doctor_checks_en,
    doctor_en,
    en,
    facts_en,
    field_en,
    findings_en,
    graphics_en,
    healing_en,
    labels_en,
    loader_en,
    looks_en,
    machine_en,
    memory_en,
    remedies_en,
)
from holter.reports.catalogue.filling import Filler
from holter.reports.catalogue.phrases_zh_cn import translate_phrase

Lang = Literal["en", "zh"]

ENGLISH: Mapping[str, str] = {
    **en.TEXTS,
    **causes_en.TEXTS,
    **choices_en.TEXTS,
    **facts_en.TEXTS,
    **findings_en.TEXTS,
    **remedies_en.TEXTS,
    **demo_en.TEXTS,
    **healing_en.TEXTS,
    **labels_en.TEXTS,
    **asks_en.TEXTS,
    **loader_en.TEXTS,
    **graphics_en.TEXTS,
    **machine_en.TEXTS,
    **memory_en.TEXTS,
    **looks_en.TEXTS,
    **doctor_en.TEXTS,
    **doctor_checks_en.TEXTS,
    **field_en.TEXTS,
}
# Compiled catalogues: LOCALE/zh_CN/LC_MESSAGES/holter.mo, made by scripts/translations.py.
LOCALE = Path(__file__).parent.parent / "locale"

NO_LANGUAGE = sentences.define("error.no-language", "No catalogue for the language {option}.")
TAKE_LANG = sentences.define("next.take-lang", "Use --lang en or --lang zh.")

# POSIX order of precedence for the language of messages.
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


# Roles as evidence writes them in front of a number or a PID.
_DASHED = re.compile(r"\b(?:train|val|export|compile)-worker(?= \d| \(PID| raised)")


def known(key: str) -> bool:
    """Tell whether there is a sentence with this key."""
    return key in ENGLISH or key in sentences.ENGLISH


def every_sentence() -> dict[str, str]:
    """Return the English wording of every key that is to be translated, the pages of ``holter explain`` among them."""
    pages = {f"page.{name}": cleandoc(page) for name, page in PAGES.items()}
    return {key: english for key, english in {**sentences.ENGLISH, **ENGLISH, **pages}.items() if english}


def text(key: str, lang: Lang, **values: object) -> str:
    """Return the sentence of a key in a language, filled with values."""
    template = translated(key, ENGLISH.get(key) or sentences.ENGLISH.get(key, key), lang, values.get("count"))
    if "{" not in template:
        return template
    words = {name: shown(value, lang) for name, value in values.items()}
    return Filler(lambda unit, **numbers: text(unit, lang, **numbers)).fill(template, words)


def translated(key: str, english: str, lang: Lang, count: object = None) -> str:
    """Return an English sentence in a language, unfilled; as it is where there is no translation."""
    one = sentences.SINGULAR.get(key)
    if one is not None and isinstance(count, int):
        return (_translations() if lang == "zh" else gettext.NullTranslations()).npgettext(key, one, english, count)
    return _translations().pgettext(key, english) if lang == "zh" and english else english


def shown(value: object, lang: Lang) -> object:
    """Return what stands in the blank for a value: words for what is kept as data, anything else as it is."""
    if isinstance(value, Subject):
        return subject(value, lang)
    if isinstance(value, Message):
        return phrase(value, lang)
    if isinstance(value, tuple):
        return text("list.join", lang).join(str(shown(one, lang)) for one in value)
    return value


@lru_cache(maxsize=1)
def _translations() -> gettext.NullTranslations:
    return gettext.translation("holter", LOCALE, languages=["zh_CN"], fallback=True)


def subject(process: Subject, lang: Lang) -> str:
    """Return what to call a process: "worker 2 (PID 4711)"."""
    name = text(f"role.{process.role}", lang)
    if process.index is not None:
        name = f"{name} {process.index}"
    return name if process.pid is None else text("name.with-pid", lang, name=name, pid=process.pid)


def phrase(told: Text, lang: Lang) -> str:
    """Return a sentence that was kept as data, or a free phrase of evidence, as a person would say it."""
    if isinstance(told, Message):
        values = {name: phrase(value, lang) if isinstance(value, str) else value for name, value in told.values}
        return text(told.key, lang, **values)
    return translate_phrase(told) if lang == "zh" else _DASHED.sub(_spoken, told)


def _spoken(found: re.Match[str]) -> str:
    """Name a process as the rest of the report does: "train-worker 2" is "worker 2"."""
    return ENGLISH[f"role.{found[0]}"]


def language(option: str | None, environ: Mapping[str, str]) -> Lang:
    """Return the language to speak: the option if given, else what the locale says, else English."""
    if option:
        return _from_option(option)
    for variable in LOCALE_VARIABLES:
        value = environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def _from_option(option: str) -> Lang:
    wanted = option.lower()
    if wanted.startswith("zh"):
        return "zh"
    if wanted.startswith("en"):
        return "en"
    raise BadInput(NO_LANGUAGE(option=repr(option)), next_step=TAKE_LANG())


def _in_english(said: Message) -> str:
    return phrase(said, "en")


HolterError.in_english = _in_english
