"""Notifications against real servers: one that answers, slow ones, one that hangs, one that refuses."""

from __future__ import annotations

import importlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holter.detectors.notices import TRAINING_LEFT
from holter.errors import BadInput, HolterError, MissingExtra
from holter.history.standing import LEFT
from holter.records import ActionTaken, Diagnosis, Episode, Notice, Text, Verdict
from holter.reports.catalogue import phrase
from holter.reports.outcome import outcome_of
from holter.supervisor.notify.carrier import said_by_sender
from holter.supervisor.notify.notify import Notifier
from holter.supervisor.notify.target import SERVICES, parse, resolved
from holter.supervisor.recording.listener import EVENTS, CompositeListener, Listener
from holter.tape import read
from needs import needs

TOKEN = "T0KEN-that-nobody-may-see"
EPISODE = Episode(kind="stall", phase="train", start_s=10.0, alarm_s=16.0, reason="no progress for 6 s (limit 5 s)")
DIAGNOSIS = Diagnosis(episode=EPISODE, verdicts=(Verdict(cause="frozen-worker", verdict="confirmed", score=0.97),))
HEAL = ActionTaken(t_s=17.0, action="replace-workers", state="done", text="the training goes on after 3 s")
STOP = ActionTaken(t_s=30.0, action="stop", state="begun", text="every-rung-was-tried")


class Server:
    """A webhook that keeps what it gets, answers with a status after a delay, or never."""

    def __init__(self, status: int = 200, delay_s: float = 0.0) -> None:
        self.got: list[dict[str, Any]] = []
        self.at_s: list[float] = []
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.at_s.append(time.monotonic())
                outer.got.append(json.loads(body))
                outer.release.wait(delay_s)
                try:
                    self.send_response(status)
                    if status == 302:
                        self.send_header("Location", f"/elsewhere/{TOKEN}")
                    self.end_headers()
                except OSError:
                    pass  # the child is gone

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://user:{TOKEN}@127.0.0.1:{self._server.server_port}/hooks/{TOKEN}?key={TOKEN}"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def texts(self) -> list[str]:
        return [message["text"] for message in self.got]


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*arguments: Any) -> Server:
        made.append(Server(*arguments))
        return made[-1]

    yield make
    for server in made:
        server.close()


def quick(url: str, notes: list[str], **more: Any) -> Notifier:
    def note(told: Text) -> None:
        notes.append(phrase(told, "en"))

    return Notifier(url, note=note, **{"pause_s": 0.5, "gather_s": 0.2, "deadline_s": 2.0, **more})


def until(is_so: Callable[[], bool], within_s: float = 40.0) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_an_alarm_and_its_cause_come_as_one_message_with_a_title(server: Callable[..., Server]) -> None:
    hook, notes = server(), list[str]()
    notifier = quick(hook.url, notes, name="Dataset004 3d_fullres fold 0")
    notifier.alarm(EPISODE)
    notifier.cause(DIAGNOSIS)
    until(lambda: bool(hook.got))
    notifier.close()
    (message,) = hook.got
    assert message["title"] == "Holter: Dataset004 3d_fullres fold 0"
    assert message["events"] == ["alarm", "cause"]
    assert message["text"].splitlines()[0].startswith("Stalled during training: no progress for 6 s")
    assert "A data worker is stopped" in message["text"] and "holter:" not in message["text"]
    assert notes == []


@pytest.mark.slow
def test_messages_are_few_but_the_end_is_told_at_once(server: Callable[..., Server]) -> None:
    hook, notes = server(), list[str]()
    notifier = quick(hook.url, notes, pause_s=60.0)
    notifier.alarm(EPISODE)
    until(lambda: len(hook.got) == 1)
    for _ in range(5):
        notifier.over(EPISODE)
    time.sleep(0.6)
    assert len(hook.got) == 1
    began = time.monotonic()
    notifier.finish(0)
    until(lambda: len(hook.got) == 2)
    assert time.monotonic() - began < 30
    notifier.close()
    assert hook.got[1]["events"] == ["over", "finish"]
    assert hook.texts()[1].endswith("the training has finished")


