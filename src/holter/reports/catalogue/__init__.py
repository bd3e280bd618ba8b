"""Look up every sentence that users read by its key, in English and Simplified Chinese.

``text`` fills the sentence of a key with values. A sentence without a Chinese translation is shown in English, and an
unknown key is shown as it is, so that a report never fails because a sentence is missing.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import lru_cache
from inspect import cleandoc
from pathlib import Path
from typing import Literal, cast

from holter import sentences
from holter.errors import BadInput, HolterError
from holter.records import Message, Subject, Value
from holter.reports.catalogue.filling import Filler

Lang = Literal["en", "zh"]

# Compiled catalogues, made by scripts/translations.py: zh_CN by key and English wording, en by key.
LOCALE = Path(__file__).parent.parent / "locale"

NO_LANGUAGE = sentences.define("error.no-language", "No catalogue for the language {option}.")
TAKE_LANG = sentences.define("next.take-lang", "Use --lang en or --lang zh.")

PAGE = "page."

# POSIX order of precedence for the language of messages.
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def known(key: str) -> bool:
    """Return whether there is a sentence with this key."""
    return english(key) is not None


def every_sentence() -> dict[str, str]:
    """Return the English text of every sentence that was defined so far, and the pages of ``holter explain``."""
    from holter.causes import PAGES  # rendering needs no cause, and importing them all takes longer than anything else

    written = {f"{PAGE}{name}": cleandoc(page) for name, page in PAGES.items()}
    return {key: words for key, words in {**sentences.ENGLISH, **written}.items() if words}


def pages() -> tuple[str, ...]:
    """Return the causes that have a page, sorted, without importing them."""
    keys = getattr(_compiled("en"), "_catalog", {})  # gettext offers no list of its keys
    compiled = {key.removeprefix(PAGE) for key in keys if isinstance(key, str) and key.startswith(PAGE)}
    if not compiled:
        from holter.causes import PAGES

        compiled = set(PAGES)
    return tuple(sorted(compiled))


def english(key: str, count: int = 2) -> str | None:
    """Return the English text of a key, unfilled, for ``count`` things; None for an unknown key.

    A key that is not defined in this process, because its module was not imported, is read from the compiled catalogue.
    """
    words = sentences.ENGLISH.get(key)
    if words is None:
        compiled = _compiled("en")
        words = compiled.ngettext(key, key, count)
        words = compiled.gettext(key) if words == key else words
        return None if words == key else words
    return sentences.SINGULAR.get(key, words) if count == 1 else words


def text(key: str, lang: Lang, **values: object) -> str:
    """Return the sentence of a key in a language, filled with values."""
    count = values.get("count")
    words = english(key, count if isinstance(count, int) else 2)
    template = key if words is None else translated(key, words, lang)
    if "{" not in template:
        return template
    return _filler(lang).fill(template, {name: shown(value, lang) for name, value in values.items()})


def filled(template: str, lang: Lang, **values: object) -> str:
    """Return a sentence that has no key, filled with values."""
    return _filler(lang).fill(template, {name: shown(value, lang) for name, value in values.items()})


def _filler(lang: Lang) -> Filler:
    return Filler(lambda unit, **numbers: text(unit, lang, **numbers), lowers=lang == "en")


def translated(key: str, english: str, lang: Lang) -> str:
    """Return an English sentence in a language, unfilled; unchanged if there is no translation.

    Chinese has no plural: the singular of a sentence has a translation of its own.
    """
    return _compiled("zh_CN").pgettext(key, english) if lang == "zh" and english else english


@lru_cache(maxsize=2)
def _compiled(locale: str) -> gettext.NullTranslations:
    return gettext.translation("holter", LOCALE, languages=[locale], fallback=True)


def load(lang: Lang) -> None:
    """Read the catalogues now, because later there may be no free file descriptor to open them."""
    _compiled("en")
    if lang == "zh":
        _compiled("zh_CN")


def shown(value: object, lang: Lang) -> object:
    """Return a value as it is shown in a blank: text for a Subject, Message or tuple, otherwise the value itself."""
    if isinstance(value, Subject):
        return subject(value, lang)
    if isinstance(value, Message):
        return text(value.key, lang, **dict(value.values))
    if isinstance(value, tuple):
        return text("list.join", lang).join(str(shown(item, lang)) for item in value)
    return value


def subject(process: Subject, lang: Lang) -> str:
    """Return the name of a process: "worker 2 (PID 4711)"."""
    name = text(f"role.{process.role}", lang)
    if process.index is not None:
        name = f"{name} {process.index}"
    return name if process.pid is None else text("name.with-pid", lang, name=name, pid=process.pid)


def phrase(kept: Value, lang: Lang) -> str:
    """Return a recorded value as text in a language: a sentence (Message), a process (Subject), or a list of these.

    A plain string is a quotation and stays unchanged.
    """
    return str(shown(kept, lang))


def language(option: str | None, environ: Mapping[str, str]) -> Lang:
    """Return the language to use: the option, else $HOLTER_LANG, else that of the locale, else English."""
    if option:
        return _from_option(option)
    if environ.get("HOLTER_LANG", "") in ("en", "zh"):
        return cast("Lang", environ["HOLTER_LANG"])
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


def _in_english(message: Message) -> str:
    return phrase(message, "en")


HolterError.in_english = _in_english
