"""Read facts from the words of a text: known messages, outputs of commands, symptoms; added to those of a log."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec

from holter.causes.weigh import likely_at_most
from holter.evidence import Evidence
from holter.evidence.fact_book import FactBook, Value
from holter.evidence.stated.derived import follow
from holter.evidence.stated.read import Stated, of_facts
from holter.evidence.text_facts import Found, as_stated, ends, facts_of, is_observation
from holter.evidence.text_facts.resemblance import fits
from holter.evidence.text_facts.spelling import respelled
from holter.records import Diagnosis, Environment, Fact, Message, Noted, Text, Tick, Verdict
from holter.remedies.diagnose import diagnose_evidence
from holter.sentences import define
from holter.tape import Recording
from holter.texts.kernel_log import Span
from holter.texts.predictions import PredictionReader
from holter.texts.recording import FROM_OUTPUTS

# A pasted text has some dozens of lines. Of a long one the beginning and the end are searched: errors come last.
FIRST_LINES, LAST_LINES = 400, 1200
TEXT_CHARS = 120_000
# Names of files whose content says less than its command would.
COMMANDS = {
    "nproc": "nproc", "cpu.max": "cat cpu.max",
    "ulimit-n": "ulimit -n", "ulimit-v": "ulimit -v", "ulimit-f": "ulimit -f",
    "pressure-io": "cat /proc/pressure/io", "pressure-memory": "cat /proc/pressure/memory",
    "pressure-cpu": "cat /proc/pressure/cpu", "systemd-detect-virt": "systemd-detect-virt",
}  # fmt: skip
FEW_LINES = 4
# Facts that a note names.
MOST_NAMES = 6
# Detector of an episode whose kind nobody stated.
SHOWN = "shown"
# From this fit on, the words of a text speak clearly for a cause: a typical text of it has 1, one of another cause 0.
CLEAR_FIT = 0.5
# Kinds of episodes, as they are tried where nobody stated one.
KINDS = ("stall", "slow-down", "death", "creep", "diverged")
RESPELT = define("target.respelt", "{name}: words were corrected before reading: {words}")
NO_RUN = Environment(wall_start="1970-01-01T00:00:00+00:00")


# They explain an error, and are none.
USUAL = (
    "fds.limit", "limit.address_space_bytes", "limit.file_size_bytes", "limit.cpu_time_s", "limit.processes",
    "gpu.memory_ratio", "gpu.power_ratio", "gpu.mig",
)  # fmt: skip
# So many CPUs feed one GPU; only a smaller quota lets one think of it without a look at its throttling.
AMPLE_CPUS = 8.0
# What readers of a log tell better: which process raised or ended first, and what only repeats it.
OF_THE_LOG = ("echo.", "exception.", "main.", "worker.")
# A log's last lines may tell how it ended in words that these readers do not know.
LAST_OF_ALL = 20
OF_THE_END = ("exception.kind", "exception.truncated_file", "main.exit_signal", "worker.exit_signal", "worker.role")


class Kept:
    """The lines of a text that are searched for words."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._passed = 0
        self.prediction = PredictionReader()

    def passing(self, pieces: Iterable[list[str]]) -> Iterator[list[str]]:
        """Yield the pieces unchanged, and keep the lines that will be searched."""
        for lines in pieces:
            room = FIRST_LINES - len(self._first)
            self._first += lines[:room]
            self._last.extend(itertools.islice(lines, max(0, room), None))
            self._passed += len(lines)
            self.prediction.feed(lines)
            yield lines

    def text(self, begin: int = 0) -> str:
        """Return the kept lines from number ``begin`` on; of very long ones the beginning and the end of the text."""
        first_of_last = self._passed - len(self._last)
        last = itertools.islice(self._last, max(0, begin - first_of_last), None)
        return ends("\n".join((*self._first[begin:], *last)), TEXT_CHARS)


def said(text: str, name: Text = "", *, is_prose: bool, span: Span | None = None) -> dict[str, Found]:
    """Return the facts in a text.

    From a log (not ``is_prose``): no symptoms, and only what the log's own parser does not read.

    ``name``: the name of the file, because "nproc.txt" shows which command wrote it.
    ``span``: when the training ran, if another piece shows it.
    """
    found = facts_of(titled(ends(text, TEXT_CHARS), name), is_prose=is_prose, span=span)
    if is_prose:
        return found
    rest = {name: hit for name, hit in found.items() if not name.startswith(OF_THE_LOG)}
    ending = facts_of("\n".join(text.splitlines()[-LAST_OF_ALL:]), is_prose=False)
    rest |= {name: hit for name, hit in ending.items() if name in OF_THE_END}
    return rest if any(is_observation(name) for name in rest) else {}


def reread(text: str, name: Text, found: dict[str, Found]) -> tuple[dict[str, Found], Message | None]:
    """Return the facts of a text, and a note if more is understood of it with misspelt words corrected."""
    corrected, changes = respelled(text)
    if not changes:
        return found, None
    again = said(corrected, name, is_prose=True)
    if not accuses(again) or (accuses(found) and _is_sure(found)) or not _is_sure(again):
        return found, None
    return again, RESPELT(name=name, words=changes)


def _is_sure(found: dict[str, Found]) -> bool:
    return any(verdict.verdict in ("confirmed", "likely") for verdict in diagnosed(stated(found)).verdicts)


