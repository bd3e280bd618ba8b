"""The screen in every size, language and set of signs: the same words as agreed, and never too wide or too high."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from benchmarks.views import scene
from rich.cells import cell_len

from holter.reports.catalogue import Lang
from holter.views.model.folder import RunFolder
from holter.views.model.run import Run
from holter.views.top.desk import Desk
from holter.views.top.draw import help as help_page
from holter.views.top.draw import overview
from holter.views.top.draw.glyphs import ASCII, UNICODE, Glyphs, chosen, environment_glyphs
from holter.views.top.draw.pages import PAGES
from holter.views.top.draw.rows import broken, cut, fit, plain, wrapped
from holter.views.top.draw.screen import Drawn, Look
from holter.views.top.judge import judged

HERE = Path(__file__).parent
GOLDEN, TAPES = HERE.parent / "golden", HERE.parents[2] / "tapes"
UPDATE = os.environ.get("HOLTER_UPDATE_GOLDEN")
SIZES = ((40, 15), (80, 24), (120, 40), (200, 50))
# A stall of one worker among twelve; a GPU without licence; a killed main process; a cut recording.
SHOWN = ("frozen_worker/fault", "vgpu_unlicensed/fault", "external_kill/main_sigkill", "shm_too_small/fault")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "frozen.holter"
    scene.write(path, 300, frozen=True)
    return path


def desk_of(path: Path, lang: Lang = "en") -> Desk:
    desk = Desk(Run(path), lang)
    desk.run.poll(0.0, time.time())
    return desk


def drawn(
    desk: Desk, size: tuple[int, int], *, at_s: float | None = None, page: str | None = None, glyphs: Glyphs = UNICODE
) -> Drawn:
    mode = "live" if at_s is None else "back"
    look = Look(width=size[0], height=size[1], lang=desk.lang, glyphs=glyphs, page=page, mode=mode)  # type: ignore[arg-type]
    return desk.draw(desk.view(look, at_s), look)


def text_of(screen: Drawn) -> str:
    return "\n".join(plain(line).rstrip() for line in screen.lines) + "\n"


def agreed(name: str, text: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_a_stall_reads_as_agreed(frozen: Path, size: tuple[int, int], lang: Lang) -> None:
    desk = desk_of(frozen, lang)
    at_s = scene.FROZEN_AT_S + 25.0
    agreed(f"frozen_{size[0]}_{lang}", text_of(drawn(desk, size, at_s=at_s)))


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("page", PAGES)
def test_each_page_reads_as_agreed(frozen: Path, page: str, lang: Lang) -> None:
    desk = desk_of(frozen, lang)
    if page == "diagnosis":
        desk.judgement = judged(frozen, lang, 80, is_over=True)
    agreed(f"page_{page}_{lang}", text_of(drawn(desk, (80, 24), at_s=scene.FROZEN_AT_S + 25.0, page=page)))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_wide_screen_names_each_process_with_its_pid(frozen: Path, lang: Lang) -> None:
    text = text_of(drawn(desk_of(frozen, lang), (120, 90), at_s=scene.FROZEN_AT_S + 25.0, page="waits"))
    for index in range(scene.VAL_WORKERS):
        assert re.search(rf"PID {scene.MAIN_PID + 1 + scene.WORKERS + index}[)）]", text), text


def test_without_colours_and_unicode_everything_is_still_there(frozen: Path) -> None:
    text = text_of(drawn(desk_of(frozen), (80, 24), at_s=scene.FROZEN_AT_S + 25.0, glyphs=ASCII))
    agreed("frozen_ascii", text)
    assert text.isascii()


@cache
def every_tape() -> tuple[Path, ...]:
    return tuple(sorted(TAPES.rglob("*.holter")))


@pytest.mark.slow
@pytest.mark.parametrize("size", [*SIZES, (20, 5), (33, 9), (1, 1)])
def test_every_kept_tape_fits_every_size(size: tuple[int, int]) -> None:
    width, height = max(20, size[0]), max(5, size[1])
    # Each size some of the tapes, all sizes together all of them.
    sizes = [*SIZES, (20, 5), (33, 9), (1, 1)]
    for number, path in enumerate(every_tape()[sizes.index(size) :: len(sizes)]):
        desk = desk_of(path, "zh" if number % 2 else "en")
        story = desk.run.story
        for page in (None, PAGES[number % len(PAGES)]):
            for at_s in (None, story.first_s, (story.first_s + story.last_s) / 2):
                screen = drawn(desk, size, at_s=at_s, page=page)
                assert len(screen.lines) == height, path
                assert {cell_len(plain(line)) for line in screen.lines} == {width}, path


def test_all_that_is_vital_is_on_eighty_by_twentyfour_with_twelve_workers(tmp_path: Path) -> None:
    path = tmp_path / "twelve.holter"
    scene.write(path, 200, close=False)
    desk = Desk(Run(path), "en")
    desk.run.poll(0.0, scene.START.timestamp() + 200.0)
    text = text_of(drawn(desk, (80, 24)))
    assert "Running: epoch 403 of 1000." in text and "ends about" in text
    for label in (
        *(f"worker {index}" for index in range(10)),
        "GPU 0",
        "CPU+iowait",
        "memory",
        "disk",
        "swap",
        "shm",
        "net",
    ):
        assert label in text, label


def test_forty_by_fifteen_names_the_frozen_worker_and_the_gpu(frozen: Path) -> None:
    text = text_of(drawn(desk_of(frozen), (40, 15), at_s=scene.FROZEN_AT_S + 25.0))
    assert "Stalled for" in text and "w7" in text and "TTTT" in text and "GPU0" in text and "CPU" in text


def test_the_frozen_worker_stands_first_and_goes_back_to_its_place(frozen: Path) -> None:
    desk = desk_of(frozen)
    during = text_of(drawn(desk, (80, 24), at_s=scene.FROZEN_AT_S + 25.0)).splitlines()
    after = text_of(drawn(desk, (80, 24), at_s=scene.FROZEN_AT_S + 100.0)).splitlines()

    def workers(lines: list[str]) -> list[str]:
        return [line.split()[1] for line in lines if line.startswith("worker ")]

    assert workers(during)[:2] == ["7", "0"]
    assert workers(after)[:2] == ["0", "1"]


def test_a_folder_of_runs_reads_as_agreed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("quiet/as_usual", "worker_killed/fault"):
        (tmp_path / f"{name.replace('/', '-')}.holter").write_bytes((TAPES / f"{name}.holter").read_bytes())
    (tmp_path / "half.holter").write_bytes(b"SQLite format 3\x00 and no more")
    for number, path in enumerate(sorted(tmp_path.glob("*.holter"))):
        os.utime(path, (1e9 + number, 1e9 + number))
    rows = RunFolder((Path(),), "en").rows(0.0, time.time())
    assert [row.state for row in rows] == ["over", "over", "unreadable"]
    for width in (40, 80, 120):
        lines = overview.draw(rows, "runs", None, width, 12, "en", UNICODE, "").lines
        assert len(lines) == 12 and {cell_len(plain(line)) for line in lines} == {width}
        agreed(f"overview_{width}", "\n".join(plain(line).rstrip() for line in lines) + "\n")


def test_a_run_of_a_folder_keeps_its_fold_and_what_tells_it_from_others(tmp_path: Path) -> None:
    kept = (TAPES / "quiet/as_usual.holter").read_bytes()
    for stem in ("Dataset801-3d_fullres-fold0-gpu-node-017-20261124-182807-4711", "tried-with-another-learning-rate"):
        (tmp_path / f"{stem}.holter").write_bytes(kept)
    rows = RunFolder((tmp_path,), "en").rows(0.0, time.time())
    names = {}
    for width in (40, 80):
        lines = overview.draw(rows, "runs", None, width, 12, "en", UNICODE, "").lines
        names[width] = sorted(plain(line)[9 : width - 6].strip() for line in lines[2:4])
    assert all(each.startswith(("11-24 18:28", "tried-with")) for each in names[40])
    assert all(re.search(r"f0\b", each) for each in (*names[40], *names[80]))
    assert names[80][0].startswith("11-24 18:28 801 3d_fullres f0 ")


def test_the_sign_of_the_moment_stands_in_no_time(frozen: Path) -> None:
    desk = desk_of(frozen)
    for at_s in range(20, 120, 7):
        (axis,) = [
            line for line in text_of(drawn(desk, (80, 24), at_s=float(at_s))).splitlines() if line.startswith("time ")
        ]
        assert axis.count("↑") == 1
        assert re.fullmatch(r"time\s+(?:┬\d:\d\d:\d\d\s*)+\s\d:\d\d:\d\d\s*", axis.replace("↑", " ")), axis


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES)
def test_the_help_fits(size: tuple[int, int], lang: Lang) -> None:
    lines = help_page.draw(*size, lang, UNICODE)
    assert len(lines) == size[1] and {cell_len(plain(line)) for line in lines} == {size[0]}
    if size[1] >= 40:
        agreed(f"help_{size[0]}_{lang}", "\n".join(plain(line).rstrip() for line in lines) + "\n")


def test_a_help_that_does_not_fit_says_how_to_read_on() -> None:
    assert plain(help_page.draw(40, 15, "en", UNICODE)[-1]).strip() == "↑ ↓: more; any other key closes."
    assert plain(help_page.draw(40, 15, "en", ASCII)[-1]).strip() == "up, down: more; any other key closes."
    assert plain(help_page.draw(120, 50, "en", UNICODE)[-1]).strip() == "Any key closes this page."


def test_a_search_without_a_hit_says_so(frozen: Path) -> None:
    desk = desk_of(frozen)
    look = Look(width=80, height=24, lang="en", glyphs=UNICODE, page="events", mode="live", search="nowhere")
    assert "No line of this page has this text." in text_of(desk.draw(desk.view(look, None), look))


def test_control_characters_of_other_programs_do_not_reach_the_terminal(tmp_path: Path) -> None:
    from holter.records import LogLine
    from holter.tape import TapeWriter

    path = tmp_path / "evil.holter"
    writer = TapeWriter(path)
    writer.write_environment(scene.environment())
    writer.write_samples(0.0, scene.Scene().samples(0))
    writer.write_events([LogLine(t_s=0.0, text="\x1b[2J\x1b]0;owned\x07 bad\tline\r\n", level="error")])
    writer.close(1.0)
    text = text_of(drawn(desk_of(path), (80, 24), page="log"))
    assert "bad line" in text and all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, UNICODE),
        ({"LANG": "zh_CN.utf8", "TERM": "screen"}, UNICODE),
        ({"TERM": "xterm"}, UNICODE),
        ({"LANG": "zh_CN.GBK", "TERM": "xterm"}, ASCII),
        ({"LANG": "de_DE.ISO-8859-1@euro", "TERM": "xterm"}, ASCII),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, ASCII),
    ],
)
def test_the_signs_fit_the_terminal(environ: dict[str, str], expected: Glyphs) -> None:
    assert chosen(environ) is expected
    assert chosen(environ, ascii_only=True) is ASCII


@pytest.mark.parametrize(("encoding", "expected"), [("ascii", ASCII), ("latin-1", ASCII), ("utf-8", UNICODE)])
def test_the_signs_fit_what_python_writes(monkeypatch: pytest.MonkeyPatch, encoding: str, expected: Glyphs) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "TERM"):
        monkeypatch.delenv(name, raising=False)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        glyphs = environment_glyphs(ascii_only=False)
    assert glyphs is expected


def test_text_is_cut_and_wrapped_by_cells_and_not_by_letters() -> None:
    assert cut("数据进程 7", 5) == "数据…" and fit("数据", 6) == "数据  "
    assert wrapped("训练停滞数据进程已暂停", 8, 3) == ["训练停滞", "数据进程", "已暂停"]
    assert wrapped("one two three four", 9, 2) == ["one two", "three fo…"]
    assert broken("unbreakable", 4) == ("unbr", "eakable")
    assert broken("自行恢复。", 8) == ("自行恢", "复。")  # no line begins with 。
    assert broken("恢复”）。", 4) == ("恢", "复”）。")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_the_identity_has_no_half_number_and_the_epoch_where_it_is_narrow(frozen: Path, width: int) -> None:
    line = text_of(drawn(desk_of(frozen), (width, 24), at_s=scene.FROZEN_AT_S + 25.0)).splitlines()
    (identity,) = [each for each in line if "3d_fullres" in each]
    assert "…" not in identity and re.search(r"epoch \d+/1000", identity), identity
    assert "loss" not in identity or re.search(r"loss -?\d+\.\d{3}/-?\d+\.\d{3}", identity)
