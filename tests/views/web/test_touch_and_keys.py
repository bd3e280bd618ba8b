"""The report's time axis by touch and by keyboard, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.views.browser import Tab
from playing import kept

from holter.remedies.diagnose import diagnose_recording
from holter.reports.html import write_html
from needs import needs

pytestmark = [pytest.mark.slow, needs("chromium")]

SPAN = "report.data.span"
WIDTH = "(report.view()[1] - report.view()[0])"
BOX = "(({left, width, top}) => [left, width, top])(document.querySelector('.strip').getBoundingClientRect())"
KEYS = {"+": 187, "-": 189, "0": 48, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Escape": 27}


@pytest.fixture
def page(tab: Tab, tmp_path: Path) -> Tab:
    recording = kept("slow_storage/disk_hangs")
    write_html(recording, diagnose_recording(recording, is_over=True), tmp_path / "report.html")
    tab.open((tmp_path / "report.html").as_uri())
    tab.until(f"window.report && {WIDTH} === {SPAN}")
    tab.js("document.getElementById('timeline').scrollIntoView()")
    return tab


def touch(tab: Tab, kind: str, *xs: float, y: float) -> None:
    tab.ask(
        "Input.dispatchTouchEvent",
        type=kind,
        touchPoints=[{"x": x, "y": y, "id": number} for number, x in enumerate(xs)],
    )


def press(tab: Tab, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        tab.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=KEYS[key])


def test_two_fingers_look_closer_and_one_moves_the_run(page: Tab) -> None:
    page.ask("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)
    left, width, top = page.js(BOX)
    y = top + 5
    at = [left + width * share for share in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)]
    touch(page, "touchStart", at[2], y=y)
    touch(page, "touchStart", at[2], at[4], y=y)
    touch(page, "touchMove", at[1], at[5], y=y)
    touch(page, "touchMove", at[0], at[6], y=y)
    touch(page, "touchEnd", y=y)
    closer = page.js(WIDTH)
    assert closer < 0.5 * page.js(SPAN), "fingers three times as far apart show a third of the run"
    before = page.js("report.view()[0]")
    touch(page, "touchStart", at[5], y=y)
    touch(page, "touchMove", at[3], y=y)
    touch(page, "touchMove", at[1], y=y)
    touch(page, "touchEnd", y=y)
    assert page.js("report.view()[0]") > before + 0.2 * closer, "the run follows the finger to the left"
    assert page.js(WIDTH) == pytest.approx(closer)


def test_a_finger_on_the_whole_run_scrolls_the_page(page: Tab) -> None:
    page.ask("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)
    page.size(375, 500)
    page.js("document.getElementById('tracks').scrollIntoView()")
    page.js("window.scrollBy(0, -100)")
    scrolled = page.js("window.scrollY")
    touch(page, "touchStart", 200, y=250)
    for y in (210, 170, 90):
        touch(page, "touchMove", 200, y=y)
    touch(page, "touchEnd", y=90)
    assert page.js("window.scrollY") > scrolled + 50
    assert page.js(WIDTH) == page.js(SPAN)


def test_keys_look_closer_move_and_show_the_whole_again(page: Tab) -> None:
    page.js("document.getElementById('tracks').focus()")
    span = page.js(SPAN)
    press(page, "+")
    press(page, "+")
    assert page.js(WIDTH) == pytest.approx(span / 4)
    press(page, "End")
    assert page.js("report.view()[1]") == pytest.approx(span)
    press(page, "ArrowLeft")
    assert page.js("report.view()[1]") == pytest.approx(span - span / 16)
    press(page, "Home")
    assert page.js("report.view()[0]") == 0
    press(page, "-")
    assert page.js(WIDTH) == pytest.approx(span / 2)
    press(page, "Escape")
    assert page.js("report.view()") == [0, pytest.approx(span)]


def test_no_label_of_the_axis_stands_over_what_is_beside_it(page: Tab) -> None:
    left, width, _ = page.js(BOX)
    sides = "[...document.querySelectorAll('#axis span')].map((one) => one.getBoundingClientRect())"
    for start in (9.9, 9.5, 9.0):  # a label near each of the edges
        page.js(f"report.show({start}, {start + 30})")
        edges = page.js(f"{sides}.map(({{left, right}}) => [left, right])")
        assert edges and min(edges[0]) >= left - 1 and max(edges[-1]) <= left + width + 1, start
