"""Makes the pictures of `holter top`: docs/img/top.svg, and docs/img/top-zh.svg in Chinese.

    python docs/img/top_pictures.py [TAPE WIDTH HEIGHT OUT.svg [LANG [SECONDS [KEYS...]]]]

With a tape it makes one picture of it: at a time of the recording, after some keys.
"""

from __future__ import annotations

import asyncio
import datetime
import sys
import tempfile
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.views import scene  # noqa: E402 - needs the path
from svg_text import by_cells  # noqa: E402
from textual.pilot import Pilot  # noqa: E402

from holter.reports.catalogue import Lang  # noqa: E402
from holter.views.model.run import Run  # noqa: E402
from holter.views.top.app import TopApp  # noqa: E402
from holter.views.top.desk import Desk  # noqa: E402
from holter.views.top.draw.glyphs import UNICODE  # noqa: E402
from holter.views.top.run_control import RunControl  # noqa: E402

# Looks at the screen, half a second apart; an empty screen has fewer texts.
PATIENCE, LEAST_TEXTS = 120, 40
# During the stall: the alarm is there, and its cause is named.
SECONDS = scene.FROZEN_AT_S + 26


async def picture(
    tape: Path, width: int, height: int, lang: Lang, at_s: float | None, keys: tuple[str, ...], title: str
) -> str:
    """Return the screen as SVG."""
    control = RunControl(Desk(Run(tape), lang), UNICODE, at_s=at_s)
    app = TopApp(control, lang, UNICODE)
    app.title = title
    async with app.run_test(size=(width, height)) as pilot:
        svg = await _drawn(app, pilot, title)
        for key in keys:
            await pilot.press(key)
            svg = await _drawn(app, pilot, title)
    app.close()
    return by_cells(svg)


async def _drawn(app: TopApp, pilot: Pilot[None], title: str) -> str:
    # A busy machine takes its time: the picture is ready when it has lanes, and stays as it is.
    before = ""
    for _ in range(PATIENCE):
        await pilot.pause(0.5)
        svg = app.export_screenshot(title=title)
        if svg == before and svg.count("<text") > LEAST_TEXTS:
            return svg
        before = svg
    raise RuntimeError(f"no picture of {title} within {PATIENCE / 2:.0f} s")


def main(words: list[str]) -> None:
    """Write the pictures."""
    if words:
        tape, width, height, out, *rest = words
        lang = cast("Lang", rest[0] if rest else "en")
        at_s = float(rest[1]) if len(rest) > 1 and rest[1] != "-" else None
        svg = asyncio.run(picture(Path(tape), int(width), int(height), lang, at_s, tuple(rest[2:]), "holter top"))
        Path(out).write_text(svg)
        return
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "run.holter"
        began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=SECONDS)
        scene.write(tape, SECONDS, frozen=True, close=False, wall=began)
        for name, lang in (("top.svg", "en"), ("top-zh.svg", "zh")):
            svg = asyncio.run(picture(tape, 100, 34, cast("Lang", lang), None, ("w",), "holter top run.holter"))
            (ROOT / "docs" / "img" / name).write_text(svg)


if __name__ == "__main__":
    main(sys.argv[1:])
