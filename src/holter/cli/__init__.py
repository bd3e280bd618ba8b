"""The command line, one file per command: parse options, call, print, exit.

No decisions are made here. Exit codes: 0 clean, 1 something was found, 2 Holter failed; commands that run a training
return its exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import typer

from holter import __version__
from holter.cli import (
    ask,
    attach,
    compare,
    config,
    demo,
    diagnose,
    doctor,
    explain,
    export,
    list_runs,
    metrics,
    notify_test,
    prune,
    report,
    run,
    top,
    train,
    web,
)
from holter.cli.help.page import HELP_OPTIONS, App, HelpfulGroup
from holter.cli.measuring import bench, tune
from holter.cli.options import Lang, before_the_command, chosen_language, fall_back, long_options, spoken_language
from holter.cli.start import platforms, settings, standard_streams
from holter.cli.studies import study
from holter.cli.studies.words import StudyCommand
from holter.errors import HolterError
from holter.records.exit_codes import INTERRUPTED
from holter.sentences import define

NO_CHINESE = define(
    "cli.no-chinese",
    "The encoding of this terminal ({encoding}) has no Chinese characters, so Holter speaks English. "
    "With a UTF-8 locale (export LC_ALL=C.UTF-8) it speaks Chinese.",
)

app = App(
    name="holter",
    cls=HelpfulGroup,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to import than everything else
    context_settings={"help_option_names": list(HELP_OPTIONS)},
    help="Keeps nnU-Net training going: notices a stall, mostly within 15 seconds, names its cause with evidence, "
    "and heals it.",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "doctor": doctor.doctor,
    "bench": bench.bench,
    "tune": tune.tune,
    "run": run.run,
    "train": train.train,
    "attach": attach.attach,
    "study": study.study,
    "top": top.top,
    "web": web.web,
    "list": list_runs.list_runs,
    "diagnose": diagnose.diagnose,
    "report": report.report,
    "compare": compare.compare,
    "ask": ask.ask,
    "explain": explain.explain,
    "export": export.export,
    "prune": prune.prune,
    "metrics": metrics.metrics,
    "demo": demo.demo,
    "config": config.config,
    "notify-test": notify_test.notify_test,
}
SPECIAL: dict[str, dict[str, Any]] = {
    "run": {"context_settings": run.SETTINGS},
    "train": {"cls": train.TrainCommand, "context_settings": train.SETTINGS},
    "study": {"cls": StudyCommand},
    "top": {"cls": top.TopCommand},
}
for _name, _command in COMMANDS.items():
    app.command(_name, **SPECIAL.get(_name, {}))(_command)

# Of a command whose output nobody reads to its end (``| head``), as the parser has it.
READER_GONE = 1
# With at most one word after them these need no parser. It brings a library for validation: longer to load than a page
# of ``explain``, and 10 MB that a view would hold for as long as it is open.
DIRECT: dict[str, tuple[Callable[[Any], None], Callable[[str], object]]] = {
    "explain": (explain.explain, str),
    "top": (top.top, str),
    "web": (web.web, Path),
}


def _version(asked: bool) -> None:
    if asked:
        print(f"holter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
    lang: Lang = None,
) -> None:
    if not version:
        chosen_language(lang)  # raises BadInput if there is no such language


def main() -> None:
    """Run the command line; print an error on stderr and exit with code 2."""
    standard_streams.repair()
    error_file = os.environ.pop("HOLTER_ERROR_FILE", None)  # of a parent that is a Holter too; not for our children
    arguments = sys.argv[1:] or ["--help"]
    try:
        lang = before_the_command(arguments)
        if lang is not None:  # for the command, for its errors and for the training's own lines
            os.environ[settings.SPOKEN["lang"]] = lang
        chosen = settings.read(os.environ, _options_of)
        settings.speak(chosen, os.environ)
        encoding = fall_back(arguments)
        if encoding is not None:
            from holter.reports.catalogue import phrase

            os.environ[settings.SPOKEN["lang"]] = "en"
            say(phrase(NO_CHINESE(encoding=encoding), spoken_language(arguments)))
        platforms.refuse_elsewhere(arguments)
        if not _without_options(arguments, chosen):
            defaults = settings.default_map(chosen, _parameters()) if chosen.options else None
            sys.exit(app(arguments, prog_name="holter", standalone_mode=False, obj=chosen, default_map=defaults))
    except HolterError as error:
        _fail(error, error_file)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and standard_streams.lost_reader():
            sys.exit(READER_GONE)
        standard_streams.give_up_stdout()
        _fail(error, error_file)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        from holter.cli.help.usage import as_error  # the parser's own errors

        _fail(as_error(error), error_file)


def _without_options(arguments: list[str], chosen: settings.Settings) -> bool:
    # Carries the command out and returns True if it is one of ``DIRECT``, alone or with one word.
    command, *words = arguments
    if command not in DIRECT or len(words) > 1 or any(word.startswith("-") for word in words):
        return False
    # What is set for all commands is in the environment by now.
    if any(each.name not in settings.SPOKEN or each.command is not None for each in chosen.of(command).values()):
        return False
    carry_out, read = DIRECT[command]
    carry_out(read(words[0]) if words else None)
    return True


def _options_of() -> dict[str, frozenset[str]]:
    return {command: frozenset(parameters) for command, parameters in _parameters().items()}


def _parameters() -> dict[str, dict[str, Any]]:
    # Of each command: its options without dashes -> their parameters.
    commands = typer.main.get_group(app).commands
    return {name: long_options(command.params) for name, command in commands.items()}


def tell(error: HolterError) -> None:
    """Print an error to stderr: id, what happened, what is still safe, the next command."""
    from holter.reports.catalogue import phrase, text

    lang = spoken_language(sys.argv[1:])
    lines = [f"{error.id}: {phrase(error.what, lang)}"]
    if error.safe:
        lines.append(f"  {phrase(error.safe, lang)}")
    step = phrase(error.next_step, lang)
    if "\n" in step:  # a block to copy: without our mark in front of its lines
        say("\n".join([*lines, "  " + text("cli.next", lang, step="").rstrip()]), then=step)
    else:
        say("\n".join([*lines, "  " + text("cli.next", lang, step=step)] if step else lines))


def _fail(error: HolterError | OSError, file: str | None) -> NoReturn:
    # ``file``: where a parent that is a Holter too reads the error.
    if isinstance(error, HolterError):
        tell(error)
    else:
        say(str(error.strerror or error))
    if file is not None:
        from holter.supervisor.child_error import write_error

        write_error(file, error)
    sys.exit(2)


def say(message: str, then: str = "") -> None:
    """Print Holter's lines to stderr, and below them ``then``: lines for the user to copy, without a prefix."""
    from holter.reports.live import lines as live
    from holter.reports.live.line_writer import LineWriter

    # Must not fail if nobody reads stderr: the exit code still has to be set.
    writer = LineWriter(sys.stderr, lambda _: "")
    writer.say("\n".join(filter(None, [live.marked(message), then])))
    writer.close()
