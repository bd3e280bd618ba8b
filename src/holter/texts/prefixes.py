"""Remove what stands before each line of a pasted output: marks of quotations, stamps, names of tools, blanks."""

from __future__ import annotations

import re
import textwrap

from holter.patterns import later

# A quoted mail; kubectl logs --timestamps, docker logs -t and a node's own files (CRI); docker compose; kubectl
# --prefix; torchrun; srun -l; journald (not the kernel, whose lines have a reader of their own).
PREFIX = later(
    r"^(?:[ \t]*(?:>[ \t]?)+"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?"
    r"|(?=[\d.-]{0,60}[A-Za-z_])[\w.-]{1,80}[-_]\d{1,6} +\| ?"
    r"|\[pod/[^\]\n]+\] "
    r"|\[(?:rank|default)\d+\]:? ?"
    r"|\d{1,3}: "
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.-]+\[\d+\]: )",
    re.MULTILINE,
)
_FENCE = later(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)


def bare_line(line: str) -> str:
    """Return one line without the prefix of a tool and without blanks around it."""
    return PREFIX.sub("", line, count=1).strip()


def bare(text: str) -> str:
    """Return a text without prefixes of tools, and without the common indentation of its paragraphs.

    A paragraph with a line that is not indented keeps its blanks: they may show what belongs below this line.
    """
    text = _FENCE.sub("", PREFIX.sub("", text.replace("\r\n", "\n")))
    return "\n\n".join(map(_dedented, text.split("\n\n")))


def _dedented(paragraph: str) -> str:
    lines = [line for line in paragraph.split("\n") if line.strip()]
    return textwrap.dedent(paragraph) if lines and all(line[0] in " \t" for line in lines) else paragraph
