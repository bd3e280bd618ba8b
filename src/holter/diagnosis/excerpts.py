"""A part of a training's log that shows neither how the training ended nor any trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holter.detectors.log_episodes import LOG_END
from holter.diagnosis.words import accuses
from holter.errors import NotALog
from holter.evidence.text_facts import Found
from holter.evidence.text_facts.kinds import TROUBLE
from holter.records import Episode, PhaseChanged, Text
from holter.sentences import NOTHING_CHANGED, define
from holter.texts.plain import plain, prose
from holter.texts.runs import LogRun

EXCERPT = define(
    "error.excerpt",
    "{name} is a part of a training's log without its beginning: {count} epochs, and no trouble in them. It does not "
    "show how the training ended.",
    one="{name} is a part of a training's log without its beginning: {count} epoch, and no trouble in it. It does not "
    "show how the training ended.",
)
HEADER = define(
    "error.only-header", "{name} is only the beginning of a training's log: the configuration, and nothing after it."
)
GIVE_WHOLE = define(
    "next.give-whole-log",
    "If the training stopped, or is slow, say so in a sentence beside it, or give the whole log with the console's "
    "output: holter diagnose STORY.txt FILE; or answer at most eight questions: holter ask",
)


def refuse_excerpt(
    runs: Sequence[LogRun], episodes: Sequence[Episode], words: Mapping[str, Found], text: str, name: Text
) -> None:
    """Raise what the part shows, if somebody cut it out of one run's log, and it shows nothing but that it was cut.

    ``words``: the facts in ``text``, the lines that were read; none for a log in nnU-Net's own file, which is whole.
    Raises:  NotALog; no all-clear is given, because the end is not in it.
    """
    if not text or accuses(dict(words)) or not _is_excerpt(runs, episodes):
        return
    if TROUBLE.search(prose(plain(text))) is not None:
        return
    epochs = runs[0].epoch_count
    what = EXCERPT(name=name, count=epochs) if epochs else HEADER(name=name)
    raise NotALog(what, safe=NOTHING_CHANGED(), next_step=GIVE_WHOLE())


# The part has no beginning, or only the header that is printed at once. A log that has its beginning and stops is no
# part: it shows that the training stopped.
def _is_excerpt(runs: Sequence[LogRun], episodes: Sequence[Episode]) -> bool:
    if len(runs) != 1 or not episodes or any(episode.detector != LOG_END for episode in episodes):
        return False
    run = runs[0]
    if run.is_finished or run.is_prediction:
        return False
    if run.has_beginning:
        begins = all(isinstance(event, PhaseChanged) and event.phase == "startup" for event in run.events)
        return begins and not run.first_s and not run.epoch_count
    return run.epoch_count > 0
