"""Kept recordings, written again in real time by the real writer; and ``holter web`` in a process of its own."""

from __future__ import annotations

import datetime
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from holter.records import Environment, Tick
from holter.tape import Recording, TapeWriter, read

KEPT = Path(__file__).resolve().parents[2] / "tapes"


def kept(name: str) -> Recording:
    """A kept recording, such as ``frozen_worker/fault``."""
    return read(KEPT / f"{name}.holter")


def started_now(environment: Environment | None, ago_s: float = 0.0) -> Environment:
    """The same environment, of a recording that began so long ago."""
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago_s)
    return msgspec.structs.replace(environment or Environment(wall_start=""), wall_start=began.isoformat())


class Player(threading.Thread):
    """Writes a recording to a tape: until ``head_s`` at once, then as it happened, until stopped."""

    def __init__(
        self, recording: Recording, path: Path, head_s: float, *, force: bool = False, speed: float = 1.0
    ) -> None:
        super().__init__(daemon=True)
        self._recording, self._head_s, self._speed = recording, head_s, speed
        self._stopped = threading.Event()
        self._writer = TapeWriter(path, force=force)
        self._writer.write_environment(started_now(recording.environment, head_s))
        self._written = 0
        for tick in recording.ticks(end_s=head_s):
            self._play(tick)
        self._writer.commit()

    def run(self) -> None:
        """Write tick after tick."""
        began = time.monotonic()
        for tick in self._recording.ticks(start_s=self._head_s + 1e-6):
            while not self._stopped.is_set():
                left_s = (tick.t_s - self._head_s) / self._speed - (time.monotonic() - began)
                if left_s <= 0:
                    break
                self._stopped.wait(min(left_s, 0.2))
            if self._stopped.is_set():
                return
            self._play(tick)

    def _play(self, tick: Tick) -> None:
        samples = [tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats]
        self._writer.write_samples(tick.t_s, [sample for sample in samples if sample is not None])
        self._writer.write_events(tick.events)
        for number, episode in enumerate(self._recording.episodes()):
            if episode.alarm_s <= tick.t_s and number >= self._written:
                self._written = number + 1
                self._writer.write_episode(number, msgspec.structs.replace(episode, end_s=None))
        self._writer.pulse(tick.t_s)

    def end(self, *, finish: bool = False, t_s: float = 0.0) -> None:
        """Stop: like a killed recorder, or with ``finish`` like one that ends."""
        self._stopped.set()
        if self.is_alive():
            self.join()
        self._writer.commit()
        if finish:
            self._writer.close(t_s)
        elif self._writer._connection is not None:
            self._writer._connection.close()


class Served:
    """A running ``holter web``."""

    def __init__(self, process: subprocess.Popen[str], words: str) -> None:
        self.process = process
        self.words = words
        address = re.search(r"http://\S+", words)
        assert address, words
        self.url = address[0]
        self.token = self.url.partition("token=")[2]
        self.port = urlsplit(self.url).port or 0

    def get(
        self, path: str = "/", *, method: str = "GET", cookie: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            sent["Cookie"] = self.cookie
        connection.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    @property
    def cookie(self) -> str:
        """The cookie of the first visit."""
        _, headers, _ = self.get(f"/?token={self.token}", cookie=False)
        return headers["set-cookie"].partition(";")[0]

    def end(self) -> float:
        """Press Ctrl-C, and return how long the end took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        return time.monotonic() - began


@contextmanager
def holter_web(*arguments: str | Path, lang: str = "en", **variables: str) -> Iterator[Served]:
    """``holter web``, until the block ends."""
    command = [sys.executable, "-m", "holter", "web", *map(str, arguments), "--lang", lang]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **variables}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            words = ""
            assert process.stdout is not None
            for line in process.stdout:
                words += line
                if "Ctrl-C" in line:
                    break
            yield Served(process, words)
        finally:
            if process.poll() is None:
                process.kill()
