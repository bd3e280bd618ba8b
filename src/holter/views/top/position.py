"""Where a user is on the screen of one run: the page, how far it is scrolled, the lane, and the search."""

from __future__ import annotations

from collections.abc import Sequence

from holter.views.model.series import LaneName
from holter.views.top.draw.pages import PAGES
from holter.views.top.draw.screen import BOTH_FROM

# Pages that are lists: without the lanes beside them, up and down scroll them.
LISTS = ("events", "log", "epochs", "stacks", "run", "diagnosis")
# Pages that grow at their end are counted from there.
FROM_END = (None, "events", "log")
USUAL_HEIGHT = 24


class Position:
    """Which page, lane and search the user has chosen. ``height``: lines of the screen when it was last drawn."""

    def __init__(self) -> None:
        self.page: str | None = None
        self.scroll = 0
        self.chosen: LaneName | None = None
        self.search = ""
        self.is_typing = False
        self.height: int | None = None

    def scroll_by(self, lines: int) -> None:
        """Scroll down by so many lines."""
        self.scroll = max(0, self.scroll + (-lines if self.page in FROM_END else lines))

    def scroll_half(self, way: int) -> None:
        """Scroll by half a screen: down (1) or up (-1)."""
        self.scroll_by(way * max(1, (self.height or USUAL_HEIGHT) // 2))

    def go(self, page: str | None) -> None:
        """Show a page from its first line; None closes the page that is shown."""
        self.page, self.scroll = page, 0

    def turn(self, page: str | None) -> None:
        """Show a page, or none if it is the one that is shown."""
        self.go(None if page == self.page else page)

    def open(self, page: str) -> None:
        """Show a page, if it is not the one that is shown."""
        if self.page != page:
            self.go(page)

    def next_page(self, way: int) -> None:
        """Show the next page (1), or the one before (-1)."""
        order: tuple[str | None, ...] = PAGES if self._shows_both() else (None, *PAGES)
        current = self.page if self.page is not None else order[0]
        self.go(order[(order.index(current) + way) % len(order)])

    def choose(self, way: int, names: Sequence[LaneName]) -> None:
        """Choose the next lane (1) or the one before (-1); if a page without lanes covers them, scroll it."""
        if self.page in LISTS and not self._shows_both():
            self.scroll_by(way)
        elif names:
            place = names.index(self.chosen) + way if self.chosen in names else (0 if way > 0 else len(names) - 1)
            self.chosen = names[min(max(place, 0), len(names) - 1)]

    def _shows_both(self) -> bool:
        return self.height is not None and self.height >= BOTH_FROM

    def begin_search(self) -> None:
        """Let the user type the text to search for: only lines that contain it are shown."""
        self.is_typing = True
        self.go(self.page or "events")

    def typed(self, name: str, character: str | None) -> None:
        """Take a key that is typed while the user enters the search text; ``character`` is what it types."""
        if name == "enter":
            self.is_typing = False
        elif name in ("escape", "ctrl+c"):
            self.is_typing, self.search = False, ""
        elif name == "backspace":
            self.search = self.search[:-1]
        elif name == "ctrl+u":
            self.search = ""
        elif character is not None and character.isprintable():
            self.search += character
        self.scroll = 0

    def leave(self) -> bool:
        """Leave the search, else the page, else the chosen lane; return False if there is none of them."""
        if self.search:
            self.search = ""
        elif self.page is not None:
            self.go(None)
        elif self.chosen is not None:
            self.chosen = None
        else:
            return False
        return True
