"""The pages of docs/: made from the code where they repeat it, alike in both languages, and without a dead link."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from scripts.docs_site.check import MOST_BYTES, problems
from scripts.docs_site.nav import ENGLISH_ONLY, NAV
from scripts.docs_site.stage import LINK, pages_of, rewritten, unbroken
from scripts.reference import DOCS, LANGUAGES, folder
from scripts.reference.every_page import every_page

import holter
from holter.causes import ERROR_TEXTS, PAGES
from holter.cli import INTERRUPTED
from holter.cli.start.settings import VARIABLES
from holter.diagnosis.logs import read_pasted
from holter.records.exit_codes import GAVE_UP, REQUEUE
from holter.reports.catalogue import Lang
from holter.reports.catalogue import text as sentence

CHECKOUT = DOCS.parent
SOURCE = Path(holter.__file__).parent
MARKDOWN = (*pages_of("en"), *pages_of("zh"))
# A table that a benchmark writes, into the English page alone.
MEASURED = re.compile(r"<!-- table: .*?<!-- end of table -->", re.S)
# Any error in Python is one of these, too.
ANY_ERROR = ("main-exception",)
# Set by Holter for the processes that it starts, or by its tests and demonstrations: no setting of a user.
INTERNAL = {
    "HOLTER_DOING_FD", "HOLTER_ERROR_FILE", "HOLTER_FOLD_LOCK", "HOLTER_GENERATION", "HOLTER_GPU_SCRIPT", "HOLTER_HEAL",
    "HOLTER_SCRATCH", "HOLTER_STOP_EXIT_CODE", "HOLTER_STRICT_SENTENCES", "HOLTER_STUDY_SEAT", "HOLTER_STUDY_SLOT",
    "HOLTER_VERSION", "HOLTER_WORKER_ROLE",
}  # fmt: skip


def named(file: Path) -> str:
    return file.relative_to(DOCS).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found = Counter[str]()
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", without_code(page.read_text("utf-8")), re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*\\]", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return names


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_that_repeats_the_code_is_up_to_date(lang: Lang) -> None:
    made = {folder(lang) / page.path: page.text for page in every_page(lang)}
    stale = [named(file) for file, text in made.items() if not file.exists() or file.read_text("utf-8") != text]
    assert stale == [], "run `make docs`"
    assert {file.stem for file in (folder(lang) / "causes").glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("page", MARKDOWN, ids=named)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    dead = []
    for match in LINK.finditer(without_code(page.read_text("utf-8"))):
        target, anchor = match["target"], (match["anchor"] or "").removeprefix("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(match[0])
    assert dead == []


def test_every_page_is_in_the_navigation_once() -> None:
    listed = Counter(entry.path for section in NAV for entry in section.entries)
    assert listed == Counter(named(page) for page in pages_of("en") if page.parent.name != "causes")


def test_every_page_has_its_like_in_chinese() -> None:
    english = {named(page) for page in pages_of("en")} - set(ENGLISH_ONLY)
    assert {page.relative_to(folder("zh")).as_posix() for page in pages_of("zh")} == english


@pytest.mark.parametrize("page", pages_of("zh"), ids=named)
def test_a_chinese_page_has_the_headings_code_tables_and_links_of_the_english_one(page: Path) -> None:
    path = page.relative_to(folder("zh"))
    texts = ((DOCS / path).read_text("utf-8"), page.read_text("utf-8"))
    assert re.search("[\u4e00-\u9fff]{2}", texts[1])
    shapes = []
    for text in texts:
        prose = MEASURED.sub("", without_code(text))
        lists = [] if path.parts[0] == "causes" else re.findall(r"^ *(?:[-*]|\d+\.) ", prose, re.M)
        tables = [line.count("|") for line in re.findall(r"^ *\|.*\|$", prose.replace(r"\|", ""), re.M)]
        code = re.findall(r"^ *```(\w*)$", text, re.M)
        shapes.append((re.findall(r"^#+ ", prose, re.M), tables, lists, code))
    # The page of a cause is from the catalogue, whose translations may divide a section otherwise.
    assert shapes[0] == shapes[1]
    if path.parts[0] != "causes":
        assert where(texts[1], page) == where(texts[0], DOCS / path)
    assert commands(texts[1]) == commands(texts[0])


def where(text: str, page: Path) -> Counter[str]:
    """Where the links of a page lead, without the folder of the language and the anchor."""
    found = Counter[str]()
    for match in LINK.finditer(without_code(text)):
        target = match["target"]
        if target and not re.match(r"[a-z]+:", target):
            file = (page.parent / target).resolve()
            root = (
                folder("zh") if file.is_relative_to(folder("zh")) else DOCS if file.is_relative_to(DOCS) else CHECKOUT
            )
            target = file.relative_to(root).as_posix().replace("top-zh.svg", "top.svg")
        found["" if target == "index.md" else target] += 1
    return found


def commands(text: str) -> list[str]:
    """The commands of a page, without comments and without the choice of Chinese."""
    blocks = re.findall(r"^ *```(?:sh|python|toml|yaml|ini)\n(.*?)^ *```$", text, re.M | re.S)
    lines = [re.sub(r"\s+#\s.*|^#.*| --lang zh", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_the_page_on_variables_names_those_that_the_code_reads() -> None:
    read = set(VARIABLES)
    for file in SOURCE.rglob("*.py"):
        read |= set(re.findall(r"[\"'](HOLTER_[A-Z0-9_]+)[\"']", file.read_text("utf-8")))
    for lang in LANGUAGES:
        page = (folder(lang) / "reference" / "environment.md").read_text("utf-8")
        assert set(re.findall(r"^\| `(HOLTER_\w+)`", page, re.M)) == read - INTERNAL


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_on_the_browser_quotes_the_bar_at_its_top(lang: Lang) -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", (folder(lang) / "web.md").read_text("utf-8"), re.M)
    bar = [sentence(f"web.{key}", lang, age="…") for key in ("live", "polling", "late", "finished", "lost", "missing")]
    assert [line for line in bar if not any(line.startswith(row) for row in rows)] == []


def test_the_page_on_exit_codes_has_the_numbers_of_the_code() -> None:
    for lang in LANGUAGES:
        page = (folder(lang) / "reference" / "exit-codes.md").read_text("utf-8")
        assert set(re.findall(r"^\| (\d+) \|", page, re.M)) == {str(REQUEUE), str(GAVE_UP), "2"}
        assert str(INTERRUPTED) in page


@pytest.mark.parametrize(("cause", "message"), [(cause, text) for cause in ERROR_TEXTS for text in ERROR_TEXTS[cause]])
def test_a_message_on_the_page_of_a_cause_leads_to_that_cause_when_pasted(cause: str, message: str) -> None:
    (diagnosis, *_) = read_pasted(io.BytesIO(message.encode()), "paste").diagnoses
    names = [verdict.cause for verdict in diagnosis.verdicts if verdict.verdict != "excluded"]
    assert next(name for name in names if name not in ANY_ERROR or name == cause) == cause


def test_links_of_a_chinese_page_lead_to_the_english_half_where_there_is_no_other() -> None:
    page = folder("zh") / "how-to" / "some.md"
    staged = rewritten(
        "[a](../../upstream.md#x) [b](../top.md) ![c](../../img/top.svg) [d](../../../LICENSE)", page, "zh"
    )
    assert staged == "[a](../../upstream.html#x) [b](../top.md) ![c](../img/top.svg) d"


def test_links_to_files_beside_the_pages_lead_to_the_repository_once_it_has_an_address() -> None:
    page = DOCS / "how-to" / "some.md"
    there = rewritten("[d](../../LICENSE) [e](../../SECURITY.md#x) [b](../top.md)", page, "en", "https://example.org/h")
    assert there == (
        "[d](https://example.org/h/blob/main/LICENSE) [e](https://example.org/h/blob/main/SECURITY.md#x) [b](../top.md)"
    )


def test_lines_of_chinese_prose_are_joined_without_a_blank_and_nothing_else_is() -> None:
    text = (
        "一行，\n二行\n`code` 三行。\n\n- 项\n- 项，\n  续\n1. 甲。\n2. 乙\n\n```sh\n# 注\n中\n```\n\n| 表 |\n| 行 |\n"
    )
    joined = text.replace("，\n", "，").replace("二行\n", "二行").replace("，  续", "，续")
    assert unbroken(text) == joined


def test_the_check_of_the_site_finds_dead_links_foreign_files_and_large_pages(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(
        '<h1 id="a">x</h1><a href="good.html#a">x</a><a href="https://example.org">y</a>'
    )
    assert list(problems(tmp_path)) == []
    (tmp_path / "large.js").write_bytes(b" " * MOST_BYTES)
    (tmp_path / "small.css").write_text("@import 'more.css'; a {background: url(data:image/png;base64,AA)}")
    (tmp_path / "more.css").write_text('a {background: url("https://example.org/x.png")} b {src: url(gone.woff2)}')
    (tmp_path / "bad.html").write_text(
        '<a href="none.html">x</a><a href="good.html#b">x</a><script src="https://example.org/x.js"></script>'
        '<script src="large.js"></script><script src="//example.org/y.js"></script><img src="data:image/png;base64,AA">'
        '<link rel="stylesheet" href="small.css">'
    )
    found = "\n".join(problems(tmp_path))
    assert len(found.splitlines()) == 7
    for words in ("none.html leads nowhere", "good.html#b: no such anchor", "https://example.org/x.js", "1.00 MB",
                  "//example.org/y.js", "https://example.org/x.png", "gone.woff2"):  # fmt: skip
        assert words in found
