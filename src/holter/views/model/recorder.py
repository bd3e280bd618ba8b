"""Whether a tape is still being written.

A tape grows every two or three seconds, so its growth alone tells of a dead recorder late. SQLite's writer holds a
lock on a file beside the tape for as long as it lives, and the kernel lists locks: a recorder that was killed shows at
the next look. Where the list does not show it (another machine, another container) only the growth tells.
"""

from __future__ import annotations

from pathlib import Path

from holter.tape.recorder_lock import LOCKED_BYTE, beside

# A recorder on a busy machine commits every few seconds; longer is worth a word even if it lives.
SLOW_S = 8.0


class RecorderWatch:
    """Observes whether the recorder of one tape still works."""

    def __init__(self, path: Path, locks: Path = Path("/proc/locks")) -> None:
        self._side = beside(path)
        self._locks = locks
        self.lives = False  # at the last look; also False where this cannot be seen
        self._seen = False
        self._grown_s: float | None = None

    def silent_s(self, now_s: float, *, grew: bool, age_s: float) -> float | None:
        """Return for how many seconds the recorder has written nothing, or None if it works.

        ``grew``: the tape has grown since the last call. ``age_s``: age of the newest reading by the wall clock; it is
        used at the first call, when growth cannot be known yet.
        """
        if self._grown_s is None:
            self._grown_s = now_s - (age_s if age_s > SLOW_S else 0.0)
        elif grew:
            self._grown_s = now_s
        silent_s = max(0.0, now_s - self._grown_s)
        self.lives = holds = self._is_held()
        was_seen, self._seen = self._seen, self._seen or holds
        is_gone = was_seen and not holds and not grew
        return silent_s if is_gone or silent_s > SLOW_S else None

    def _is_held(self) -> bool:
        try:
            inode = self._side.stat().st_ino
            text = self._locks.read_text()
        except OSError:
            return False
        # "3: POSIX  ADVISORY  READ 4711 00:2b:1234 128 128": ours is not among them, because it is closed after a look.
        return f":{inode} {LOCKED_BYTE} {LOCKED_BYTE}" in text
