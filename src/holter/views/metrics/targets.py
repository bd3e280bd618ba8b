"""``--metrics``: where the metrics of a run go. What is written there is checked before anything is started."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from holter.errors import BadInput, MissingExtra
from holter.install import extra_line
from holter.records import Text
from holter.sentences import NOTHING_STARTED, define

LOOPBACK = "127.0.0.1"
TEXTFILE = "textfile:"
MOST_PORT = 65535

NO_PACKAGE = define("error.no-prometheus-client", "--metrics needs prometheus-client, which is not installed.")
UNCLEAR = define("error.metrics-unclear", "--metrics {option} is neither a port nor textfile:FOLDER.")
NO_FOLDER = define("error.metrics-no-folder", "--metrics {option} names no folder.")
NOT_AN_ADDRESS = define("error.metrics-address", "--metrics {option}: {address} is not an IP address.")
GIVE_ONE = define(
    "next.metrics", "Give --metrics 9109, --metrics 0.0.0.0:9109, or --metrics textfile:/var/lib/node_exporter."
)


class Port(NamedTuple):
    address: str
    port: int  # 0: any that is free


class Folder(NamedTuple):
    """The folder of the node exporter's textfile collector."""

    path: Path


Target = Port | Folder


def targets(options: Sequence[str]) -> tuple[Target, ...]:
    """Return the targets of ``--metrics``.

    Raises:  BadInput, MissingExtra.
    """
    found = tuple(dict.fromkeys(target(option.strip()) for option in options))
    if found and importlib.util.find_spec("prometheus_client") is None:
        raise MissingExtra(NO_PACKAGE(), safe=NOTHING_STARTED(), next_step=extra_line("metrics"))
    return found


def target(option: str) -> Target:
    """Return the target that one value of ``--metrics`` names.

    Raises:  BadInput.
    """
    if option.startswith(TEXTFILE):
        folder = option.removeprefix(TEXTFILE)
        if not folder:
            raise _bad(NO_FOLDER(option=option))
        return Folder(Path(folder).expanduser().absolute())
    address, _, port = option.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= MOST_PORT):
        raise _bad(UNCLEAR(option=repr(option)))
    # A name would have to be looked up, and a name server may not answer.
    address = {"": LOOPBACK, "localhost": LOOPBACK}.get(address, address.strip("[]"))
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise _bad(NOT_AN_ADDRESS(option=repr(option), address=repr(address))) from None
    return Port(address, int(port))


def _bad(what: Text) -> BadInput:
    return BadInput(what, safe=NOTHING_STARTED(), next_step=GIVE_ONE())
