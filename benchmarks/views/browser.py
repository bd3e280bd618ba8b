"""A real Chromium, driven over the pipe of its DevTools protocol with the standard library alone."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "google-chrome")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
ANSWERS_WITHIN_S = 300.0  # on a busy machine
Json = dict[str, Any]


def _readable(fd: int, within_s: float) -> bool:
    poll = select.poll()  # select() takes no descriptor above 1023
    poll.register(fd, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(within_s * 1000))


class Tab:
    """One page of the browser; ``problems`` has what its console and its policy complained about."""

    def __init__(self, browser: Browser, target: str) -> None:
        self._browser, self._target = browser, target
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.tabs.append(self)
        self.problems: list[str] = []
        self.received = 0  # bytes of what was loaded or streamed, compressed as it came
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **values: Any) -> Json:
        """Send a command and return its result."""
        return self._browser.ask(method, self._session, **values)

    def close(self) -> None:
        """Close the page."""
        self._browser.tabs.remove(self)
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def hear(self, event: Json) -> None:
        if event.get("sessionId") != self._session:
            return
        values = event["params"]
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:600])
        elif event["method"] == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")
        elif event["method"] == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.problems.append(json.dumps(values["args"])[:600])
        elif event["method"] in ("Network.responseReceived", "Network.dataReceived"):
            self.received += int(
                values.get("encodedDataLength", values.get("response", {}).get("encodedDataLength", 0))
            )

    def size(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Take another size and colour scheme."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded."""
        self.ask("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def slow(self, round_trip_ms: float, bytes_per_s: float) -> None:
        """Load from now on through such a connection, and nothing from memory."""
        speed = {"downloadThroughput": bytes_per_s, "uploadThroughput": bytes_per_s}
        self.ask("Network.emulateNetworkConditions", offline=False, latency=round_trip_ms, **speed)
        self.ask("Network.setCacheDisabled", cacheDisabled=True)

    def wait(self, seconds: float) -> None:
        """Let the page live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.js("1")
            time.sleep(0.2)

    def js(self, code: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def until(self, code: str, within_s: float = 30.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            try:
                if self.js(f"!!({code})"):
                    return
            except (AssertionError, BrowserError):  # between two pages
                pass
            time.sleep(0.1)
        raise AssertionError(f"not within {within_s} s: {code}; {self.problems}")

    def picture(self, path: Path, *, whole: bool = True) -> Path:
        """Save a picture of the page."""
        values: Json = {"format": "png"}
        if whole:
            box = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            values |= {"captureBeyondViewport": True, "clip": {**box, "x": 0, "y": 0, "scale": 1}}
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", **values)["data"]))
        return path


def _program() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise BrowserError(f"none of {', '.join(BROWSERS)} is installed")
    return found


class BrowserError(Exception):
    """The browser refused a command."""


class Browser:
    """A browser process."""

    def __init__(self, profile: Path, *options: str) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        command = [_program(), *QUIET, f"--user-data-dir={profile}", *options, "about:blank"]

        def pipes() -> None:  # Chromium reads commands from descriptor 3, and answers on 4
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._rest = b""
        self.tabs: list[Tab] = []

    def tab(self) -> Tab:
        """Open a page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        return Tab(self, target)

    def ask(self, method: str, session: str | None = None, **values: Any) -> Json:
        """Send a command and return its result; events on the way go to every tab."""
        self._number += 1
        number = self._number
        message: Json = {"id": number, "method": method, "params": values}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            for tab in self.tabs if "method" in answer else ():
                tab.hear(answer)

    def _next(self) -> Json:
        while b"\0" not in self._rest:
            if not _readable(self._read, ANSWERS_WITHIN_S):
                raise BrowserError("the browser does not answer")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise BrowserError("the browser has ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)
        os.close(self._read)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def chromium(profile: Path, *options: str) -> Iterator[Browser]:
    """A browser that ends with the block."""
    browser = Browser(profile, *options)
    try:
        yield browser
    finally:
        browser.close()
