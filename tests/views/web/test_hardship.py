"""Proxies, dead recorders, sleeping laptops, tapes that are no tapes: the page recovers without a reload."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from benchmarks.views.browser import Tab
from playing import KEPT, Player, Served, holter_web, kept
from proxy import Proxy
from test_web_page import READY, SCENE, SPAN, STATE

from needs import needs

pytestmark = [pytest.mark.slow]
# Ctrl-C ends it at once; the machine may be busy.
AT_ONCE_S = 3.0
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("prefix", ["/user/anna/proxy/8765/", "/node/gpu3/41234/proxy/8765/"])
@needs("chromium")
def test_behind_a_proxy_that_removes_its_prefix(tab: Tab, tmp_path: Path, prefix: str) -> None:
    player = Player(kept(SCENE), tmp_path / "run.holter", 20.0)
    player.start()
    with (
        holter_web(tmp_path, "--allow-host", "hub.example.org") as web,
        Proxy(web.port, prefix, host="hub.example.org") as proxy,
    ):
        tab.open(f"{proxy.url}?token={web.token}")
        tab.until("document.querySelector('.runs a')")
        assert tab.js("location.href") == proxy.url
        tab.js("document.querySelector('.runs a').click()")
        tab.until(READY)
        assert tab.js("location.pathname").startswith(prefix + "run/")
        span = tab.js(SPAN)
        tab.until(f"{SPAN} > {span} + 2")
        assert tab.js(STATE) == "Live"
    assert tab.problems == []
    player.end()


@pytest.mark.long
@needs("chromium")
def test_behind_a_proxy_that_holds_streams_back_the_page_asks(tab: Tab, tmp_path: Path) -> None:
    player = Player(kept(SCENE), tmp_path / "run.holter", 10.0)
    player.start()
    with holter_web(tmp_path / "run.holter") as web, Proxy(web.port, "/p/", buffers=True) as proxy:
        tab.open(f"{proxy.url}?token={web.token}")
        tab.until(READY)
        tab.until(f"{STATE} === 'Live, asked for every two seconds'")
        span = tab.js(SPAN)
        tab.until(f"{SPAN} > {span} + 2")
    player.end()


@pytest.mark.long
@pytest.mark.sample
@needs("chromium")
def test_a_killed_recorder_is_named_and_its_successor_shown(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "run.holter"
    player = Player(kept(SCENE), path, 20.0)
    player.start()
    with holter_web(path) as web:
        tab.open(web.url)
        tab.until(READY)
        tab.js("window.mark = 1")
        tab.until(f"{STATE} === 'Live'")
        player.end()
        killed = time.monotonic()
        tab.until(f"{STATE}.startsWith('No reading for')")
        assert time.monotonic() - killed < 15.0
        again = Player(kept(SCENE), path, 8.0, force=True)
        again.start()
        tab.until(f"{SPAN} < 15 && {STATE} === 'Live'")
        span = tab.js(SPAN)
        tab.until(f"{SPAN} > {span} + 1")
        assert tab.js("window.mark") == 1
        again.end(finish=True, t_s=20.0)
        tab.until(f"{STATE} === 'The recording is finished'")
    assert tab.problems == []


@pytest.mark.long
@needs("chromium")
def test_a_laptop_that_slept_and_a_server_that_stood_still_recover(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "run.holter"
    player = Player(kept(SCENE), path, 5.0)
    player.start()
    with holter_web(path) as web:
        tab.open(web.url)
        tab.until(READY)
        tab.js("window.mark = 1")
        quiet = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        tab.ask("Network.emulateNetworkConditions", **quiet)
        os.kill(web.process.pid, signal.SIGSTOP)
        tab.wait(17.0)
        assert tab.js(STATE).startswith("No connection")
        span = tab.js(SPAN)
        os.kill(web.process.pid, signal.SIGCONT)
        tab.ask("Network.emulateNetworkConditions", **quiet | {"offline": False})
        tab.until(f"{STATE} === 'Live' && {SPAN} > {span} + 12")
        times = tab.js("report.data.charts[0][0].t")
        assert max(later - sooner for sooner, later in pairwise(times)) < 5.0, "nothing is missing"
        assert tab.js("window.mark") == 1
    player.end()


def stream(web: Served, place: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    connection.request("GET", f"/{place}live?since=0&page=0", headers={"Cookie": web.cookie})
    return connection.getresponse()


@pytest.mark.parametrize("with_end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_at_once_with_open_pages(tmp_path: Path, with_end: signal.Signals) -> None:
    player = Player(kept(SCENE), tmp_path / "run.holter", 20.0)
    player.start()
    with holter_web(tmp_path / "run.holter") as web:
        streams = [stream(web) for _ in range(3)]
        assert all(stream.readline().startswith(b"data: ") for stream in streams)
        began = time.monotonic()
        web.process.send_signal(with_end)
        assert web.process.wait(30) in (0, -with_end)
        assert time.monotonic() - began < AT_ONCE_S
        assert web.process.stdout is not None
        assert "Traceback" not in web.process.stdout.read()
    player.end()


def test_viewers_that_vanish_are_forgotten(tmp_path: Path) -> None:
    player = Player(kept(SCENE), tmp_path / "run.holter", 20.0)
    with holter_web(tmp_path / "run.holter") as web:
        for _ in range(15):
            viewer = stream(web)
            viewer.readline()
            viewer.close()
        time.sleep(6.0)  # a write to a closed connection fails with the next message
        sockets = [path for path in Path(f"/proc/{web.process.pid}/fd").iterdir() if "socket:" in str(path.readlink())]
        assert len(sockets) < 10
    player.end()


def page_text(web: Served, path: str = "/") -> str:
    status, headers, body = web.get(path)
    assert status == 200
    return (gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body).decode()


def settled(web: Served, path: str = "/") -> str:
    """The page when the child has read the tape."""
    for _ in range(60):
        words = page_text(web, path)
        if "is being read" not in words:
            return words
        time.sleep(0.25)
    raise AssertionError("never read")


def test_what_cannot_be_shown_has_a_clear_page(tmp_path: Path) -> None:
    whole = (KEPT / f"{SCENE}.holter").read_bytes()
    newer = tmp_path / "newer.holter"
    newer.write_bytes(whole)
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    (tmp_path / "words.holter").write_text("hello, these are words and no tape at all")
    (tmp_path / "nothing.holter").write_bytes(b"")
    (tmp_path / "half.holter").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.holter").write_bytes(whole[:12000])
    odd = tmp_path / "\u7b2c 0 \u6298 #1?&%41"
    odd.mkdir()
    Path(os.fsdecode(os.fsencode(odd) + b"/\xff\xfe.holter")).write_bytes(whole)
    expected = {
        "newer": "pip install --upgrade ",
        "words": "is not a Holter tape",
        "nothing": "is not a Holter tape",
        "half": "This recording is damaged",
        "head": "none of its readings can be read",
    }
    with holter_web(tmp_path) as web:
        overview = page_text(web)
        assert overview.count("Cannot be read") == 3
        for name, words in expected.items():
            link = re.search(rf'href="(run/[^"]*)">{name}</a>', overview)
            assert link and words in settled(web, "/" + link[1]), name
        link = re.search(r'href="(run/[^"]*)">[^<]*\\xff\\xfe</a>', overview)
        assert link and "Dataset801" in settled(web, "/" + link[1]), "a name that is no UTF-8"
    empty = tmp_path / "empty"
    empty.mkdir()
    with holter_web(empty) as web:
        assert "There is no tape in" in page_text(web)


def test_what_does_not_change_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "words.holter").write_text("hello, these are words and no tape at all")
    (tmp_path / "whole.holter").write_bytes((KEPT / f"{SCENE}.holter").read_bytes())
    with holter_web(tmp_path) as web:
        links = re.findall(r'href="(run/[^"]*)"', page_text(web))
        for link in links:
            settled(web, "/" + link)
        pages = [stream(web, link) for link in links]
        before = [json.loads(page.readline()[6:])["page"] for page in pages]
        spent = children_s(web.process.pid)
        time.sleep(5.0)
        assert children_s(web.process.pid) == spent
        now = [json.loads(web.get(f"/{link}poll?since=0&page=0")[2])["page"] for link in links]
        assert now == before, "or browsers load it again and again"


def children_s(pid: int) -> int:
    """Processor time of the children that have ended, in ticks of the clock."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[13]) + int(words[14])


