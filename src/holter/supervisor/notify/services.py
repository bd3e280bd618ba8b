"""Turn addresses as people have them into URLs of apprise: short forms, and the webhooks of chat services.

The addresses are those of each service's documentation; apprise's are in its wiki
(https://github.com/caronc/apprise/wiki), one page per service.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from holter.patterns import later


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
