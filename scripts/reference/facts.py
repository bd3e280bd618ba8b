"""The facts that causes weigh, from ``holter.evidence.vocabulary``."""

from __future__ import annotations

from collections.abc import Iterator

from holter.causes import MODULES
from holter.evidence.stated.choices import ENUMERATED
from holter.evidence.vocabulary import VOCABULARY, FactSpec
from holter.reports.catalogue import Lang, text
from scripts.reference import Page, filled

# More names than these are no answer to who asks for a fact, or for its values.
MOST_NAMED = 12
MANY = {"en": "{count} [causes](causes.md)", "zh": "{count} 个[原因](causes.md)"}
KINDS = {"bool": "是或否", "number": "数值", "text": "文字", "list": "列表"}


def pages(lang: Lang) -> Iterator[Page]:
    """Yield the one page."""
    rows = "".join(_row(spec, lang) for spec in VOCABULARY)
    yield Page("evidence-facts.md", filled("evidence-facts", lang, facts=rows))


def _row(spec: FactSpec, lang: Lang) -> str:
    kind = spec.kind if lang == "en" else KINDS[spec.kind]
    kind = f"{kind}, {spec.unit}" if spec.unit else kind
    choices = ENUMERATED.get(spec.name, ())
    if 0 < len(choices) <= MOST_NAMED:
        kind += (": " if lang == "en" else "：") + ", ".join(choices)
    meaning = spec.meaning if lang == "en" else text(f"fact.{spec.name}", lang)
    causes = sorted({module.CAUSE for module in MODULES if any(rule.fact == spec.name for rule in module.RULES)})
    links = ", ".join(f"[{cause}](causes/{cause}.md)" for cause in causes)
    if len(causes) > MOST_NAMED:
        links = MANY[lang].format(count=len(causes))
    return f"| `{spec.name}` | {kind} | {meaning} | {links} |\n"