@needs("chromium")
def test_a_tape_that_comes_late_and_one_that_goes(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "run.holter"
    with holter_web(path) as web:
        tab.open(web.url)
        tab.until("document.body.textContent.includes('is not there')")
        player = Player(kept(SCENE), path, 20.0)
        player.start()
        tab.until(READY)
        path.unlink()
        tab.until(f"{STATE}.startsWith('The tape is gone')")
        assert tab.js("document.querySelectorAll('.uplot canvas').length") > 3, "what it showed last stays"
        player.end()
    assert tab.problems == []


def read_on(page: http.client.HTTPResponse) -> None:
    """Read until the server ends."""
    with contextlib.suppress(http.client.HTTPException, OSError):
        page.read()


SOAK_S = float(os.environ.get("HOLTER_SOAK_S", "600"))


@pytest.mark.long
@needs("chromium")
def test_an_hour_on_the_tape_and_ten_minutes_with_three_viewers_grow_nothing(tab: Tab, tmp_path: Path) -> None:
    """HOLTER_SOAK_S: how long it takes; a day is 86400."""
    path = tmp_path / "run.holter"
    writes = [sys.executable, "-m", "benchmarks.views.scene", str(path), "3600"]
    with subprocess.Popen(writes, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.readline()
        with holter_web(path) as web:
            tab.open(web.url)
            tab.until(READY)
            tab.js("window.mark = 1")
            for viewer in (stream(web), stream(web)):
                threading.Thread(target=read_on, args=[viewer], daemon=True).start()
            sizes = []
            for _ in range(10):
                tab.wait(SOAK_S / 10)
                tab.ask("HeapProfiler.collectGarbage")
                pages = int(Path(f"/proc/{web.process.pid}/statm").read_text().split()[1])
                sizes.append(
                    (tab.js("performance.memory.usedJSHeapSize") / 1e6, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
                )
            (browser_mb, server_mb), (warm_browser_mb, warm_server_mb) = sizes[-1], sizes[1]
            assert browser_mb - warm_browser_mb < 20, sizes
            assert server_mb < 70 and server_mb - warm_server_mb < 8, sizes
            assert tab.js(STATE) == "Live" and tab.js(SPAN) > 3600 + 0.9 * SOAK_S
            assert tab.js("window.mark") == 1
            assert tab.problems == []
        recorder.kill()
