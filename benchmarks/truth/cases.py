"""Cases from public threads and pages: what was stated, and which cause turned out to be true.

Committed are the reference, the facts that a careful reader states from the first posts, and the true cause; no text of
the thread. Texts to paste are kept outside the repository, one ``ID.txt`` a case in the folder that
``HOLTER_TRUTH_TEXTS`` names: title, empty line, what the first post says, cut where a search cut it; the case has the
SHA-256 of the text that was scored. Cases of the second collection have an ID that starts with ``r2-``.

The halves ``dev`` and ``test`` have both been looked at. ``fresh`` (``fresh.jsonl``, ``r3-``) is the third collection:
its references, true causes and the SHA-256 of its texts were committed before Holter was run on any of them and before
the rules that it scores were frozen. So were ``fresh2`` (``fresh2.jsonl``, ``r4-``), the fourth, and ``fresh3``
(``fresh3.jsonl``, ``r5-``), the fifth, by one who had not seen the rules. In the texts of these two, pictures,
emoji and what gives the solution away are left out. ``fresh4`` (``fresh4.jsonl``, ``r6-``) is a sixth of a few short
reports and many texts without a fault. The misses of all six have been listed, so all are halves to tune on. The
seventh (``r9a-``, ``r9b-``) was split by a hash of the reference when it was committed, before anything was scored:
``fresh5a`` to tune on, ``fresh5b`` to score once. ``fresh5c`` has texts without a fault alone: names of some of
``fresh5b`` had been seen. ``fresh6`` (``r10-``) is the eighth, collected when the rules that it scores were committed,
and ``fresh7`` (``r11-``) the ninth, likewise; the cause of half of its reports nobody knows: they must have an answer.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from holter.evidence.text_facts import is_observation

FILE = Path(__file__).with_name("cases.jsonl")
FRESH = Path(__file__).with_name("fresh.jsonl")
FRESH2 = Path(__file__).with_name("fresh2.jsonl")
FRESH3 = Path(__file__).with_name("fresh3.jsonl")
FRESH4 = Path(__file__).with_name("fresh4.jsonl")
FRESH5A = Path(__file__).with_name("fresh5a.jsonl")
FRESH5B = Path(__file__).with_name("fresh5b.jsonl")
FRESH6 = Path(__file__).with_name("fresh6.jsonl")
FRESH7 = Path(__file__).with_name("fresh7.jsonl")
FILES = (FILE, FRESH, FRESH2, FRESH3, FRESH4, FRESH5A, FRESH5B, FRESH6, FRESH7)
TEXTS = "HOLTER_TRUTH_TEXTS"
# A cause that many people meet must not decide the score.
MOST_OF_A_CAUSE = 4
NONE = "none"  # the true cause is not one of Holter's
SECOND = "r2-"  # how the IDs of the second collection start

Half = Literal[
    "dev", "test", "fresh", "fresh2", "fresh3", "fresh4", "fresh5a", "fresh5b", "fresh5c", "fresh6", "fresh7"
]
# How the IDs of the later collections start, each of which was made when the one before had been seen.
BEGINNINGS: dict[str, Half] = {
    "r3-": "fresh", "r4-": "fresh2", "r5-": "fresh3", "r6-": "fresh4", "r9a-": "fresh5a", "r9b-": "fresh5b",
    "r10-": "fresh6", "r11-": "fresh7",
}  # fmt: skip
# No rule was made from these before their first scoring, and no test reads them.
KEPT_BACK: tuple[Half, ...] = ("fresh5b", "fresh5c", "fresh6", "fresh7")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thread or page."""

    id: str
    reference: str
    language: Literal["en", "zh", "mixed"]
    kind: str
    cause: str
    also: tuple[str, ...] = ()  # as right
    decisive: bool  # something in the thread decides for the cause
    basis: str  # why this is the true cause
    sha256: str = ""  # of the text to paste that was scored
    facts: dict[str, msgspec.Raw]

    @property
    def half(self) -> Half:
        """Return the half of the case, set by its reference or its collection; all have been looked at."""
        for beginning, half in BEGINNINGS.items():
            if self.id.startswith(beginning):
                return half
        return "test" if self._digest[0] & 1 else "dev"

    @property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.reference.encode()).digest()

    @property
    def states_decisive(self) -> bool:
        """Return whether the facts state something that can decide.

        Circumstances (a container, an idle GPU, how slow a step is) admit causes and accuse none, by the rules' own
        kinds of facts: a thread of which only such facts were written down decides nothing here.
        """
        return self.decisive and any(is_observation(name) for name in self.facts)

    def right(self) -> frozenset[str]:
        """Return the causes that may be named first."""
        return frozenset((self.cause, *self.also))

    def evidence(self) -> bytes:
        """Return the facts as an evidence file."""
        return msgspec.json.encode({"facts": self.facts})

    def text(self) -> Path | None:
        """Return the file of the text to paste, if it is at hand."""
        return text_at_hand(self.id, self.sha256)


def text_at_hand(name: str, sha256: str) -> Path | None:
    """Return the file of a collected text, if there is one; it must be the one that was collected."""
    folder = os.environ.get(TEXTS)
    path = Path(folder, f"{name}.txt") if folder else None
    if path is None or not path.is_file():
        return None
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{path} is not the text that was collected")
    return path


def load(half: Half | None = None, most: int | None = MOST_OF_A_CAUSE, *, second: bool = False) -> tuple[Case, ...]:
    """Return the cases of one half, or all: at most ``most`` of each cause and half, chosen by hash.

    With ``second``, only those of the second collection.
    """
    decoder = msgspec.json.Decoder(Case)
    cases = [decoder.decode(line) for file in FILES for line in file.read_bytes().splitlines()]
    cases = [case for case in cases if not second or case.id.startswith(SECOND)]
    taken: Counter[tuple[str, str]] = Counter()
    kept = []
    for case in sorted(cases, key=lambda case: case._digest):
        taken[case.half, case.cause] += 1
        if (most is None or taken[case.half, case.cause] <= most) and half in (None, case.half):
            kept.append(case)
    return tuple(sorted(kept, key=lambda case: case.id))