def titled(text: str, name: Text) -> str:
    """Return the text; if a short file is named after a command, put that command above it, as typed at a prompt."""
    command = COMMANDS.get(Path(str(name)).stem.lower().replace("_", "-"))
    is_typed = command is not None and command in text
    return text if command is None or is_typed or text.count("\n") > FEW_LINES else f"$ {command}\n{text}"


def accuses(found: dict[str, Found]) -> bool:
    """Return whether the text describes a problem, or an output of a command in it may show one.

    Versions, circumstances and outputs of a healthy machine are facts, but suggest no cause.
    """
    if "episode.kind" in found or "symptoms" in found:
        return True
    usual = {name for name, hit in found.items() if _is_usual(name, hit.value)}
    if not any(is_observation(name) and name not in usual for name in found):
        return False
    return any(_is_seen(verdict, usual) for verdict in diagnosed(stated(found)).verdicts)


# Limits and sizes that healthy machines have too, a counter that counted nothing, a GPU at work, a quota with room.
def _is_usual(name: str, value: Value) -> bool:
    is_ample = name == "cpu.quota" and isinstance(value, (int, float)) and value >= AMPLE_CPUS
    return name in USUAL or is_ample or (name == "oom.kills" and not value)


def _is_seen(verdict: Verdict, usual: Collection[str] = ()) -> bool:
    return verdict.verdict != "excluded" and any(
        is_observation(finding.fact) and finding.fact not in usual for finding in verdict.supports
    )


def with_words(diagnosis: Diagnosis, found: dict[str, Found], environment: Environment | None) -> Diagnosis:
    """Return a log's diagnosis with the facts that its words add; facts from the lines of the log have priority."""
    facts = {fact.name: fact for fact in diagnosis.facts}
    new = {
        name: Fact(name=name, value=_plain(hit.value), detail=hit.quote or None)
        for name, hit in found.items()
        if name != "episode.kind" and _is_open(facts.get(name))
    }
    if not any(is_observation(name) for name in new):
        return diagnosis
    book = FactBook()
    book.facts |= facts | new
    follow(book)
    evidence = Evidence(book.facts, diagnosis.wait_chain, is_stated=True)
    certain = {verdict.cause for verdict in diagnosis.verdicts if verdict.verdict == "confirmed"}
    return _no_surer(diagnose_evidence(evidence, diagnosis.episode, environment or NO_RUN, is_over=True), certain)


# What the log's own lines tell of exceptions, echoes and ends counts, also that there is none.
def _is_open(fact: Fact | None) -> bool:
    if fact is None or fact.status == "unknown":
        return True
    return fact.status == "not-applicable" and not fact.name.startswith(OF_THE_LOG)


def stated(found: dict[str, Found]) -> Stated:
    """Return episode and evidence of a text that no log reader understands.

    The kind of the episode is what the text says, or else one that fits what the text names. If the words resemble one
    cause far more than others, and this cause excludes the kind, the kind was misread and is replaced.
    """
    words = of_facts(as_stated(found))
    resembled = found.get("resembles")
    named = fits(resembled.value) if resembled is not None and isinstance(resembled.value, tuple) else ()
    lead = named[0] if named else None
    if not words.is_guess and (lead is None or lead.fit < CLEAR_FIT):
        return words
    for kind in dict.fromkeys((words.episode.kind, *KINDS)):
        of_kind = of_facts(as_stated({**found, "episode.kind": Found("episode.kind", kind, "", 0)}))
        if any(
            _is_seen(verdict) for verdict in diagnosed(of_kind).verdicts if lead is None or verdict.cause == lead.cause
        ):
            break
    else:
        kind, of_kind = words.episode.kind, words
    if words.is_guess and kind in ("stall", "slow-down", "creep"):
        return of_kind._replace(episode=msgspec.structs.replace(of_kind.episode, detector=SHOWN))
    return of_kind


def recording_of(words: Stated) -> Recording:
    """Return a recording with one tick and the episode, for a diagnosis that comes from words alone."""
    return Recording(all_ticks=(Tick(t_s=0.0),), all_episodes=(words.episode,), environment=NO_RUN, finished=True)


def recording_of_outputs() -> Recording:
    """Return the recording for outputs of commands that show no trouble: no training is in it."""
    tick = Tick(t_s=0.0, events=(Noted(t_s=0.0, what=FROM_OUTPUTS),))
    return Recording(all_ticks=(tick,), environment=NO_RUN, finished=True)


def diagnosed(words: Stated) -> Diagnosis:
    """Return the diagnosis of stated facts, with remedies."""
    return _no_surer(diagnose_evidence(words.evidence, words.episode, NO_RUN), frozenset())


# Words are quotations and memories: what they say makes a cause likely, and confirms none.
def _no_surer(diagnosis: Diagnosis, certain: Collection[str]) -> Diagnosis:
    capped = tuple(verdict if verdict.cause in certain else likely_at_most(verdict) for verdict in diagnosis.verdicts)
    return msgspec.structs.replace(diagnosis, verdicts=capped)


def names_of(found: dict[str, Found]) -> tuple[Message | str, ...]:
    """Return the names of the facts as reports write them, at most ``MOST_NAMES``."""
    names = [Message(key=f"fact.{name}") for name in found if name != "resembles"]
    return (*names[:MOST_NAMES], *(("…",) if len(names) > MOST_NAMES else ()))


def _plain(value: Value) -> Value:
    return round(value, 4) if isinstance(value, float) else value
