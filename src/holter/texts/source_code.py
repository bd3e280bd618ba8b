"""Tell source code, job scripts and settings from what somebody wrote or a program printed.

Code quotes the messages that it may print, tests quote those that they expect, and comments explain settings with the
troubles that they avoid: none of them happened to somebody who shows the file.
"""

from __future__ import annotations

from holter.patterns import later

# A command or an assignment between sentences shows what was run; a file of code has more of them.
FEWEST_LINES = 3
# A line that does not look like code belongs to it within a file of code.
MOST_OF_A_FILE = 0.6
# Of a comment in a file of code only the file is known.
_COMMENT = later(r"[ \t]*(?:#(?!#{1,5} \w)|//|/\*|\*(?= |/|$)|;;|<!--|REM )[^\n]*")
_BLOCK = later(r"(?P<quotes>\"\"\"|''')[\s\S]{0,6000}?(?P=quotes)")
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
    r"|#!/.*|#(?:SBATCH|PBS|BSUB|\$) .*|(?:export|set|module|source|srun|sbatch|mkdir|cd|pip3?|conda|echo|sudo"
    r"|unset) \S.*"
    r"|(?:if|while) \[+ .*|(?:fi|done|do|then|esac)$|[A-Z_]{3,}=\S*(?: .*)?$"
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


def without_code(text: str) -> str:
    """Return a text without the source code, scripts and settings in it; it is unchanged if there is hardly any."""
    lines = text.splitlines()
    written = [line for line in lines if line.strip()]
    code = sum(_is_code(line) for line in written)
    settings = sum(_SETTING.fullmatch(line) is not None for line in written)
    of_settings = settings >= FEWEST_LINES and code + settings + _comments(written) >= MOST_OF_A_FILE * len(written)
    if any(_FRAME.match(line) is not None for line in written) or (code < FEWEST_LINES and not of_settings):
        return text
    bare = _BLOCK.sub("\n", text) if code >= FEWEST_LINES else text
    rest = [line for line in bare.splitlines() if line.strip() and not _is_code(line)]
    if of_settings:
        rest = [line for line in rest if _SETTING.fullmatch(line) is None]
    comments = _comments(rest)
    others = len(rest) - comments
    if others <= (1.0 - MOST_OF_A_FILE) * (others + code + settings * of_settings):
        rest = [line for line in rest if _COMMENT.match(line) is None and _GOES_ON.search(line) is None]
    return "\n".join(rest)


def _is_code(line: str) -> bool:
    return _STATEMENT.fullmatch(line) is not None


def _comments(lines: list[str]) -> int:
    return sum(_COMMENT.match(line) is not None for line in lines)
