"""Say where the repository is, in every place at once.

    python scripts/address.py                                 what is set, and whether every place says it
    python scripts/address.py https://example.org/us/holter   set it

It is one line of pyproject.toml. The addresses of the package and the links of its page on an index are made from that
line when it is built (``hatch_build.py``), and so are the links of the site to files beside docs/. The pages of
``PLACES`` and CITATION.cff say it in words of their own: this program writes it there. Until it is set, pages say
REPOSITORY. Exit code 1: it is not set, or a place does not follow; 2: that is no address.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNSET = "REPOSITORY"
SOURCE = "pyproject.toml"
LINE = re.compile(r'^(repository = )"(?P<address>[^"\n]*)"', re.M)
# Pages, and how often each of them says it.
PLACES = {
    "README.md": 2, "README.zh-CN.md": 2, "CONTRIBUTING.md": 1, "docs/first-stall.md": 1, "docs/zh/first-stall.md": 1,
}  # fmt: skip
CITATION = "CITATION.cff"
CITED = re.compile(r"^repository-code: .*\n", re.M)
# Only what pip and git take as it is; links are made by adding to it.
ADDRESS = re.compile(r"https://[\w.-]+(?::\d+)?(?:/[\w~-][\w.~-]*)+(?<!\.git)")
# "# the address of this page", behind a command: no longer true once the address is there.
REMARK = re.compile(rf"^(.*\bgit clone {UNSET}\b.*?)\s+#.*$", re.M)


def address(root: Path = ROOT) -> str | None:
    """Return the address that is set; None: none is."""
    found = LINE.search((root / SOURCE).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{root / SOURCE} has no line `repository = `")
    return found["address"] or None


def set_address(new: str, root: Path = ROOT) -> None:
    """Write the address into every place.

    Raises:  ValueError if it is none.
    """
    if ADDRESS.fullmatch(new) is None:
        raise ValueError(f"no address of a repository, such as https://example.org/us/holter: {new}")
    old = address(root)
    _rewrite(root / SOURCE, lambda text: LINE.sub(rf'\1"{new}"', text))
    for name in PLACES:
        _rewrite(root / name, lambda text: _said(text, old, new))
    _rewrite(root / CITATION, lambda text: re.sub(r"^(?=license:)", cited(new), CITED.sub("", text), flags=re.M))


def cited(address: str) -> str:
    """Return the line of CITATION.cff."""
    return f'repository-code: "{address}"\n'


def problems(root: Path = ROOT) -> Iterator[str]:
    """Yield a line for each place that does not say what is set."""
    now = address(root)
    for name, times in PLACES.items():
        text = (root / name).read_text(encoding="utf-8")
        for word, wanted in ({UNSET: 0, now: times} if now else {UNSET: times}).items():
            if (count := len(_mention(word).findall(text))) != wanted:
                yield f"{name}: {word} {count} times instead of {wanted}"
    lines = CITED.findall((root / CITATION).read_text(encoding="utf-8"))
    if lines != ([cited(now)] if now else []):
        yield f"{CITATION}: {''.join(lines).strip() or 'no repository-code'}"


def main(words: Sequence[str]) -> int:
    """Set the address, or say what is set; return the exit code."""
    if words:
        try:
            set_address(words[0])
        except ValueError as reason:
            print(reason, file=sys.stderr)
            return 2
    found = list(problems())
    print("\n".join([f"the address of the repository: {address() or 'not set'}", *found]))
    return int(bool(found) or address() is None)


def _mention(word: str) -> re.Pattern[str]:
    # An address may be the beginning of another one.
    return re.compile(rf"(?<![\w./-]){re.escape(word)}(?![\w/-]|\.\w)")


def _said(text: str, old: str | None, new: str) -> str:
    return _mention(old).sub(new, text) if old else _mention(UNSET).sub(new, REMARK.sub(r"\1", text))


def _rewrite(file: Path, change: Callable[[str], str]) -> None:
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
