"""The table of the versions, its goals, and its place in the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.compatibility.play import Played
from benchmarks.compatibility.versions import VERSIONS, Version, Words
from benchmarks.reporting import Goal

Language = Literal["en", "zh"]
BEGIN, END = "<!-- table: benchmarks.compatibility -->", "<!-- end of table -->"
# What each column must show. Other words than these are a fault, and are printed as they are.
WANTED = {
    "preprocessing": "quiet",
    "healthy": "quiet",
    "named": "frozen-worker",
    "healed": "in the epoch",
    "resumed": "yes",
    "tape": "readable",
}
GOALS = {
    "preprocessing": "versions with an alarm in a healthy preprocessing",
    "healthy": "versions with an alarm in a healthy training",
    "named": "versions without the name of a frozen worker",
    "healed": "versions whose frozen worker is not replaced",
    "resumed": "versions that do not go on after a kill",
    "tape": "versions with a tape that lacks something",
}
HEAD = {
    "en": ("nnU-Net", "with", "preprocessing", "healthy", "frozen workers", "replaced", "killed, goes on", "tape"),
    "zh": ("nnU-Net", "配", "预处理", "健康", "冻结的数据进程", "更换", "杀死后继续", "记录文件"),
}
CHINESE = {
    "quiet": "无声",
    "in the epoch": "在轮次内",
    "yes": "是",
    "readable": "可读",
    "not tried": "未测",
    "not over in time": "没有按时跑完",
}
RESUMED_BY = Words("yes, by `--resume-command`", "是，用 `--resume-command`")
NOT_PLAYED = Words("not played: {why}", "未测：{why}")
# What cannot be played by this benchmark, and why.
UNPLAYED = (
    (
        "nnssl 0.1",
        Words(
            "this benchmark makes no description of its data; it was played by hand, see below",
            "这个测试不生成它的数据说明文件；手工试过，见下文",
        ),
    ),
)


def rows(results: Sequence[Played]) -> list[dict[str, object]]:
    """Return one row a version."""
    return [
        {
            "version": played.version,
            "batchgenerators": played.packages.get("batchgenerators", "-"),
            "v2": played.packages.get("batchgeneratorsv2", "-"),
            **({name: getattr(played, name) for name in WANTED} if played.problem is None else {}),
            "run s": played.wall_s,
            "note": played.problem or "",
        }
        for played in results
    ]


def goals(results: Sequence[Played]) -> list[Goal]:
    """Return a goal a column, open if no version ran."""
    ran = [played for played in results if played.problem is None]
    missed = {name: sum(getattr(each, name) != wanted for each in ran) for name, wanted in WANTED.items()}
    return [
        *(Goal(GOALS[name], 0, count if ran else None, count == 0 if ran else None) for name, count in missed.items()),
        Goal("versions that could not be tried", 0, len(results) - len(ran), len(ran) == len(results)),
    ]


def language_of(page: Path) -> Language:
    """Return the language of a page of the documentation, by its folder."""
    return "zh" if "zh" in page.parts else "en"


def page(text: str, results: Sequence[Played], language: Language = "en") -> str:
    """Return a page with the rows of these results; those of other versions, played before, stay as they are.

    Raises:  ValueError if the page has no place for it.
    """
    before, begins, rest = text.partition(BEGIN)
    inside, ends, after = rest.partition(END)
    if not begins or not ends:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    head = HEAD[language]
    versions = {version.name: version for version in VERSIONS}
    new = [_row(played, versions.get(played.version), language) for played in results]
    known = {_key(line)[0] for line in new} | {name for name, _ in UNPLAYED}
    rows = {_key(line): line for line in inside.strip().splitlines()[2:] if _key(line)[0] not in known}
    rows |= {_key(line): line for line in new}
    lines = [
        _line(head),
        f"|{'---|' * len(head)}",
        *sorted(rows.values(), key=_place),
        *(_line((name, "", _not_played(getattr(why, language), language), *[""] * 5)) for name, why in UNPLAYED),
    ]
    return "\n".join([f"{before}{begins}", *lines, f"{ends}{after}"])


def _row(played: Played, version: Version | None, language: Language) -> str:
    packages = ", ".join(
        f"{name} {played.packages[name]}"
        for name in ("batchgenerators", "batchgeneratorsv2")
        if played.packages.get(name, "-") != "-"
    )
    if played.problem is not None:
        cells = [_not_played(played.problem, language), *[""] * (len(WANTED) - 1)]
    else:
        cells = [_word(getattr(played, name), language) for name in WANTED]
        if version is not None and version.generation == 1 and played.resumed == "yes":
            cells[list(WANTED).index("resumed")] = getattr(RESUMED_BY, language)
    return _line((_named(played, version, language), packages, *cells))


def _key(line: str) -> tuple[str, str]:
    """Return the version of a row without its remark, and its packages."""
    name, packages = line.split("|")[1:3]
    return name.partition(":")[0].partition(" (")[0].strip(), packages.strip()


def _place(line: str) -> int:
    """Return the place of a row: that of its version, or of the newest one, whose name is its number."""
    names = [version.name for version in VERSIONS]
    name = _key(line)[0]
    return names.index(name if name in names else "newest")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def _word(word: str, language: Language) -> str:
    return CHINESE.get(word, word) if language == "zh" else word


def _not_played(why: str, language: Language) -> str:
    return str(getattr(NOT_PLAYED, language)).format(why=why)


def _named(played: Played, version: Version | None, language: Language) -> str:
    distribution = "nnunetv2" if version is None else version.distribution
    installed = played.packages.get(distribution, played.version)
    name = installed if played.version in (installed, "newest") else f"{played.version} ({installed})"
    remark = "" if version is None else getattr(version.remark, language)
    return f"{name}: {remark}" if remark else name