@pytest.mark.slow
def test_what_differs_in_its_numbers_only_is_sent_once_in_a_while_and_counted(server: Callable[..., Server]) -> None:
    hook = server()
    notifier = quick(hook.url, [], pause_s=0.0, same_s=3.0)
    for pid in range(4711, 4715):
        notifier.alarm(msgspec.structs.replace(EPISODE, reason=f"worker PID {pid} is stopped"))
    until(lambda: len(hook.got) == 1)
    time.sleep(3.2)
    notifier.alarm(msgspec.structs.replace(EPISODE, reason="worker PID 5000 is stopped"))
    until(lambda: len(hook.got) == 2)
    notifier.finish(0)
    notifier.finish(0)  # the end is always sent
    notifier.close()
    assert len(hook.texts()[0].splitlines()) == 1
    assert "5000 is stopped (3 more like this since " in hook.texts()[1]
    assert hook.texts()[2].count("the training has finished") == 2 or len(hook.got) == 4


@needs("apprise")
@pytest.mark.parametrize(
    ("address", "service"),
    [
        (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={'a' * 8}-7000-4bc4-97a0-0ec2sifa5aaa", "WeComBot"),
        (f"https://oapi.dingtalk.com/robot/send?access_token={'a' * 64}", "DingTalk"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/3f5b7f3c-1234-4321-aaaa-bbbbbbbbbbbb", "Feishu"),
        (f"https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/{'A' * 24}", "Slack"),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/3f5b7f3c-1234-4321-aaaa-bbbbbbbbbbbb", "Lark"),
        ("https://api.day.app/abcdefghijklmnop/ignored", "Bark"),
        ("https://ntfy.sh/my-topic", "Ntfy"),
        (f"https://api.telegram.org/bot123456:{'A' * 35}/sendMessage?chat_id=-42", "Telegram"),
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "Discord"),
        ("ntfy:my-topic", "Ntfy"),
        ("bark:abcdefghijklmnop", "Bark"),
        (f"wecom:{'a' * 8}-7000-4bc4-97a0-0ec2sifa5aaa", "WeComBot"),
        (f"dingtalk:{'a' * 64}", "DingTalk"),
        ("feishu:3f5b7f3c-1234-4321-aaaa-bbbbbbbbbbbb", "Feishu"),
        ("lark:3f5b7f3c-1234-4321-aaaa-bbbbbbbbbbbb", "Lark"),
        (f"telegram:123456:{'A' * 35}/42", "Telegram"),
        (f"slack:T0AAAAAAA/B0AAAAAAA/{'A' * 24}", "Slack"),
        ("discord:4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "Discord"),
        ("email:user:secret@gmail.com", "Email"),
    ],
)
def test_what_the_service_shows_and_a_short_form_are_understood(address: str, service: str) -> None:
    apprise = importlib.import_module("apprise")
    target = parse(address)
    assert target.via == "apprise"
    (made,) = apprise.Apprise(target.url)
    assert type(made).__name__ == f"Notify{service}"
    if service == "Bark":
        assert made.notify_url == "https://api.day.app/push", "not in the clear"


@needs("apprise")
@pytest.mark.parametrize(
    ("address", "mailbox", "host"),
    [
        ("email:me:secret@gmail.com", "me@gmail.com", "smtp.gmail.com"),
        ("email:me:secret@mail.uni.example", "me@mail.uni.example", "mail.uni.example"),
        ("email:me@uni.example:sec@ret@mail.uni.example", "me@uni.example", "mail.uni.example"),
    ],
)
def test_a_password_goes_to_a_mail_server_encrypted_and_the_mail_to_oneself(
    address: str, mailbox: str, host: str
) -> None:
    (made,) = importlib.import_module("apprise").Apprise(parse(address).url)
    assert (made.smtp_host, made.secure, made.targets) == (host, True, [(False, mailbox)])
    assert made.password == ("sec@ret" if "uni.example:" in address else "secret")


def test_every_service_has_an_example_and_other_addresses_stay() -> None:
    assert len({service.short for service in SERVICES}) == len(SERVICES)
    for address in ("https://example.org/hook", "json://host/x", "unknown:thing", "ntfy://topic"):
        assert resolved(address) == address


@pytest.mark.slow
def test_between_two_messages_lies_the_pause(server: Callable[..., Server]) -> None:
    hook = server()
    notifier = quick(hook.url, [], pause_s=1.5)
    notifier.alarm(EPISODE)
    until(lambda: len(hook.got) == 1)
    notifier.action(HEAL)
    until(lambda: len(hook.got) == 2)
    notifier.close()
    assert hook.at_s[1] - hook.at_s[0] >= 1.2


def test_a_storm_is_summed_up_and_keeps_what_is_urgent(server: Callable[..., Server]) -> None:
    hook = server()
    notifier = quick(hook.url, [], gather_s=30.0)
    for number in range(50):
        notifier.alarm(msgspec.structs.replace(EPISODE, reason="no progress, " + "i" * number))
    notifier.action(STOP)
    until(lambda: bool(hook.got))
    notifier.close()
    lines = hook.texts()[0].splitlines()
    assert len(lines) <= 10
    assert lines[-2].startswith("… and 43 more")
    assert lines[-1] == "giving up: everything that may help against this was tried"


def test_what_hook_and_supervisor_both_tell_comes_once(server: Callable[..., Server]) -> None:
    hook = server()
    notifier = quick(hook.url, [])
    for source in ("hook", "supervisor"):
        notifier.action(ActionTaken(t_s=5.0, action="replace-workers", state="done", source=source))  # type: ignore[arg-type]
    notifier.action(ActionTaken(t_s=6.0, action="save-checkpoint", state="done"))
    notifier.close()
    assert hook.texts() == ["data workers replaced, the epoch goes on"]


@pytest.mark.parametrize(
    ("returncode", "expected"),
    [(0, "has finished"), (3, "ended with exit code 3"), (-9, "ended by signal SIGKILL"), (76, "a person must look")],
)
def test_the_end_says_how(server: Callable[..., Server], returncode: int, expected: str) -> None:
    hook = server()
    notifier = quick(hook.url, [])
    notifier.finish(returncode)
    notifier.close()
    assert expected in hook.texts()[0]


@pytest.mark.slow
def test_a_hanging_server_holds_up_nobody_and_is_noted_once(server: Callable[..., Server]) -> None:
    hook, notes = server(200, 60.0), list[str]()
    notifier = quick(hook.url, notes, deadline_s=1.0, pause_s=0.1)
    began = time.monotonic()
    for number in range(20):
        notifier.alarm(msgspec.structs.replace(EPISODE, reason="i" * number))
    assert time.monotonic() - began < 5  # 20 deadlines of a second, did they wait
    until(lambda: bool(notes))
    notifier.alarm(EPISODE)
    until(lambda: len(hook.got) == 2)
    began = time.monotonic()
    notifier.finish(0)
    notifier.close()
    assert time.monotonic() - began < 30
    assert len(notes) == 1 and "no answer within 1 s" in notes[0]


@pytest.mark.slow
def test_a_slow_server_gets_its_message(server: Callable[..., Server]) -> None:
    hook, notes = server(200, 0.8), list[str]()
    notifier = quick(hook.url, notes)
    notifier.finish(0)
    notifier.close()
    assert len(hook.got) == 1 and notes == []


@pytest.mark.parametrize(
    ("printed", "chinese"),
    [
        ("http-status 500", "HTTP 状态码 500"),
        ("host-unknown", "找不到这台主机"),
        ("url-refused", "apprise 不接受这个 URL"),
        ("Connection refused", "Connection refused"),
    ],
)
def test_trouble_of_the_sender_is_told_in_the_users_language(printed: str, chinese: str) -> None:
    assert phrase(said_by_sender(printed), "zh") == chinese


def test_trouble_is_noted_without_any_secret(server: Callable[..., Server]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refusing = f"http://user:{TOKEN}@127.0.0.1:{taken.getsockname()[1]}/{TOKEN}"
        told = {}
        for name, url in (("status", server(500).url), ("redirect", server(302).url), ("refused", refusing)):
            notes: list[str] = []
            notifier = quick(url, notes)
            notifier.finish(0)
            notifier.close()
            (told[name],) = notes
    assert "HTTP status 500" in told["status"]
    assert "HTTP status 302" in told["redirect"]
    assert "Connection refused" in told["refused"]
    assert [note for note in told.values() if TOKEN in note or "user" in note] == []
    assert all("http://127.0.0.1/…" in note for note in told.values())


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "no scheme"),
        (f"hooks.example/{TOKEN}", "no scheme"),
        (f"nosuch:{TOKEN}", "such as ntfy:TOPIC; services: ntfy, bark, "),
        ("bark:", "no short form"),
        (f"https:///{TOKEN}", "names no host"),
        (f"http://[::1/{TOKEN}", "cannot be read"),
        (f"http://host:port/{TOKEN}", "cannot be read"),
    ],
)
def test_a_bad_url_is_refused_with_the_next_step_and_not_repeated(url: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint) as caught:
        parse(url)
    error = caught.value
    told = " ".join(phrase(message, "en") for message in (error.what, error.safe, error.next_step))
    assert "--notify https://" in told and TOKEN not in told


