"""Copy the pages of one language into a folder that Zensical can build, with links that work there.

docs/ is written for GitHub, too: a page may link to source files beside docs/, and a Chinese page to one that is only
in English. The first become links into the repository, or plain text while it has no address, the second links into the
English half of the site.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from holter.reports.catalogue import Lang
from scripts.address import address
from scripts.reference import DOCS, folder

# [label](target#anchor), also of a picture; a label may hold code and brackets of one level.
LINK = re.compile(r"(?P<label>!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
# A line break after a Han character or a full-width mark, and before a word: not before an item of a list, or a table.
HAN_BREAK = re.compile(
    r"(?<=[\u3001-\u9fff\uff00-\uffef])\n *(?=[\u4e00-\u9fff\uff00-\uffef`\[])|(?<=[，。；：、）])\n *(?=[A-Za-z])"
)


def pages_of(lang: Lang) -> list[Path]:
    """Return the Markdown files of a language, sorted."""
    root = folder(lang)
    return sorted(page for page in root.rglob("*.md") if lang == "zh" or not page.is_relative_to(folder("zh")))


def stage(lang: Lang, to: Path) -> None:
    """Write the pages, with the pictures that both languages share."""
    root = folder(lang)
    for page in pages_of(lang):
        copy = to / page.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(rewritten(page.read_text(encoding="utf-8"), page, lang, address()), encoding="utf-8")
    (to / "img").mkdir(exist_ok=True)
    for picture in (DOCS / "img").iterdir():
        if picture.suffix in (".svg", ".png"):
            shutil.copy(picture, to / "img")
    shutil.copy(DOCS / "diagnosis.schema.json", to)


def rewritten(text: str, page: Path, lang: Lang, repository: str | None = None) -> str:
    """Return a page with its links as they must be in the site. ``page``: where it stands in docs/."""
    root = folder(lang)

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        file = (page.parent / target).resolve()
        anchor = match["anchor"] or ""
        if not file.is_relative_to(DOCS):
            if repository is None:
                return match["label"].strip("![]")
            return f"{match['label']}({repository}/blob/main/{file.relative_to(DOCS.parent).as_posix()}{anchor})"
        if lang == "zh" and not file.is_relative_to(root):
            is_page = file.suffix == ".md"
            at = DOCS / file.relative_to(DOCS).with_suffix(".html") if is_page else root / file.relative_to(DOCS)
            return f"{match['label']}({os.path.relpath(at, page.parent)}{anchor})"
        if lang == "en" and file.is_relative_to(folder("zh")):
            return f"{match['label']}({os.path.relpath(file.with_suffix('.html'), page.parent)}{anchor})"
        return match[0]

    linked = LINK.sub(link, text)
    return unbroken(linked) if lang == "zh" else linked


def unbroken(text: str) -> str:
    """Return Chinese prose without the blanks that a browser shows at the line breaks of the source; code as it is."""
    parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.M | re.S)
    return "".join(part if part.lstrip().startswith("```") else HAN_BREAK.sub("", part) for part in parts)
