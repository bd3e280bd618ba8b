"""Tell source code, job scripts and settings from what somebody wrote or a program printed.

Code quotes the messages that it may print, tests quote those that they expect, and comments explain settings with the
troubles that they avoid: none of them happened to somebody who shows the file.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from holter.patterns import later

# A command or an assignment between sentences shows what was run; a file of code has more of them.
FEWEST_LINES = 3
# A line that does not look like code belongs to it within a file of code.
MOST_OF_A_FILE = 0.6
# Of a comment in a file of code only the file is known.
_COMMENT = later(r"[ \t]*(?:#(?!#{1,5} \w)|//|/\*|\*(?= |/|$)|;;|<!--|REM )[^\n]*")
_BLOCK = later(r"(?P<quotes>\"\"\"|''')[\s\S]{0,6000}?(?P=quotes)")
# Who reports a trouble shows what was typed, too.
_COMMAND = r"(?:export|set|module|source|srun|sbatch|mkdir|cd|pip3?|conda|echo|sudo|unset) \S.*|[A-Z_]{3,}=\S*(?: .*)?$"
_TYPED = later(rf"[ \t]*(?:{_COMMAND})")
_STATEMENT = later(
    r"[ \t]*(?:"
    # Python.
    r"(?:def|class) \w+.*:?$|(?:from [\w.]+ )?import [\w.*, ()]+(?: as \w+)?$|@[\w.]+(?:\(.*)?$|async (?:def|with"
    r"|for)\b"
    r"|(?:if|elif|while|for|with|except)\b.*:(?:[ \t]*#.*)?$|(?:else|try|finally|except):(?:[ \t]*#.*)?$"
    r"|(?:return|yield|raise|assert|del|await|global)\b(?: [\w.(\[{\"'~*-].*)?$|(?:pass|break|continue)$"
    # A call, an assignment, a text, or what closes them.
    r"|[\w.]+\([^\n]*\)?[;,:]?$|[\w.\[\]\"', ]{1,60}? ?(?:[-+*/|:]|<<)?= ?(?:[furb]{0,2}[\"'(\[{].*"
    r"|[\w.*/+$<>:@%-]+[,;]?(?:[ \t]+#.*)?|[\w.]+[(\[].*)$"
    r"|[furbFRB]{0,2}[\"'].*[\"'][)\],;:]*(?: %.*)?$|[)\]}]+[),;:\]}]*$|[\w.]+ (?:==|!=|in|is|not|and|or) [^\n]*:$"
    # C and its relatives, JSON.
    r"|#(?:include|define|ifn?def|endif|pragma)\b.*|[^\n]*[;{]$|\}.*$|\"[\w .$/-]+\": ?[^\n]*$"
    # Shells, and what reads a script before a shell does.
    rf"|#!/.*|#(?:SBATCH|PBS|BSUB|\$) .*|{_COMMAND}|(?:if|while) \[+ .*|(?:fi|done|do|then|esac)$"
    # Recipes of images.
    r"|(?:FROM|RUN|ENV|COPY|ADD|WORKDIR|ENTRYPOINT|CMD|ARG|USER|EXPOSE|VOLUME|LABEL|SHELL) \S.*"
    r")"
)
# A setting: a name in small letters, and a value of one or two words.
_SETTING = later(r"[ \t]*(?:- )?[a-z_][\w.-]*:(?: (?:[^\s#]+(?: [^\s#]+)?|\[.*\]|\{.*\}))?(?:[ \t]+#.*)?$")
# A statement that was broken into lines.
_GOES_ON = later(r"^ {4}|^\t|[,(\[{\\]$")
# A frame of a traceback has a line of code below it, and belongs to what was printed.
_FRAME = later(r"[ \t]*File \"[^\n]*\", line \d|Traceback \(most")
# What a statement says only to its readers.
_QUOTED = later(r"\"[^\"\n]*\"|'[^'\n]*'(?!\w)|(?:^|[ \t])(?:#|//).*|\becho .*")
# A program and its arguments: options, numbers, files.
_PROGRAM = later(
    r"[ \t]*(?:\w+=\S+ )*(?:python3?|torchrun|accelerate|mpirun|nohup|docker|bash|sh|\./\S+|nnUNet\w*)(?: |$)"
)
_ARGUMENT = later(r"^-|[\d./=$_\"\\&|>]|^(?:python3?|run|exec|launch)$")
# An entry of a list looks like a line of a longer comment.
_BULLET = later(r"[ \t]*\* \S")


def without_code(text: str, keeps: Callable[[str], bool] = lambda _: False) -> str:
    """Return a text without the source code, scripts and settings in it; it is unchanged if there is hardly any.

    ``keeps``: whether a line that looks like a part of code stays, because somebody wrote it or a program printed it.
    """
    lines = text.splitlines()
    written = [line for line in lines if line.strip()]
    statements = [line for line in written if _is_code(line)]
    code, comments = len(statements), _comments(written)
    settings = sum(_SETTING.fullmatch(line) is not None for line in written)
    of_settings = settings >= FEWEST_LINES and code + settings + comments >= MOST_OF_A_FILE * len(written)
    # Commands alone are code only if nothing but comments stands beside them.
    runs = sum(map(_is_run, written))
    typed = all(_TYPED.fullmatch(line) is not None for line in statements) and code + comments + runs < len(written)
    if any(_FRAME.match(line) is not None for line in written):
        return text
    if _is_script(written):
        return ""
    if not of_settings and (code < FEWEST_LINES or typed):
        return text
    bare = _BLOCK.sub("\n", text) if code >= FEWEST_LINES else text
    rest = [line for line in bare.splitlines() if line.strip() and (not _is_code(line) or _stays(line, keeps))]
    if of_settings:
        rest = [line for line in rest if _SETTING.fullmatch(line) is None]
    comments = _comments(rest)
    others = len(rest) - comments
    if others <= (1.0 - MOST_OF_A_FILE) * (others + code + settings * of_settings):
        rest = [line for line in rest if not _belongs_to_code(line) or _stays(line, keeps)]
    return "\n".join(rest)


# Nothing but commands and comments; a command with what somebody typed above it has no comment.
def _is_script(written: list[str]) -> bool:
    runs, comments = sum(map(_is_run, written)), _comments(written)
    typed = sum(_TYPED.fullmatch(line) is not None and not _is_run(line) for line in written)
    return min(runs, comments) > 0 and runs + comments + typed == len(written)


def _is_code(line: str) -> bool:
    return _STATEMENT.fullmatch(line) is not None


def _is_run(line: str) -> bool:
    program = _PROGRAM.match(line)
    if program is None:
        return False
    words = ["", *line[program.end() :].split()]
    return all(before.startswith("-") or _ARGUMENT.search(word) is not None for before, word in pairwise(words))


def _belongs_to_code(line: str) -> bool:
    return _COMMENT.match(line) is not None or _GOES_ON.search(line) is not None


def _stays(line: str, keeps: Callable[[str], bool]) -> bool:
    if _COMMENT.match(line) is not None and _BULLET.match(line) is None:
        return False
    return keeps(_QUOTED.sub("", line) if _is_code(line) else line)


def _comments(lines: list[str]) -> int:
    return sum(_COMMENT.match(line) is not None for line in lines)
