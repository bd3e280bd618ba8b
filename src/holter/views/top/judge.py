"""Diagnose a tape in a process of its own, so that a long tape costs the view neither time nor memory.

``python -m holter.views.top.judge TAPE LANG WIDTH IS_OVER`` prints one JSON object: sentence, tone, lines.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

from holter.reports.catalogue import Lang, phrase
from holter.views.model.diagnosed import diagnosed
from holter.views.model.sentence import tone_of
from holter.views.top.desk import Judgement

# An open episode is diagnosed again after this time: more is known then, and a long tape takes a while to read.
AGAIN_S = 20.0
# The child must not take the CPUs of the training.
NICENESS = 10


class Judge:
    """Keeps the diagnosis of one tape up to date, with a child process for each new one."""

    def __init__(self, path: Path, lang: Lang) -> None:
        self._path, self._lang = path, lang
        self._child: subprocess.Popen[str] | None = None
        self._asked: tuple[object, ...] | None = None
        self._done_s = -AGAIN_S
        self._judgement = Judgement()

    def judgement(self, now_s: float, key: tuple[object, ...], *, width: int, is_over: bool) -> Judgement:
        """Return the last finished diagnosis, at once; start a new one if ``key`` differs from that of the last start.

        ``key``: what the diagnosis depends on. ``width``: of its lines, in characters. ``is_over``: the recording has
        ended.
        """
        child = self._child
        if child is not None and child.poll() is not None:
            self._judgement = _read(child) or self._judgement
            self._child, self._done_s = None, now_s
        if self._child is None and key != self._asked and (self._asked is None or now_s - self._done_s > AGAIN_S):
            self._asked = key
            self._begin(width, is_over=is_over)
        if self._child is not None and not self._judgement.lines:
            return Judgement(is_open=True)
        return self._judgement

    def close(self) -> None:
        """Kill the child process that makes a diagnosis, if one runs."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _begin(self, width: int, *, is_over: bool) -> None:
        words = [sys.executable, "-m", __name__, str(self._path), self._lang, str(width), str(int(is_over))]
        with contextlib.suppress(OSError):  # no memory for a child: the view goes on without
            self._child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
                start_new_session=True,
            )


def _read(child: subprocess.Popen[str]) -> Judgement | None:
    output, _ = child.communicate()
    try:
        found = json.loads(output)
    except ValueError:
        return None
    return Judgement(sentence=found["sentence"], tone=found["tone"], lines=tuple(found["lines"]))


def judged(path: Path, lang: Lang, width: int, *, is_over: bool) -> Judgement:
    """Diagnose the whole tape; the lines of the result are at most ``width`` characters long.

    Raises:  TapeError.
    """
    from rich.console import Console

    from holter.reports.outcome.closing import verdict_of_run
    from holter.reports.terminal import print_diagnosis

    recording, diagnoses, ran = diagnosed(path, is_over=is_over)
    out = io.StringIO()
    print_diagnosis(Console(file=out, width=max(40, width), color_system=None), recording, diagnoses, lang, ran=ran)
    return Judgement(
        sentence=phrase(ran.headline, lang),
        tone=tone_of(ran),
        lines=tuple(out.getvalue().splitlines()),
        verdict=phrase(verdict_of_run(ran, recording), lang),
    )


def main(words: list[str]) -> None:
    path, lang, width, is_over = words
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    found = judged(Path(path), cast("Lang", lang), int(width), is_over=is_over == "1")
    print(json.dumps({"sentence": found.sentence, "tone": found.tone, "lines": found.lines}))


if __name__ == "__main__":
    main(sys.argv[1:])