def test_another_scheme_asks_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)  # type: ignore[arg-type] # as if it were not installed
    with pytest.raises(MissingExtra, match="slack://") as caught:
        parse(f"slack://{TOKEN}")
    assert "-m pip install 'apprise>=" in phrase(caught.value.next_step, "en")


@needs("apprise")
def test_apprise_delivers_where_it_is_installed(server: Callable[..., Server]) -> None:
    with pytest.raises(HolterError) as caught:
        parse(f"no-such-service://{TOKEN}")
    assert TOKEN not in str(caught.value)
    hook, notes = server(), list[str]()
    notifier = quick(hook.url.replace("http://", "json://"), notes, deadline_s=8.0)
    assert TOKEN not in notifier.target.shown
    notifier.finish(0)
    notifier.close()
    assert [message["message"] for message in hook.got] == ["the training has finished"]
    assert notes == []


def test_one_listener_that_fails_does_not_keep_the_others_from_hearing() -> None:
    heard: list[Episode] = []

    class Broken(Listener):
        def alarm(self, episode: Episode) -> None:
            raise OSError("gone")

    class Hears(Listener):
        def alarm(self, episode: Episode) -> None:
            heard.append(episode)

    with pytest.raises(OSError, match="gone"):
        CompositeListener(Broken(), Hears()).alarm(EPISODE)
    assert heard == [EPISODE]


