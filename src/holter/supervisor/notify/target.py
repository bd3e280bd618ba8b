"""Where messages are sent: the address as a person has it, made a URL, and checked before anything is started.

Short forms and the webhooks of chat services become URLs of apprise. The addresses are those of each service's
documentation; apprise's are in its wiki (https://github.com/caronc/apprise/wiki), one page per service.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from holter.errors import BadInput, MissingExtra
from holter.install import extra_line
from holter.patterns import later
from holter.records import Text
from holter.sentences import NO_TRAINING_TOUCHED, define


class Service(NamedTuple):
    """How one service's addresses look, and the apprise URL that they become."""

    name: str  # as people call it
    short: str  # what stands before the colon
    url: str  # of apprise; {0} is what follows the colon
    example: str  # what follows the colon
    web: str = ""  # a pattern of the address that the service shows; its groups are the parts of ``url``


SERVICES = (
    Service("ntfy", "ntfy", "ntfy://{0}", "TOPIC", r"https://ntfy\.sh/([\w-]+)/?"),
    Service("Bark", "bark", "barks://api.day.app/{0}", "KEY", r"https://api\.day\.app/([\w-]+)(?:/.*)?"),
    Service(
        "WeCom 企业微信", "wecom", "wecombot://{0}", "KEY",
        r"https://qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=([\w-]+)",
    ),
    Service(
        "DingTalk 钉钉", "dingtalk", "dingtalk://{0}", "TOKEN",
        r"https://oapi\.dingtalk\.com/robot/send\?access_token=(\w+)",
    ),
    Service(
        "Feishu 飞书", "feishu", "feishu://{0}", "TOKEN",
        r"https://open\.feishu\.cn/open-apis/bot/v2/hook/([\w-]+)",
    ),
    Service("Lark", "lark", "lark://{0}", "TOKEN", r"https://open\.larksuite\.com/open-apis/bot/v2/hook/([\w-]+)"),
    Service(
        "Telegram", "telegram", "tgram://{0}", "BOT_TOKEN/CHAT",
        r"https://api\.telegram\.org/bot([\w:-]+)/sendMessage\?chat_id=(-?\w+)",
    ),
    Service("Slack", "slack", "slack://{0}", "T…/B…/…", r"https://hooks\.slack\.com/services/([\w/]+)"),
    Service("Discord", "discord", "discord://{0}", "ID/TOKEN", r"https://discord(?:app)?\.com/api/webhooks/([\w/-]+)"),
    Service("e-mail", "email", "mailtos://{0}", "USER:PASSWORD@HOST"),
)  # fmt: skip
# ``https://…`` and ``ntfy://…`` are URLs.
_SHORT = later(r"([a-z]+):(?!//)(.+)", re.DOTALL)


def resolved(address: str) -> str:
    """Return the apprise URL for a short form or a service's web address; other text is returned unchanged."""
    address = address.strip()
    short = _SHORT.fullmatch(address)
    for service in SERVICES:
        if short is not None and short[1] == service.short:
            rest = _mailbox(short[2]) if service.short == "email" else quote(short[2], safe="/?&=+%")
            return service.url.format(rest)
        if service.web and (found := re.fullmatch(service.web, address)):
            return service.url.format("/".join(quote(part, safe="/") for part in found.groups()))
    return address


def _mailbox(address: str) -> str:
    # USER:PASSWORD@HOST for apprise. A user with @ is the mailbox itself; else apprise makes it from user and host.
    login, at, host = address.rpartition("@")
    user = login.partition(":")[0]
    whole = quote(login, safe=":+%") + at + quote(host, safe="/:?&=+%")
    if "@" not in user:
        return whole
    return f"{whole}{'&' if '?' in host else '?'}from={quote(user, safe='')}&to={quote(user, safe='')}"


NO_HOST = define("error.notify-no-host", "The {scheme} URL for --notify names no host.")
NO_APPRISE = define("error.no-apprise", "--notify with {scheme}:// needs apprise, which is not installed.")
INSTALL_APPRISE = define("next.install-apprise", "{install} - or give the https URL of a webhook.")
APPRISE_REFUSES = define("error.apprise-refuses", "apprise does not know what to do with this {scheme}:// URL.")
URL_UNREADABLE = define("error.notify-unreadable", "The URL for --notify cannot be read.")
NO_SCHEME = define(
    "error.notify-no-scheme",
    "The URL for --notify has no scheme and is no short form of a service, such as {example}; services: {services}.",
)
GIVE_A_URL = define(
    "next.give-a-url",
    "Give a webhook such as --notify https://HOST/PATH, or a URL of apprise such as ntfy://TOPIC.",
)
WEBHOOKS = ("http", "https")


class Target(NamedTuple):
    """Where messages are sent."""

    url: str
    via: Literal["webhook", "apprise"]

    @property
    def shown(self) -> str:
        """The part of the URL that may be shown: scheme and host of a web address, for a service only the scheme.

        After the scheme of a service there may be a secret token.
        """
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}/…" if self.via == "webhook" else f"{parts.scheme}://…"


def parse(url: str) -> Target:
    """Return the target of an address: a plain webhook for http and https, apprise for services and its own schemes.

    Raises:  BadInput, MissingExtra.
    """
    url = resolved(url)
    scheme, hostname = _parts(url)
    if scheme in WEBHOOKS:
        if not hostname:
            raise _bad(NO_HOST(scheme=scheme))
        return Target(url, "webhook")
    if importlib.util.find_spec("apprise") is None:
        raise MissingExtra(
            NO_APPRISE(scheme=scheme),
            safe=NO_TRAINING_TOUCHED(),
            next_step=INSTALL_APPRISE(install=extra_line("notify")),
        )
    if not importlib.import_module("apprise").Apprise().add(url):
        raise _bad(APPRISE_REFUSES(scheme=scheme))
    return Target(url, "apprise")


def _parts(url: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # an invalid port raises only when it is read
    except ValueError:
        raise _bad(URL_UNREADABLE()) from None
    if not parts.scheme or "://" not in url:
        example = f"{SERVICES[0].short}:{SERVICES[0].example}"
        raise _bad(NO_SCHEME(example=example, services=tuple(service.short for service in SERVICES)))
    return parts.scheme.lower(), parts.hostname


def _bad(what: Text) -> BadInput:
    return BadInput(what, safe=NO_TRAINING_TOUCHED(), next_step=GIVE_A_URL())
