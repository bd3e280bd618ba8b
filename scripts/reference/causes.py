"""The list of causes, and a page for each: what ``holter explain`` prints, and the messages that come with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from holter.causes import ERROR_TEXTS, MODULES
from holter.causes import PAGES as ALL_PAGES
from holter.causes.pages_only import PAGES as PAGES_ONLY
from holter.evidence.vocabulary import STATED_ONLY
from holter.reports.catalogue import Lang, text
from holter.reports.explain import ERROR_TEXTS_HEADING, page, sections
from scripts.reference import Page, escaped, filled

TAPES = Path(__file__).resolve().parents[2] / "tests" / "tapes"
# A name, an option, a path or a setting, without the punctuation after it; Han characters are no part of it.
WORD = re.compile(r"(?:--?|\$)?[A-Za-z0-9_/](?:[A-Za-z0-9_./=*-]*[A-Za-z0-9_/])?(?::[A-Za-z0-9]+)?", re.ASCII)
OR = {"en": " or ", "zh": " 或 "}
NEVER = {"en": "never confirmed", "zh": "从不确认"}
RECORDED = {
    "stated": {"en": "by hand, if stated", "zh": "手写，须自行说明"},
    "tape": {"en": "tape", "zh": "记录文件"},
    "hand": {"en": "by hand", "zh": "手写"},
}
DECISIVE = {
    "en": "\nDecisive [facts](../evidence-facts.md): {facts}. Recorded: {recorded}.\n",
    "zh": "\n决定性[事实](../evidence-facts.md)：{facts}。测试使用：{recorded}。\n",
}


def pages(lang: Lang) -> Iterator[Page]:
    """Yield the list, and the page of each cause."""
    modules = {module.CAUSE: module for module in MODULES}
    yield Page("causes.md", _list(modules, lang))
    for cause in sorted(ALL_PAGES):
        yield Page(f"causes/{cause}.md", _page(cause, modules.get(cause), lang))


def _list(modules: dict[str, ModuleType], lang: Lang) -> str:
    rows = "".join(
        f"{_row(cause, lang)} {_decisive(module, lang)} | {_recorded(module, lang)} |\n"
        for cause, module in sorted(modules.items())
    )
    only = "".join(f"{_row(name, lang)}\n" for name in sorted(PAGES_ONLY))
    return filled("causes", lang, causes=rows, only_explained=only)


def _row(cause: str, lang: Lang) -> str:
    return f"| [`{cause}`](causes/{cause}.md) | {text(f'cause.{cause}.title', lang)} |"


def _page(cause: str, module: ModuleType | None, lang: Lang) -> str:
    parts = []
    for number, (heading, body) in enumerate(sections(page(cause, lang))):
        if heading:
            parts.append(f"\n## {heading}\n\n")
        parts.append(_spaced(_marked(body, cause)) + "\n")
        if number == 0 and cause in ERROR_TEXTS:
            quoted = "\n".join(ERROR_TEXTS[cause])
            parts.append(f"\n## {text(ERROR_TEXTS_HEADING.key, lang)}\n\n```text\n{quoted}\n```\n")
    decisive = ""
    if module is not None:
        decisive = DECISIVE[lang].format(facts=_decisive(module, lang), recorded=_recorded(module, lang))
    title = text(f"cause.{cause}.title", lang)
    return filled("cause", lang, title=title, cause=cause, page="".join(parts), decisive=decisive)


def _marked(words: str, own: str) -> str:
    # Names of other causes lead to their pages; options and names with an underscore are code. The rest stays as it is.
    parts, end = [], 0
    for match in WORD.finditer(words):
        name = match[0]
        if name in ALL_PAGES and name != own:
            shown = f"[{name}]({name}.md)"
        elif "_" in name.rstrip("_") or name.startswith("--"):
            shown = f"`{name}`"
        else:
            continue
        parts += [escaped(words[end : match.start()]), shown]
        end = match.end()
    marked = "".join(parts) + escaped(words[end:])
    return marked[:1].upper() + marked[1:] if words.split()[0].isalpha() and words.split()[0].islower() else marked


def _spaced(words: str) -> str:
    # One blank line between paragraphs and before a list, none between its items.
    spaced: list[str] = []
    for line in words.splitlines():
        if spaced and not (line.startswith("- ") and spaced[-1].startswith("- ")):
            spaced.append("")
        spaced.append(line)
    return "\n".join(spaced)


def _decisive(module: ModuleType, lang: Lang) -> str:
    return "; ".join(OR[lang].join(f"`{fact}`" for fact in facts) for facts in _groups(module)) or NEVER[lang]


def _recorded(module: ModuleType, lang: Lang) -> str:
    if any(STATED_ONLY.issuperset(facts) for facts in _groups(module)):
        return RECORDED["stated"][lang]
    is_recorded = (TAPES / module.CAUSE.replace("-", "_")).is_dir()
    return RECORDED["tape" if is_recorded else "hand"][lang]


def _groups(module: ModuleType) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for rule in module.RULES:
        if rule.group is not None and rule.fact not in groups.setdefault(rule.group, []):
            groups[rule.group].append(rule.fact)
    return list(groups.values())