def test_every_event_reaches_every_listener() -> None:
    heard: list[tuple[object, ...]] = []

    def hears(event: str) -> Callable[..., None]:
        return lambda _, *about, **named: heard.append((event, about, named))

    hearing = type("Hearing", (Listener,), {event: hears(event) for event in EVENTS})
    both = CompositeListener(hearing(), hearing())
    for event in sorted(EVENTS):
        getattr(both, event)(1, is_due=True)
    assert heard == [(event, (1,), {"is_due": True}) for event in sorted(EVENTS) for _ in range(2)]
    assert {"alarm", "cause", "over", "action", "note", "pace"} <= EVENTS


def test_the_end_says_what_became_of_the_run_and_which_it_was(server: Callable[..., Server]) -> None:
    recording = read(Path(__file__).resolve().parents[2] / "tapes/frozen_worker/fault.holter")
    hook = server()
    notifier = quick(hook.url, [])
    notifier.finish(0, outcome_of(recording, is_over=True))
    notifier.close()
    assert hook.texts()[0].splitlines() == [
        "Finished: 4 epochs. Stopped once, went on by itself, 22 s lost.",
        "Dataset801_HolterBrain · 3d_fullres · fold 0 on host",
        "2026-11-23 12:57 – 12:58 (46 s), exit code 0",
    ]


def test_of_the_notices_only_that_of_a_training_that_was_left_is_sent(server: Callable[..., Server]) -> None:
    hook = server()
    notifier = quick(hook.url, [])
    for what in ("lost-worker", LEFT):
        notifier.notice(Notice(t_s=1.0, what=what, message=TRAINING_LEFT(error=f"ValueError of {what}")))
    until(lambda: bool(hook.got))
    notifier.close()
    (message,) = hook.got
    assert message["events"] == ["alarm"]
    assert message["text"].startswith(f"nnU-Net's training was ended by an exception (ValueError of {LEFT})")
