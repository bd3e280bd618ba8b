"""Makes the pictures of README: docs/img/session.svg and report.png, and session-zh.svg and report-zh.png in Chinese.

    python docs/img/session_pictures.py [FOLDER]    # five minutes: the demo trains twice; FOLDER keeps what it wrote

Every line is one that ``holter demo`` and ``holter diagnose`` printed in a terminal of 100 columns. Left out: lines
("…"), what stands before a path (the folder of the demo, that of Python), the progress of the step. The colours of
``holter diagnose`` are its own; those of ``holter demo``, which has none, mark the fault and the cause.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.views.browser import chromium  # noqa: E402 - needs the path
from rich.console import Console  # noqa: E402
from rich.terminal_theme import DIMMED_MONOKAI  # noqa: E402
from rich.text import Text  # noqa: E402
from svg_text import by_cells  # noqa: E402

IMAGES = ROOT / "docs" / "img"
COLUMNS, LINES = 100, 50
REPORT_SIZE = (1180, 1060)
FAULT = "freeze-then-kill"
LEFT_OUT = "…"
# How much of the diagnosis is shown: the verdict, who waits on whom, what was seen.
SECTIONS = 3


class Command(NamedTuple):
    """A command as a reader types it, and what a terminal showed."""

    typed: str
    shown: list[str]


def in_terminal(typed: str, folder: Path) -> Command:
    """Run a command in a terminal, and return the lines that are left when it has ended, with their colours."""
    words = [sys.executable, "-m", *typed.split()]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(words[0], words, {**os.environ, "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    output = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # how a terminal says that its last program has ended
            break
        output += part
    os.waitpid(child, 0)
    lines = [line.rpartition("\r")[2] or line for line in output.decode().replace("\r\n", "\n").split("\n")]
    return Command(typed, [_shortened(line.replace("\x1b[K", ""), folder) for line in lines])


def _shortened(line: str, folder: Path) -> str:
    return line.replace(f"{folder.resolve()}/", "").replace(sys.executable, "python")


def told(lines: list[str]) -> list[str]:
    """Return what the picture shows of the demo: the frozen worker in full, of the rest the beginning and the end."""
    one, two = (
        next(at for at, line in enumerate(lines) if re.search(f"[:：] epoch {number}$", line)) for number in (1, 2)
    )
    frozen = lines[one:two]
    killed = [line for line in lines[two:] if "(SIGKILL)" in line or "SIGKILL）" in line][:1]
    goes_on = [line for line in lines[two:] if re.search(r"restart\b.*\d s after|重新启动 \d+ 秒后", line)][:1]
    end = [line for line in lines if line][-6:-5]
    return [lines[0], LEFT_OUT, *frozen, killed[0], LEFT_OUT, *goes_on, LEFT_OUT, *end]


def verdict(lines: list[str]) -> list[str]:
    """Return the beginning of the diagnosis: its first sections."""
    blank = [at for at, line in enumerate(lines) if not line]
    return [*lines[: blank[SECTIONS]], "", LEFT_OUT]


def drawn(commands: list[tuple[Command, list[str]]], name: str) -> str:
    """Return the session as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for number, (command, lines) in enumerate(commands):
        if number:
            console.print()
        console.print(Text.assemble(("$ ", "green"), (command.typed, "bold white")))
        for line in lines:
            text = Text.from_ansi(line)
            if line == LEFT_OUT:
                text = Text(f"  {LEFT_OUT}", "dim")
            elif re.search(r"FAULT:|故障：", line):
                text.stylize("red")
            elif "\x1b" not in line and re.search(r"Confirmed|已证实", line):
                text.stylize("bold yellow")
            console.print(text, soft_wrap=False)
    svg = console.export_svg(title="holter demo", theme=DIMMED_MONOKAI, unique_id=name)
    return by_cells(svg)


def session(folder: Path, lang: str) -> list[Command]:
    """Return the two commands in a language; run them unless the folder has them from another time."""
    kept = folder / "session.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        option = "" if lang == "en" else f" --lang {lang}"
        typed = (f"holter demo --out demo{option}", f"holter diagnose demo/{FAULT}.holter{option}")
        kept.write_text(json.dumps([in_terminal(line, folder) for line in typed], ensure_ascii=False, indent=1))
    return [Command(*command) for command in json.loads(kept.read_text(encoding="utf-8"))]


def photograph(report: Path, out: Path, folder: Path) -> None:
    """Take the picture of the top of a report, in 256 colours."""
    from PIL import Image

    shown = folder / "report.html"
    folder.mkdir()
    shown.write_text(_shortened(report.read_text(encoding="utf-8"), report.parents[1]), encoding="utf-8")
    with chromium(folder / "profile") as browser:
        tab = browser.tab()
        tab.size(*REPORT_SIZE, dark=False)
        tab.open(shown.as_uri())
        tab.until("document.readyState === 'complete'")
        tab.wait(2.0)
        tab.picture(out, whole=False)
    with Image.open(out) as image:
        few = image.convert("RGB").quantize(256)
    few.save(out, optimize=True)


def main(words: list[str]) -> None:
    """Run the demo in both languages, and draw."""
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(words[0] if words else scratch)
        for lang, suffix in (("en", ""), ("zh", "-zh")):
            demo, diagnose = session(top / lang, lang)
            picture = IMAGES / f"session{suffix}.svg"
            picture.write_text(drawn([(demo, told(demo.shown)), (diagnose, verdict(diagnose.shown))], f"s{lang}"))
            photo = IMAGES / f"report{suffix}.png"
            photograph(top / lang / "demo" / f"{FAULT}.html", photo, Path(scratch) / lang)
            for file in (picture, photo):
                print(f"wrote {file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
