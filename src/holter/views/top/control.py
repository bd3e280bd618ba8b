"""What the application needs from a screen, that of one run or of a folder: keys and mouse in, lines out."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from holter.views.top.draw.screen import Drawn


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the terminal has to do after a key."""

    what: Literal["stay", "quit", "back", "open", "copy"] = "stay"
    text: str = ""


STAY = Outcome()


class Control(Protocol):
    """What the application calls, all of it in the thread that reads."""

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
