"""The live page in a real browser: readings come by themselves, at every width, in both schemes and languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.views.browser import Tab
from playing import KEPT, Player, Served, holter_web, kept

from needs import imported, needs

pytestmark = [pytest.mark.slow, needs("chromium")]

SCENE = "slow_storage/fault"
LONG_SCENE, HEAD_S = "slow_storage/disk_hangs", 20.0
READY = "window.report && document.querySelectorAll('.uplot canvas').length > 3"
SPAN = "report.data.span"
STATE = "document.getElementById('live-state').textContent"
FITS = """[...document.querySelectorAll('.row.chart')].every((row) =>
    Math.abs(row.querySelector('.plot').clientWidth - row.querySelector('.uplot').clientWidth) < 2)"""
INKED = """(() => {
    const all = [...document.querySelectorAll('.uplot canvas')].map((canvas) =>
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
    return all.reduce((sum, data) => sum + data.filter((value, i) => i % 4 === 3 && value > 0).length, 0);
})()"""
POINT = """(() => {
    const box = document.querySelector('.strip').getBoundingClientRect();
    document.getElementById('tracks').dispatchEvent(new PointerEvent('pointermove',
        {clientX: box.left + box.width / 2, clientY: box.top + 5, bubbles: true}));
    return report.isPointing();
})()"""
# The page on a connection of 10 Mbit/s with 50 ms to the server and back.
MOST_BYTES, MOST_MS = 200_000, 1000.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Player]]:
    path = tmp_path_factory.mktemp("live") / "run.holter"
    player = Player(kept(LONG_SCENE), path, HEAD_S)
    with holter_web(path) as web:
        player.start()
        yield web, player
    player.end()


def test_readings_come_by_themselves_and_the_console_is_quiet(live: tuple[Served, Player], tab: Tab) -> None:
    tab.open(live[0].url)
    tab.until(READY)
    assert "token" not in tab.js("location.href")
    first = tab.js(SPAN)
    points = tab.js("report.data.charts.map((chart) => chart[0].t.length)")
    tab.js("window.mark = 1")
    tab.until(f"{SPAN} > {first} + 3")
    assert all(
        more >= before
        for more, before in zip(tab.js("report.data.charts.map((c) => c[0].t.length)"), points, strict=True)
    )
    assert tab.js("window.mark") == 1, "the page was not loaded again"
    assert tab.js(STATE) == "Live"
    assert tab.problems == []


def test_an_episode_appears_with_its_cause_without_a_reload(tab: Tab, tmp_path: Path) -> None:
    player = Player(kept(SCENE), tmp_path / "run.holter", 22.0)
    with holter_web(tmp_path / "run.holter") as web:
        tab.open(web.url)
        tab.until(READY)
        assert tab.js("document.querySelector('article.episode')") is None
        tab.js("window.mark = 1; report.show(5, 12)")
        player.start()
        tab.until("document.querySelector('article.episode')")
        assert tab.js("window.mark") == 1
        assert "fuse" in tab.js("document.querySelector('article.episode').textContent")
        assert tab.js("report.view()") == [5, 12], "what was looked at is looked at still"
        player.end()
    assert tab.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 768, 1440])
def test_nothing_is_wider_than_the_screen(live: tuple[Served, Player], tab: Tab, width: int, *, dark: bool) -> None:
    tab.size(1440)
    tab.open(live[0].url)
    tab.until(READY)
    tab.size(width, dark=dark)  # turned, or moved to another screen
    tab.until("document.documentElement.scrollWidth <= innerWidth")
    tab.until(FITS)
    assert tab.js(INKED) > width / 10
    assert tab.problems == []


def test_zoom_stays_and_the_whole_run_and_its_end_grow(live: tuple[Served, Player], tab: Tab) -> None:
    tab.open(live[0].url)
    tab.until(READY)
    tab.js("report.show(5, 12)")
    span = tab.js(SPAN)
    tab.until(f"{SPAN} > {span} + 2")
    assert tab.js("report.view()") == [5, 12]
    tab.js("document.getElementById('tail').click()")
    assert tab.js("document.getElementById('tail').getAttribute('aria-pressed')") == "true"
    span = tab.js(SPAN)
    tab.until(f"{SPAN} > {span} + 1 && report.view()[1] === {SPAN}")


def test_the_pointer_reads_live_values_and_without_it_the_newest_are_shown(
    live: tuple[Served, Player], tab: Tab
) -> None:
    tab.open(live[0].url)
    tab.until(READY)
    tab.until("document.querySelector('[data-chart] output').textContent !== ''")
    tab.js("report.show(5, 15)")
    assert tab.js(POINT) is True
    clock = tab.js("document.getElementById('now').textContent")
    tab.wait(2.5)
    assert tab.js("document.getElementById('now').textContent") == clock


def test_it_is_painted_within_a_second_and_below_200_kilobytes(live: tuple[Served, Player], tab: Tab) -> None:
    tab.slow(50, 1.25e6)
    tab.open(live[0].url)
    tab.until(READY)
    assert 20_000 < tab.received < MOST_BYTES
    painted = "performance.getEntriesByName('first-contentful-paint')[0]"
    tab.until(painted)
    # Generous: other tests may have the processor.
    assert tab.js(f"{painted}.startTime") < 3 * MOST_MS


@needs("axe")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_everybody_can_use_it(live: tuple[Served, Player], tab: Tab, width: int, *, dark: bool) -> None:
    tab.size(width, dark=dark)
    tab.open(live[0].url)
    tab.until(READY)
    assert violations(tab) == []


def violations(tab: Tab) -> list[str]:
    """What axe-core objects to."""
    folder = Path(str(imported("axe_core_python").__file__)).parent
    tab.js((folder / "axe.min.js").read_text(encoding="utf-8") + "; 1")
    found: list[str] = tab.js(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.flatMap((v) => "
        "v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 200))))"
    )
    return found


def test_the_keyboard_reaches_every_control(live: tuple[Served, Player], tab: Tab) -> None:
    tab.open(live[0].url)
    tab.until(READY)
    wanted = tab.js(
        "[...document.querySelectorAll('a[href], button, summary')].filter((one) => one.offsetParent).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        for kind in ("keyDown", "keyUp"):
            tab.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.add(
            tab.js("[...document.querySelectorAll('a[href], button, summary')].indexOf(document.activeElement)")
        )
    assert len(reached - {-1}) >= wanted
    tab.js("document.getElementById('tail').focus()")
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert tab.js("document.getElementById('tail').getAttribute('aria-pressed')") == "true"


def test_a_folder_is_an_overview_that_leads_to_runs_and_back(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "fold0").mkdir()
    (tmp_path / "fold0" / "done.holter").write_bytes((KEPT / "frozen_worker" / "fault.holter").read_bytes())
    (tmp_path / "not one.holter").write_text("words")
    with holter_web(tmp_path, lang="zh") as web:
        tab.open(web.url)
        tab.until("document.querySelectorAll('.runs > li').length === 2")
        assert "不是 Holter 的记录文件" in tab.js("document.body.textContent")
        player = Player(kept(SCENE), tmp_path / "new.holter", 20.0)
        tab.until("document.querySelectorAll('.runs > li').length === 3", within_s=20)
        assert tab.js("document.querySelector('.runs > li').classList.contains('live')"), (
            "what is recorded now comes first"
        )
        tab.js("[...document.querySelectorAll('.runs a')].find((a) => a.textContent === 'fold0/done').click()")
        tab.until(READY)
        tab.until(f"{STATE} === '记录已结束'")
        assert tab.js("document.documentElement.lang") == "zh-CN"
        tab.js("document.querySelector('.livebar a').click()")
        tab.until("document.querySelector('.runs')")
        player.end()
    assert tab.problems == []
