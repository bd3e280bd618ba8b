"""The interface between the application and a screen (one run, or a list of runs): keys in, lines out."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from holter.views.top.draw.screen import Drawn


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the application has to do after a key or a click."""

    what: Literal["stay", "quit", "back", "open", "copy"] = "stay"
    text: str = ""


STAY = Outcome()


class Control(Protocol):
    """A screen as the application calls it; all calls come from the thread that reads tapes."""

    @property
    def is_typing(self) -> bool: ...
    @property
    def is_replaying(self) -> bool: ...
    def tick(self, now_s: float, wall_s: float) -> None: ...
    def draw(self, width: int, height: int, now_s: float) -> Drawn: ...
    def key(self, name: str, character: str | None, now_s: float) -> Outcome: ...
    def click(self, x: int, y: int, now_s: float) -> Outcome: ...
    def wheel(self, x: int, y: int, down: bool) -> None: ...
    def close(self) -> None: ...
