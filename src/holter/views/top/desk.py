"""One run on the screen: the view of a time, and its pages. Knows tape and time, no terminal."""

from __future__ import annotations

import math

import msgspec

from holter.errors import HolterError
from holter.evidence import collect
from holter.records import Episode, Link
from holter.reports.catalogue import Lang, phrase
from holter.views.model.run import Run
from holter.views.model.sentence import Tone, sentence
from holter.views.model.view import View
from holter.views.top.draw import happened, pages, processes
from holter.views.top.draw.paper import Paper
from holter.views.top.draw.rows import places
from holter.views.top.draw.screen import LEAST_WIDTH, Composer, Drawn, Look

# Widths of a column that the zoom keys step through, in seconds: a screen of 50 columns holds 25 s to 10 days.
WIDTHS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 18000.0)
# At first a screen shows as much of a running training, or all of a shorter one.
FIRST_SPAN_S, MOST_FIRST_SPAN_S = 120.0, 300.0
# A run that is over and not longer than this is shown as a whole.
SHORT_RUN_S = 900.0
# The chain of who waits for whom is made from the stretch before the time.
CHAIN_BACK_S = 10.0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What ``holter diagnose`` says of the whole tape: its first sentence, and its text."""

    sentence: str = ""
    tone: Tone = "plain"
    lines: tuple[str, ...] = ()
    verdict: str = ""  # its last line
    is_open: bool = False  # it is being diagnosed


class Desk:
    """Draws one run for a given time and screen size."""

    def __init__(self, run: Run, lang: Lang) -> None:
        self.run = run
        self.lang = lang
        self.judgement = Judgement()
        self.width_s: float | None = None
        self._chain: tuple[float, tuple[Link, ...]] = (-1.0, ())

    def first_width(self, width: int) -> float:
        """Return the seconds of a column with which a short run fits on the screen; of a long one, the end is shown.

        ``width``: of the screen, in characters.
        """
        chart = places(max(width, LEAST_WIDTH)).chart
        story = self.run.story
        span_s = story.last_s - story.first_s
        if story.finished and span_s <= SHORT_RUN_S:
            return max(WIDTHS[0], math.ceil(span_s / max(1, chart - 1) * 20) / 20)
        wanted_s = max(FIRST_SPAN_S, min(span_s, MOST_FIRST_SPAN_S))
        return next((width_s for width_s in WIDTHS if width_s * chart >= wanted_s), WIDTHS[-1])

    def view(self, look: Look, at_s: float | None = None, end_s: float | None = None) -> View:
        """Return the view of the run for a screen of this size.

        ``at_s``: the moment that is shown; None: the newest reading. ``end_s``: the right edge of the window; None: the
        newest reading.
        """
        if self.width_s is None:
            self.width_s = self.first_width(look.width)
        chart = places(max(look.width, LEAST_WIDTH)).chart
        last_s = self.run.story.last_s
        window = self.run.window(last_s if end_s is None else end_s, self.width_s, chart)
        return self.run.view(window, at_s)

    def draw(self, view: View, look: Look) -> Drawn:
        """Return the lines of the screen that shows this view."""
        return Composer(
            view, look, self.said(view, look), lambda page, paper: self._write(view, look, page, paper)
        ).draw()

    def said(self, view: View, look: Look) -> tuple[str, Tone]:
        """Return the sentence on top of the screen, and how serious it is.

        If the run has ended or is in trouble, and the user does not look back: the diagnosis of the whole tape, once it
        is made. Else what was known at the moment of the view.
        """
        is_now = look.mode in ("live", "paused") and view.silent_s is None
        if is_now and self.judgement.sentence and (view.finished or view.episodes):
            return self.judgement.sentence, self.judgement.tone
        return sentence(view, self.run.story, self.lang)

    def _write(self, view: View, look: Look, page: str, paper: Paper) -> None:
        story, lang = self.run.story, self.lang
        if page == "events":
            happened.events(view, story, lang, paper)
        elif page == "epochs":
            pages.epochs(view, story, lang, paper, look.glyphs)
        elif page == "waits":
            processes.waits(view, self.chain(view.at_s), lang, paper, look.glyphs)
        elif page == "stacks":
            chosen = next((lane.pid for lane in view.lanes if lane.name == look.chosen), None)
            processes.stacks(self.run.stacks(view.at_s), chosen, lang, paper)
        elif page == "log":
            happened.log(view, story, lang, paper)
        elif page == "process":
            processes.process(view, look.chosen, lang, paper)
        elif page == "run":
            pages.run(view, lang, paper)
        else:
            nothing = pages.DIAGNOSING() if self.judgement.is_open else pages.NO_DIAGNOSIS()
            pages.written(self.judgement.lines or [phrase(nothing, lang)], paper)

    def chain(self, t_s: float) -> tuple[Link, ...]:
        """Return which process waits for which at a moment, from the evidence of the seconds before it."""
        if self._chain[0] != t_s:
            recording = self.run.recording(t_s)
            change = self.run.story.phase_at(t_s)
            start_s = max(0.0, t_s - CHAIN_BACK_S)
            phase = change.phase if change else "unknown"
            moment = Episode(kind="stall", start_s=start_s, alarm_s=t_s, detector="look", phase=phase)
            self._chain = (t_s, collect(recording, moment).chain if recording.all_ticks else ())
        return self._chain[1]


def trouble(error: Exception, lang: Lang) -> str:
    """Return a one-line message for an error while a tape was read."""
    if isinstance(error, HolterError):
        return phrase(error.what, lang)
    return f"{type(error).__name__}: {error}"
