"""Where the pages are: a port of this machine alone or a Unix socket, and how to reach it from elsewhere."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from holter.errors import BadInput
from holter.records import Message
from holter.sentences import NOTHING_STARTED, define

OPEN = define("web.open", "Open {url}")
TUNNEL = define("web.tunnel", "From another machine, first: {command}")
TUNNEL_ALWAYS = define("web.tunnel-always", "On the machine with your browser, first: {command}")
IN_SLURM = define("web.in-slurm", "This runs inside Slurm job {job} on {host}, and ends with it.")
VS_CODE = define("web.vs-code", "VS Code: panel Ports, Forward a Port, {port}; then open the address above.")
OTHER_PORT = define("web.other-port", "Port {port} is in use; this is the next free one.")
NO_PORT = define("web.no-port", "No port from {port} to {last} is free.")
TAKE_SOCKET = define("web.take-socket", "Choose another one with --port, or a file with --socket.")
SOCKET_IN_USE = define("web.socket-in-use", "Another program listens at {path}.")
SOCKET_IS_FILE = define("web.socket-is-file", "{path} exists and is not a socket.")
SOCKET_FAILED = define("web.socket-failed", "Cannot listen at {path}: {error}.")
OTHER_SOCKET = define("web.other-socket", "Choose another path with --socket.")
NO_SOCKETS = define("web.no-sockets", "This system has no Unix sockets.")

LOOPBACK = "127.0.0.1"
FIRST_PORT = 8765
PORTS = 100
# Where the browser's end of a tunnel to a socket listens.
BROWSER_PORT = FIRST_PORT


class Place(NamedTuple):
    """Where a server listens."""

    listener: socket.socket
    port: int | None = None
    path: Path | None = None
    instead_of: int | None = None  # a port that was in use

    def close(self) -> None:
        """Stop listening, and remove the socket's file."""
        self.listener.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def at_port(first: int = FIRST_PORT) -> Place:
    """Listen on this machine alone, at ``first`` or the next free port.

    Raises:  BadInput.
    """
    last = min(first + PORTS, 65536) - 1
    for port in range(first, last + 1):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        return Place(listener, port=listener.getsockname()[1], instead_of=first if port != first else None)
    raise BadInput(NO_PORT(port=str(first), last=str(last)), safe=NOTHING_STARTED(), next_step=TAKE_SOCKET())


def at_socket(path: Path) -> Place:
    """Listen at a Unix socket that only this user can open.

    Raises:  BadInput.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise BadInput(NO_SOCKETS(), safe=NOTHING_STARTED(), next_step="holter web --port 8765")
    path = path.absolute()
    _make_room(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(128)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise _refused(SOCKET_FAILED(path=str(path), error=why)) from error
    finally:
        os.umask(mask)
    return Place(listener, path=path)


def _make_room(path: Path) -> None:
    # A server that was killed leaves its socket behind.
    if not path.exists():
        return
    if not path.is_socket():
        raise _refused(SOCKET_IS_FILE(path=str(path)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise _refused(SOCKET_FAILED(path=str(path), error=error.strerror or str(error))) from error
    raise _refused(SOCKET_IN_USE(path=str(path)))


def _refused(what: Message) -> BadInput:
    return BadInput(what, safe=NOTHING_STARTED(), next_step=OTHER_SOCKET())


def directions(place: Place, token: str, environ: Mapping[str, str]) -> list[Message]:
    """Return the lines for the user: the address, the tunnel from elsewhere, and whether a Slurm job will end it."""
    host = socket.gethostname()
    to_open, command = OPEN(url=address(place, token)), tunnel(place, host, environ)
    # No browser opens a socket: its address leads nowhere before the tunnel is there.
    lines = [to_open, TUNNEL(command=command)] if place.path is None else [TUNNEL_ALWAYS(command=command), to_open]
    if place.instead_of is not None:
        lines.append(OTHER_PORT(port=str(place.instead_of)))
    if place.port is not None and environ.get("VSCODE_IPC_HOOK_CLI"):
        lines.append(VS_CODE(port=str(place.port)))
    if job := environ.get("SLURM_JOB_ID"):
        lines.append(IN_SLURM(job=job, host=host))
    return lines


def address(place: Place, token: str) -> str:
    """Return the address to open in the browser; if the server listens on a socket, that of the user's SSH tunnel."""
    return f"http://{LOOPBACK}:{place.port or BROWSER_PORT}/?token={token}"


def tunnel(place: Place, host: str, environ: Mapping[str, str]) -> str:
    """Return the ssh command for the user's own machine: through the login node if this is a compute node."""
    target = str(place.path) if place.path is not None else f"{LOOPBACK}:{place.port}"
    login = environ.get("SLURM_SUBMIT_HOST") if environ.get("SLURM_JOB_ID") else None
    user = _user()
    words = ["ssh", "-N", "-L", f"{place.port or BROWSER_PORT}:{target}"]
    if login and login != host:
        words += ["-J", f"{user}@{login}"]
    elif port := _ssh_port(environ):
        words += ["-p", port]
    return shlex.join([*words, f"{user}@{host}"])


def _ssh_port(environ: Mapping[str, str]) -> str | None:
    # "client port server port", as sshd sets it.
    words = environ.get("SSH_CONNECTION", "").split()
    return words[3] if len(words) == 4 and words[3] != "22" else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "USER"
