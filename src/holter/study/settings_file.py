"""The ``holter.toml`` beside a study, for its trainings: they run in another folder, and so would not find it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Names a settings file that is read after ./holter.toml.
VARIABLE = "HOLTER_CONFIG"


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that names the file, with an absolute path; empty if no file is named, or it does not exist.

    If the file was removed in the meantime, the training starts without it.
    """
    file = environ.get(VARIABLE)
    return {VARIABLE: str(Path(file).absolute())} if file and Path(file).is_file() else {}
