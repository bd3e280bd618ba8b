"""The table of the versions, its goals, and its place in the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compatibility.play import Played
from benchmarks.reporting import Goal

BEGIN, END = "<!-- table: benchmarks.compatibility -->", "<!-- end of table -->"
# What each column must show. Other words than these are a fault, and are printed as they are.
WANTED = {
    "healthy": "quiet",
    "named": "frozen-worker",
    "healed": "in the epoch",
    "resumed": "yes",
    "tape": "readable",
}
GOALS = {
    "healthy": "versions with an alarm in a healthy training",
    "named": "versions without the name of a frozen worker",
    "healed": "versions whose frozen worker is not replaced",
    "resumed": "versions that do not go on after a kill",
    "tape": "versions with a tape that lacks something",
}


def rows(results: Sequence[Played]) -> list[dict[str, object]]:
    """Return one row a version."""
    return [
        {
            "version": played.version,
            "batchgenerators": played.packages.get("batchgenerators", "-"),
            "v2": played.packages.get("batchgeneratorsv2", "-"),
            "preprocessing": played.preprocessing,
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


def page(text: str, results: Sequence[Played]) -> str:
    """Return a page with its table replaced.

    Raises:  ValueError if the page has no place for it.
    """
    before, begins, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not begins or not ends:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    lines = [
        "| nnU-Net | with | healthy | frozen worker | replaced | killed, goes on | tape |",
        "|---|---|---|---|---|---|---|",
    ]
    for played in results:
        packages = ", ".join(
            f"{name} {played.packages[name]}"
            for name in ("batchgenerators", "batchgeneratorsv2")
            if played.packages.get(name, "-") != "-"
        )
        cells = [getattr(played, name) for name in WANTED]
        if played.problem is not None:
            cells = [f"not tried: {played.problem}", *[""] * (len(WANTED) - 1)]
        lines.append(f"| {_named(played)} | {packages} | {' | '.join(cells)} |")
    return "\n".join([f"{before}{begins}", *lines, f"{ends}{after}"])


def _named(played: Played) -> str:
    version = played.packages.get("nnunetv2", played.version)
    return version if played.version in (version, "newest") else f"{played.version} ({version})"
