"""The lines for pip that work on this machine, wherever this Holter came from: a clone, git, a wheel or an index."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from holter import __version__

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_OF_EXTRA = re.compile(r"(?P<package>[^;]+?)\s*;.*\bextra\s*==\s*['\"](?P<extra>[\w.-]+)['\"]")
# Where Holter runs from a folder that pip does not know, the folder is that of its source.
_CLONE = Path(__file__).parents[2]


def extra_line(extra: str) -> str:
    """Return the command that installs the packages of an extra for this Python.

    It names the packages themselves: ``holter[extra]`` works only where an index has Holter.
    """
    installed = _installed()
    if installed is None:
        return pip_line(sys.executable, f"{_CLONE}[{extra}]")
    found = (_OF_EXTRA.fullmatch(requirement) for requirement in installed.requires or ())
    return pip_line(sys.executable, *(match["package"] for match in found if match and match["extra"] == extra))


def holter_line(python: str) -> str:
    """Return the command that installs this same Holter for another Python."""
    return pip_line(python, _source() or f"holter=={__version__}")


def update_line() -> str:
    """Return the command that installs the newest Holter from where this one came."""
    return pip_line(sys.executable, "--upgrade", _source(newest=True) or "holter")


def pip_line(python: str, *words: str) -> str:
    """Return ``python -m pip install words``, quoted for a shell."""
    return shlex.join((python, "-m", "pip", "install", *words))


def _source(*, newest: bool = False) -> str | None:
    import json

    installed = _installed()
    if installed is None:
        return str(_CLONE)
    # pip writes down what it did not take from an index (PEP 610).
    written = installed.read_text("direct_url.json")
    if written is None:
        return None
    document = json.loads(written)
    url = str(document["url"])
    if "vcs_info" in document:
        commit = "" if newest else f"@{document['vcs_info']['commit_id']}"
        return f"{document['vcs_info']['vcs']}+{url}{commit}"
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else url


def _installed() -> Distribution | None:
    from importlib.metadata import PackageNotFoundError, distribution  # takes longer to import than all of the above

    try:
        return distribution("holter")
    except PackageNotFoundError:
        return None
