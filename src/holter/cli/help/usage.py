"""Turn the option parser's errors about a wrong command line into sentences in the user's language.

Versions of the parser word it differently, and only some can be translated: the messages are built from the exception.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from holter.errors import BadUsage
from holter.patterns import later
from holter.records import Text
from holter.sentences import NOTHING_STARTED, Sentence, define

MISSING_ARGUMENT = define("usage.missing-argument", "The argument {name} is missing.")
MISSING_OPTION = define("usage.missing-option", "The option {name} is missing.")
MISSING_COMMAND = define("usage.missing-command", "The command is missing.")
INVALID = define("usage.invalid", "The value of {name} is wrong: {why}")
NO_SUCH_OPTION = define("usage.no-such-option", "There is no option {name}.[[ Did you mean {others}?]]")
NO_SUCH_COMMAND = define("usage.no-such-command", "There is no command {name}.[[ Did you mean {others}?]]")
UNEXPECTED = define("usage.unexpected", "Too many arguments: {arguments}")
NEEDS_VALUE = define("usage.needs-value", "The option {name} needs a value.")
TAKES_NO_VALUE = define("usage.takes-no-value", "The option {name} takes no value.")
NO_NUMBER = define("usage.no-number", "it is not a number.")
NO_INTEGER = define("usage.no-integer", "it is not a whole number.")
NOT_ONE_OF = define("usage.not-one-of", "{value} is not one of {choices}.[[ Did you mean {nearest}?]]")

# Below this likeness a word is another word.
NEAR = 0.7

# Wordings of the parser that have no exception of their own.
_SAID: tuple[tuple[re.Pattern[str], Sentence], ...] = (
    (later(r"Missing command\."), MISSING_COMMAND),
    (later(r"No such command '?(?P<name>[^']+)'?\.(?: Did you mean (?P<others>.+)\?)?"), NO_SUCH_COMMAND),
    (later(r"Got unexpected extra argument(?:s|\(s\))? \((?P<arguments>.+)\)"), UNEXPECTED),
    (later(r"Option '(?P<name>.+)' requires .+"), NEEDS_VALUE),
    (later(r"Option '(?P<name>.+)' does not take a value\."), TAKES_NO_VALUE),
    (later(r".*(?:valid integer|parse string as an integer).*"), NO_INTEGER),
    (later(r".*(?:valid number|valid float|parse string as a number).*"), NO_NUMBER),
    (later(r"(?:Value error, )?'(?P<value>.+?)' is not one of (?P<choices>.+?)\.?"), NOT_ONE_OF),
)


def message(error: Any) -> Text:
    """Return what is wrong with the command line; for an unknown error, the parser's own words."""
    name = _name(error)
    kind = type(error).__name__
    if kind == "MissingParameter" and name:
        is_option = getattr(error.param, "param_type_name", "") == "option"
        return (MISSING_OPTION if is_option else MISSING_ARGUMENT)(name=name)
    if kind == "NoSuchOption":
        # The dashes are alike in all: --once is near --socket only with them.
        near = {each.lstrip("-"): each for each in error.possibilities or ()}
        names = difflib.get_close_matches(error.option_name.lstrip("-"), near, cutoff=NEAR)
        others = ", ".join(sorted(near[name] for name in names)) or None
        return NO_SUCH_OPTION(name=error.option_name, others=others)
    if kind == "BadParameter" and name:
        # An argument that is one of some words is called by them: the sentence names them already.
        return _said(error.message) if "|" in name else INVALID(name=name, why=_said(error.message))
    return _said(error.format_message())


def as_error(error: Any) -> BadUsage:
    """Convert an error of the option parser to a ``HolterError``."""
    context = getattr(error, "ctx", None)
    command = context.command_path.partition(" ")[2] if context is not None else ""
    next_step = f"holter {command} --help" if command else "holter --help"
    return BadUsage(message(error), safe=NOTHING_STARTED(), next_step=next_step)


def _said(words: str) -> Text:
    for pattern, sentence in _SAID:
        match = pattern.fullmatch(words)
        if match and sentence is NOT_ONE_OF:
            return _not_one_of(match["value"], match["choices"].replace("'", "").split(", "))
        if match:
            return sentence(**{name: value and value.replace("'", "") for name, value in match.groupdict().items()})
    return words


def _not_one_of(value: str, choices: list[str]) -> Text:
    near = difflib.get_close_matches(value, choices, n=1)
    return NOT_ONE_OF(value=value, choices=", ".join(choices), nearest=near[0] if near else None)


def _name(error: Any) -> str:
    hint = getattr(error, "param_hint", None) or ""
    parameter = getattr(error, "param", None)
    if not hint and parameter is not None:
        hint = parameter.get_error_hint(error.ctx) if _takes_context(parameter) else parameter.get_error_hint()
    return (hint if isinstance(hint, str) else " / ".join(hint)).replace("'", "")


def _takes_context(parameter: Any) -> bool:
    return bool(parameter.get_error_hint.__code__.co_argcount > 1)
