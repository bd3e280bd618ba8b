"""Build both halves of the site and check them.

    python -m scripts.docs_site ZENSICAL OUT    OUT/index.html in English, OUT/zh/index.html in Chinese

``ZENSICAL``: the program; it has an environment of its own, so that its packages meet none of Holter's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from holter.causes import PAGES
from holter.reports.catalogue import Lang, text
from scripts.docs_site.check import problems
from scripts.docs_site.nav import ENGLISH_ONLY, NAV
from scripts.docs_site.stage import stage
from scripts.reference import LANGUAGES

HERE = Path(__file__).parent
WORDS = {
    "en": {"to_dark": "Dark", "to_light": "Light", "english": "index.html", "chinese": "zh/index.html"},
    "zh": {"to_dark": "深色", "to_light": "浅色", "english": "../index.html", "chinese": "index.html"},
}
# A text that so many places of the index have is no answer to a search.
REPEATED = 20
ALTERNATE = re.compile(r'(<a href=")[^"]*(" hreflang="(?P<lang>en|zh)")')


def main(words: list[str]) -> int:
    """Build; return the exit code."""
    zensical, site = str(Path(words[0]).absolute()), Path(words[1])
    shutil.rmtree(site, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        for lang in LANGUAGES:
            build(zensical, lang, Path(folder) / lang)
            shutil.copytree(Path(folder) / lang / "site", site if lang == "en" else site / lang)
    link_languages(site)
    for half in (site, site / "zh"):
        trim_search(half)
    found = list(problems(site.resolve()))
    for problem in found:
        print(problem)
    print(f"{sum(1 for _ in site.rglob('*.html'))} pages, {len(found)} problems: {site / 'index.html'}")
    return bool(found)


def build(zensical: str, lang: Lang, at: Path) -> None:
    """Build the half of one language in ``at``/site.

    Raises:  CalledProcessError if Zensical fails.
    """
    stage(lang, at / "pages")
    shutil.copytree(HERE / "assets", at / "pages" / "assets")
    config = (HERE / "zensical.toml").read_text(encoding="utf-8")
    blanks = {**WORDS[lang], "lang": lang, "nav": _nav(lang)}
    for blank, value in blanks.items():
        config = config.replace(f"{{{{{blank}}}}}", value)
    (at / "zensical.toml").write_text(config, encoding="utf-8")
    subprocess.run([zensical, "build", "--clean"], cwd=at, check=True)


def _nav(lang: Lang) -> str:
    # A TOML array of inline tables; a JSON string is a TOML string.
    def table(title: str, value: str) -> str:
        return f"{{{json.dumps(title, ensure_ascii=False)} = {value}}}"

    parts = []
    for section in NAV:
        rows = []
        for entry in section.entries:
            title = getattr(entry, lang)
            if title is None:
                continue
            rows.append(table(title, json.dumps(entry.path)))
            if entry.path == "causes.md":
                pages = [table(text(f"cause.{name}.title", lang), f'"causes/{name}.md"') for name in sorted(PAGES)]
                rows[-1] = table(title, f'["causes.md", {", ".join(pages)}]')
        if rows:
            parts.append(table(getattr(section, lang), f"[{', '.join(rows)}]"))
    return f"[{', '.join(parts)}]"


def trim_search(half: Path) -> None:
    """Leave out of the search what every page of a cause repeats, and the pages for developers: each hides the rest.

    A page loads the whole index, so this is a tenth of its size, too.
    """
    index = json.loads((half / "search.json").read_text(encoding="utf-8"))
    seen = Counter(item["text"] for item in index["items"])
    left_out = tuple(path.replace(".md", ".html") for path in ENGLISH_ONLY)
    index["items"] = [
        item for item in index["items"] if seen[item["text"]] < REPEATED and not item["location"].startswith(left_out)
    ]
    written = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (half / "search.json").write_text(written, encoding="utf-8")
    (half / "search.js").write_text(f"var __index = {written}", encoding="utf-8")


def link_languages(site: Path) -> None:
    """Let the choice of the language lead to the same page, where it exists in both."""
    for page in site.rglob("*.html"):
        is_chinese = page.is_relative_to(site / "zh")
        path = page.relative_to(site / "zh" if is_chinese else site)
        up = "../" * (len(path.parts) - 1)

        def same(match: re.Match[str], path: Path = path, up: str = up, is_chinese: bool = is_chinese) -> str:
            base = {"en": f"{up}../" if is_chinese else up, "zh": up if is_chinese else f"{up}zh/"}[match["lang"]]
            there = site / ("zh" if match["lang"] == "zh" else "") / path
            return f"{match[1]}{base}{path.as_posix() if there.exists() else 'index.html'}{match[2]}"

        page.write_text(ALTERNATE.sub(same, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
