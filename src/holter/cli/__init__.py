"""The command line, one file per command: parse options, call, print, exit.

No decisions are made here. Exit codes: 0 clean, 1 something was found, 2 Holter failed; commands that run a training
return its exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer

from holter import __version__
from holter.cli import ask, attach, demo, diagnose, doctor, explain, export, report, run, standard_streams, train
from holter.cli.help_layout import asks_for_help, fold_long_words
from holter.cli.options import spoken_language
from holter.errors import HolterError
from holter.reports.catalogue import phrase, text
from holter.reports.live import lines as live
from holter.reports.live.line_writer import LineWriter

app = typer.Typer(
    name="holter",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keeps nnU-Net training going: notices a stall in seconds, names its cause with evidence, and heals it.",
)

doctor.register(app)
run.register(app)
train.register(app)
attach.register(app)
diagnose.register(app)
report.register(app)
ask.register(app)
explain.register(app)
export.register(app)
demo.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"holter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; print a HolterError or OSError to stderr and exit with code 2."""
    standard_streams.repair()
    try:
        _command()()
    except HolterError as error:
        tell(error)
        sys.exit(2)
    except OSError as error:
        say(str(error.strerror or error))
        sys.exit(2)


def _command() -> Callable[[], Any]:
    is_help = asks_for_help(sys.argv[1:])
    if is_help:
        fold_long_words()
    lang = spoken_language(sys.argv[1:])
    if lang == "en":
        return app
    from holter.cli import usage_words
    from holter.cli.help_words import translated

    usage_words.translate(lang)
    return translated(lang) if is_help else app


def tell(error: HolterError) -> None:
    """Print an error to stderr: id, what happened, what is still safe, the next command."""
    lang = spoken_language(sys.argv[1:])
    lines = [f"{error.id}: {phrase(error.what, lang)}"]
    if error.safe:
        lines.append(f"  {phrase(error.safe, lang)}")
    if error.next_step:
        lines.append("  " + text("cli.next", lang, step=phrase(error.next_step, lang)))
    say("\n".join(lines))


def say(message: str) -> None:
    """Print lines of Holter to stderr."""
    # Must not fail if nobody reads stderr: the exit code still has to be set.
    writer = LineWriter(sys.stderr, lambda _: "")
    writer.say(live.marked(message))
    writer.close()
