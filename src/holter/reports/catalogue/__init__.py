"""All sentences a person reads, in English and Simplified Chinese, by key.

``text`` fills a key's sentence with values. A key that Chinese lacks is told in English, and an unknown
key is told as itself, so that a report never fails over a missing sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from holter import sentences
from holter.errors import BadInput
from holter.records import Message, Subject, Text
from holter.reports.catalogue import (
    asks_en,
    asks_zh_cn,
    causes_en,
    causes_zh_cn,
    demo_en,
    demo_zh_cn,
    doctor_checks_en,
    doctor_checks_zh_cn,
    doctor_en,
    doctor_zh_cn,
    en,
    facts_en,
    facts_zh_cn,
    field_en,
    field_zh_cn,
    findings_en,
    findings_zh_cn,
    folds_zh_cn,
    graphics_en,
    graphics_zh_cn,
    healing_en,
    healing_zh_cn,
    loader_en,
    loader_zh_cn,
    looks_en,
    looks_zh_cn,
    machine_en,
    machine_zh_cn,
    memory_en,
    memory_zh_cn,
    remedies_en,
    remedies_zh_cn,
    sentences_zh_cn,
    supervision_zh_cn,
    zh_cn,
)
from holter.reports.catalogue.filling import Filler
from holter.reports.catalogue.phrases_zh_cn import translate_phrase

Lang = Literal["en", "zh"]

ENGLISH: Mapping[str, str] = {
    **en.TEXTS,
    **causes_en.TEXTS,
    **facts_en.TEXTS,
    **findings_en.TEXTS,
    **remedies_en.TEXTS,
    **demo_en.TEXTS,
    **healing_en.TEXTS,
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
CHINESE: Mapping[str, str] = {
    **zh_cn.TEXTS,
    **causes_zh_cn.TEXTS,
    **facts_zh_cn.TEXTS,
    **findings_zh_cn.TEXTS,
    **remedies_zh_cn.TEXTS,
    **demo_zh_cn.TEXTS,
    **healing_zh_cn.TEXTS,
    **asks_zh_cn.TEXTS,
    **loader_zh_cn.TEXTS,
    **graphics_zh_cn.TEXTS,
    **machine_zh_cn.TEXTS,
    **memory_zh_cn.TEXTS,
    **looks_zh_cn.TEXTS,
    **doctor_zh_cn.TEXTS,
    **doctor_checks_zh_cn.TEXTS,
    **field_zh_cn.TEXTS,
    **sentences_zh_cn.TEXTS,
    **supervision_zh_cn.TEXTS,
    **folds_zh_cn.TEXTS,
}

# POSIX order of precedence for the language of messages.
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


# Roles as evidence writes them in front of a number or a PID.
_DASHED = re.compile(r"\b(?:train|val|export|compile)-worker(?= \d| \(PID| raised)")


def known(key: str) -> bool:
    """Tell whether any catalogue has this key."""
    return key in ENGLISH or key in CHINESE or key in sentences.ENGLISH


def text(key: str, lang: Lang, **values: object) -> str:
    """Return the sentence of a key in a language, filled with values."""
    template = CHINESE.get(key) if lang == "zh" else None
    if template is None:
        template = ENGLISH.get(key) or sentences.ENGLISH.get(key, key)
    if "{" not in template:
        return template
    told = {name: subject(value, lang) if isinstance(value, Subject) else value for name, value in values.items()}
    return Filler(lambda unit, **numbers: text(unit, lang, **numbers)).fill(template, told)


def subject(process: Subject, lang: Lang) -> str:
    """Return what to call a process: "worker 2 (PID 4711)"."""
    name = text(f"role.{process.role}", lang)
    if process.index is not None:
        name = f"{name} {process.index}"
    return name if process.pid is None else text("name.with-pid", lang, name=name, pid=process.pid)


def phrase(told: Text, lang: Lang) -> str:
    """Return a sentence that was kept as data, or a free phrase of evidence, as a person would say it."""
    if isinstance(told, Message):
        values = {
            name: phrase(value, lang) if isinstance(value, (str, Message)) else value for name, value in told.values
        }
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
    raise BadInput(f"No catalogue for the language {option!r}.", next_step="Use --lang en or --lang zh.")
