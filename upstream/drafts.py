"""Write the issue drafts of this folder: NAME.md from NAME.py and what it prints.

    python upstream/drafts.py                  write every draft again, with the output that it has
    python upstream/drafts.py --run NAME...    run these programs, and write their drafts with the new output

A program is the only source: its docstring is the text of the issue. It exits with 0 if the fault is there, with 1
if it is not (mended upstream), with 77 if it cannot run here.
"""

from __future__ import annotations

import ast
import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SECTIONS = re.compile(
    r"(?P<title>[^\n]+)\.\n\nFor: (?P<target>[^\n]+)\n\n(?P<body>.+?)\n\nProposed change:\n(?P<change>.+?)\n\n"
    r"Measured effect:\n(?P<effect>.+?)\n?",
    re.S,
)
OUTPUT = re.compile(r"^What it prints \((?P<where>[^\n]+)\):\n\n```text\n(?P<text>.*?)```$", re.S | re.M)
PACKAGES = ("nnunetv2", "batchgenerators", "batchgeneratorsv2", "acvl_utils", "blosc2", "torch")
# Where the interpreter and its packages lie here is of no use to others.
PLACE = re.compile(r"/[^\s\"']*/(?:site-packages|lib/python3\.\d+)/")
NO_OUTPUT = ("not run", "")
PAGE = """# {title}

*A draft for {target}. It has not been posted. [All weak spots](../docs/upstream.md).*

{body}

## Reproduce

```python
{code}
```

What it prints ({where}):

```text
{text}```

## Proposed change

{change}

## Measured effect

{effect}
"""


def main(words: Sequence[str]) -> int:
    """Write drafts; return the exit code."""
    asked = list(words[1:]) if words[:1] == ["--run"] else []
    for program in programs():
        is_asked = program.stem in asked or asked == ["all"]
        output = ran(program) if is_asked else kept(program)
        program.with_suffix(".md").write_text(page(program, output), encoding="utf-8")
    return 0


def programs() -> list[Path]:
    """Return the programs that show a fault."""
    return sorted(file for file in FOLDER.glob("*.py") if file != Path(__file__).resolve())


def page(program: Path, output: tuple[str, str]) -> str:
    """Return the text of a draft."""
    source = program.read_text(encoding="utf-8")
    found = SECTIONS.fullmatch(ast.get_docstring(ast.parse(source)) or "")
    if found is None:
        raise ValueError(f"{program.name}: the docstring lacks a part of an issue")
    code = re.sub(r'\A""".+?"""\n+', "", source, flags=re.S).rstrip()
    return PAGE.format(code=code, where=output[0], text=output[1], **found.groupdict())


def kept(program: Path) -> tuple[str, str]:
    """Return where a program was run, and what it printed, as its draft has it."""
    draft = program.with_suffix(".md")
    found = OUTPUT.search(draft.read_text(encoding="utf-8")) if draft.exists() else None
    return (found["where"], found["text"]) if found else NO_OUTPUT


def ran(program: Path) -> tuple[str, str]:
    """Run a program; return the versions, and what it printed. Raises if it does not show the fault."""
    done = subprocess.run(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    if done.returncode not in (0, 77):
        raise RuntimeError(f"{program.name} ended with {done.returncode}:\n{done.stdout}")
    source = program.read_text(encoding="utf-8")
    used = [name for name in PACKAGES if re.search(rf"^(?:from|import) {name}\b", source, re.M)]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in used]
    printed = PLACE.sub("…/", done.stdout)
    where = ", ".join([f"Linux, Python {platform.python_version()}", *versions])
    return where, "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
