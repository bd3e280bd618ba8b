"""``holter top``: a live view of one run, or of a folder of runs, in the terminal."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holter.cli.help.page import HelpfulCommand
from holter.cli.options import Lang, chosen_language
from holter.errors import BadInput, MissingExtra, UnknownTarget
from holter.install import extra_line
from holter.sentences import NOTHING_STARTED, define

if TYPE_CHECKING:
    from holter.reports.catalogue import Lang as Language
    from holter.views.top.draw.glyphs import Glyphs

NO_TAPE_IN = define("error.no-tape-in", "There is no tape (*.holter) in {folder}.")
GIVE_ONE = define("next.give-a-tape-or-pid", "Name a tape, a folder with tapes, or the PID of a training.")
NO_TEXTUAL = define("error.no-textual", "holter top needs Textual, and {python} does not have it.")
OR_PLAIN = define("next.or-plain", "{install} - or add --plain, which needs nothing.")
BAD_SPEED = define("error.bad-speed", "--replay takes a speed such as 4, not {speed}.")
RECORDING = define("top.recording", "Process {pid} is recorded now, to {tape}; the recording ends with this view.")
RECORDED = define("top.recorded", "The recording is in {tape}.")


class TopCommand(HelpfulCommand):
    """The command ``top``, in which ``--replay`` may be given with a speed or without one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, after adding the default speed to a ``--replay`` that has none."""
        words: list[str] = []
        for number, word in enumerate(args):
            words.append(word)
            if word == "--replay" and not _is_number(args[number + 1 : number + 2]):
                words.append("1")
        return super().parse_args(ctx, words)


def _is_number(words: list[str]) -> bool:
    return bool(words) and words[0].replace(".", "", 1).isdigit()


def top(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="A tape, also while it is written; a folder of tapes; or the PID of a training: if nobody records it, "
            "holter attach is started in the background and ends with the view. Default: the training that runs, "
            "else the newest tape.",
        ),
    ] = None,
    replay: Annotated[
        float | None,
        typer.Option("--replay", metavar="[SPEED]", help="Play the recording from its beginning, SPEED times as fast."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one screen and end.")] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="No escape codes: the screen once, then a line whenever something happens. With --once: text.",
        ),
    ] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Only ASCII signs in lanes and charts.")] = False,
    tape: Annotated[
        Path | None, typer.Option("--tape", "-o", metavar="FILE", help="Where to record a PID that nobody records.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Watch a training: what it does, a lane for each worker, GPU, CPU, disk, and any moment of the past.

    Only the tape is read; no key touches the training. ? shows the keys. With --once the exit code is 1 if something is
    wrong.
    """
    from holter.views.model.folder import tapes
    from holter.views.top.draw.glyphs import environment_glyphs

    language = chosen_language(lang)
    glyphs = environment_glyphs(ascii_only=ascii_only)
    is_screen = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    once = once or not (plain or sys.stdout.isatty())
    plain = plain or not (is_screen or once)
    if not once and not plain and importlib.util.find_spec("textual") is None:
        raise MissingExtra(
            NO_TEXTUAL(python=sys.executable), safe=NOTHING_STARTED(), next_step=OR_PLAIN(install=extra_line("top"))
        )
    if replay is not None and replay <= 0:
        raise BadInput(BAD_SPEED(speed=f"{replay:g}"), safe=NOTHING_STARTED())
    with _chosen(target, tape, language) as (places, note):
        found = tapes(places)
        if not found:
            raise UnknownTarget(NO_TAPE_IN(folder=str(places[0])), next_step=GIVE_ONE())
        alone = found[0] if len(found) == 1 or not places[0].is_dir() else None
        if once or plain:
            pid = int(target) if note and target is not None else None
            sys.exit(_text(alone, places, language, glyphs, once=once, plain=plain, pid=pid))
        sys.exit(_screen(alone, places, language, glyphs, replay, note))


@contextmanager
def _chosen(target: str | None, tape: Path | None, lang: Language) -> Iterator[tuple[tuple[Path, ...], str]]:
    # The tape or folder that is meant, and what to say at first; a recording that was begun for it ends here.
    from holter.reports.catalogue import phrase
    from holter.reports.live.lines import marked

    if target is None:
        from holter.cli.start.newest import newest_tape

        yield (newest_tape(lang, GIVE_ONE()),), ""
        return
    path = Path(target)
    if not path.exists() and not target.isdecimal():
        from holter.diagnosis.targets import NO_SUCH_TARGET

        raise UnknownTarget(NO_SUCH_TARGET(target=target), next_step=GIVE_ONE())
    if path.exists():
        yield (path,), ""
        return
    from holter.supervisor.in_background import BackgroundAttach
    from holter.supervisor.recording.whose_tape import tape_of

    pid = int(target)
    known = tape_of(pid)
    if known is not None:
        yield (known,), ""
        return
    recording = BackgroundAttach(pid, os.environ, tape)
    note = phrase(RECORDING(pid=pid, tape=str(recording.tape)), lang)
    print(marked(note), file=sys.stderr, flush=True)
    try:
        yield (recording.tape,), note
    finally:
        recording.close()
        print(marked(phrase(RECORDED(tape=str(recording.tape)), lang)), file=sys.stderr)


def _text(
    alone: Path | None,
    places: tuple[Path, ...],
    lang: Language,
    glyphs: Glyphs,
    *,
    once: bool,
    plain: bool,
    pid: int | None,
) -> int:
    import time

    from holter.views.model.run import Run
    from holter.views.top.desk import Desk
    from holter.views.top.draw.screen import Look
    from holter.views.top.once import follow_plain, print_once, print_overview

    size = shutil.get_terminal_size()
    colours = not plain and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    look = Look(width=size.columns, height=size.lines, lang=lang, glyphs=glyphs)
    if alone is None:
        return print_overview(places, look, sys.stdout, colours=colours)
    desk = Desk(Run(alone), lang)
    if once:
        return print_once(desk, look, sys.stdout, colours=colours, pid=pid)
    try:
        follow_plain(desk, look, sys.stdout, time.sleep)
    except KeyboardInterrupt:
        return 0
    return 0


def _screen(
    alone: Path | None, places: tuple[Path, ...], lang: Language, glyphs: Glyphs, speed: float | None, note: str
) -> int:
    from holter.views.model.run import FIRST_EVENTS, Run
    from holter.views.top.app import TopApp, overview, run_app
    from holter.views.top.desk import Desk
    from holter.views.top.run_control import RunControl

    def opened(path: Path) -> RunControl:
        return RunControl(Desk(Run(path, FIRST_EVENTS), lang), glyphs, in_overview=True)

    if alone is None:
        return run_app(overview(places, lang, glyphs, opened))
    control = RunControl(Desk(Run(alone, FIRST_EVENTS), lang), glyphs, speed=speed, first_note=note)
    return run_app(TopApp(control, lang, glyphs))
