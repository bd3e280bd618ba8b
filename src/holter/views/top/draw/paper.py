"""Collect the lines of a page, in one width; a search leaves out those that do not match."""

from __future__ import annotations

from holter.views.top.draw.rows import Line, Row, broken, visible

# A page shows the latest of very many lines; the tape and the report have all.
MOST_LINES = 400
MOST_FRAMES = 12


class Paper:
    """Collects the lines of a page in one width; entries without the text ``only`` are left out."""

    def __init__(self, width: int, only: str = "") -> None:
        self.width = width
        self.lines: list[Line] = []
        self._only = only.casefold()

    def add(self, *pieces: tuple[str, str], hang: int = 0) -> None:
        """Add one entry of styled pieces; if it is too long it continues on the next line, indented by ``hang``."""
        if self._only and self._only not in "".join(words for words, _ in pieces).casefold():
            return
        hang = min(hang, self.width // 2)
        row = Row(self.width)
        for words, name in pieces:
            content = visible(words)
            while content:
                part, content = broken(content, row.left, is_begun=row.used > hang)
                row.add(part, name)
                if content:
                    self.lines.append(row.done())
                    row = Row(self.width).to(hang)
        self.lines.append(row.done())
