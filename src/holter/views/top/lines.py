"""The only widget: lines on a terminal; keys, clicks and the wheel go to its owner."""

from __future__ import annotations

from typing import Protocol

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from holter.views.top.draw.rows import Line


class Owner(Protocol):
    """The object that gets the keys, clicks and turns of the wheel from ``Lines``."""

    def pressed(self, key: str, character: str | None) -> None:
        """Act on a key; ``character`` is what it types, None for a key like F1."""
        ...

    def clicked(self, x: int, y: int) -> None:
        """Act on a click at column ``x`` of line ``y``."""
        ...

    def scrolled(self, x: int, y: int, *, down: bool) -> None:
        """Act on a turn of the wheel over column ``x`` of line ``y``."""
        ...


class Lines(Widget, can_focus=True):
    """The screen; only lines that changed are sent to the terminal."""

    DEFAULT_CSS = "Lines { width: 100%; height: 100%; }"

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner
        self._strips: list[Strip] = []
        self._shown: list[Line] = []

    def show(self, lines: tuple[Line, ...]) -> None:
        """Replace what the screen shows."""
        width = self.size.width
        before, self._shown = self._shown, list(lines)
        strips = []
        for number, line in enumerate(lines):
            if number < len(before) and before[number] == line and number < len(self._strips):
                strips.append(self._strips[number])
                continue
            strips.append(Strip(list(line)).adjust_cell_length(width))
            self.refresh(Region(0, number, width, 1))
        self._strips = strips
        if len(lines) < len(before):
            self.refresh(Region(0, len(lines), width, len(before) - len(lines)))

    def forget(self) -> None:
        """Draw everything again: the size has changed."""
        self._shown = []

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` of the screen; Textual calls this."""
        return self._strips[y] if y < len(self._strips) else Strip([Segment(" " * self.size.width)])

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._owner.pressed(event.key, event.character if event.is_printable else None)

    def on_click(self, event: events.Click) -> None:
        self._owner.clicked(event.x, event.y)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._owner.scrolled(event.x, event.y, down=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._owner.scrolled(event.x, event.y, down=False)
