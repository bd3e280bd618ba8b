"""Where messages are sent: the address that a person gave, checked before anything is started."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from holter.errors import BadInput, MissingExtra
from holter.install import extra_line
from holter.records import Text
from holter.sentences import NO_TRAINING_TOUCHED, define
from holter.supervisor.notify.services import SERVICES, resolved

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
