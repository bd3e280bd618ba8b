"""Makes the picture of `holter web`, docs/img/web.png: a frozen worker, 25 s after its stop, in a real Chromium.

python docs/img/web_picture.py [OUT.png [WIDTH HEIGHT [LANG [dark]]]]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.views import scene  # noqa: E402 - needs the path
from benchmarks.views.browser import chromium  # noqa: E402

BEFORE_S = scene.FROZEN_AT_S + 25
READY = "window.report && document.querySelectorAll('.uplot canvas').length > 3"


def main(words: list[str]) -> None:
    """Record, serve, open, and take the picture."""
    out = Path(words[0]) if words else ROOT / "docs" / "img" / "web.png"
    width, height = (int(words[1]), int(words[2])) if len(words) > 2 else (1180, 1330)
    lang = words[3] if len(words) > 3 else "en"
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        tape = Path(folder) / "run.holter"
        record = [sys.executable, "-m", "benchmarks.views.scene", str(tape), str(BEFORE_S), "frozen"]
        serve = [sys.executable, "-m", "holter", "web", str(tape), "--port", "0", "--lang", lang]
        with subprocess.Popen(record, stdout=subprocess.PIPE, text=True, cwd=ROOT) as recorder:
            recorder.stdout.readline()  # type: ignore[union-attr]
            with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
                found = re.search(r"http://\S+", server.stdout.readline())  # type: ignore[union-attr]
                assert found is not None
                tab = browser.tab()
                tab.size(width, height, dark="dark" in words)
                tab.open(found[0])
                tab.until(READY)
                tab.wait(4.0)
                tab.picture(out, whole=False)
                server.terminate()
            recorder.kill()
    with Image.open(out) as picture:  # 128 colours show the same, in a third of the bytes
        few = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(out, optimize=True)
    print(f"wrote {out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
