"""One file a command: parse, call, print, exit code. Decides nothing.

Exit codes: 0 clean, 1 something was found, 2 we failed; commands that run a training pass its code on.
"""

from __future__ import annotations

import sys

import typer

from holter import __version__
from holter.cli import attach, demo, diagnose, doctor, explain, export, report, run, train
from holter.errors import HolterError

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
    """Entry point: errors become four lines and exit code 2."""
    try:
        app()
    except HolterError as error:
        tell(error)
        sys.exit(2)
    except OSError as error:
        print(f"holter: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


def tell(error: HolterError) -> None:
    """An error for a tired person: id, what happened, what is safe, the next command."""
    print(f"holter: {error.id}: {error.what}", file=sys.stderr)
    if error.safe:
        print(f"  {error.safe}", file=sys.stderr)
    if error.next_step:
        print(f"  Next: {error.next_step}", file=sys.stderr)
