"""Keep the Chinese catalogue in step with the English sentences, which stand in the code.

    python scripts/translations.py            update holter.po from the code and compile holter.mo
    python scripts/translations.py --check    list what is missing, fuzzy, obsolete or not compiled; exit 1

In holter.po, msgctxt is the key of a sentence and msgid its English wording. Where the English has changed, the Chinese
is kept and marked ``fuzzy``: translate it again and remove the mark.
"""

from __future__ import annotations

import argparse
import importlib
import io
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog, Message

import holter
from holter import sentences
from holter.causes import ERROR_TEXTS
from holter.reports import catalogue
from holter.reports.catalogue.filling import blanks

# What these import is not installed beside every Holter; of them only trainer.sentences defines sentences.
NEED_MORE = (
    "holter.trainer", "holter.loader", "holter.transforms", "holter.hook", "holter.demo.slow_fs", "holter.__main__",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
FILE = catalogue.LOCALE / "zh_CN" / "LC_MESSAGES" / "holter.po"
ENGLISH_FILE = catalogue.LOCALE / "en" / "LC_MESSAGES" / "holter.mo"


def main() -> int:
    """Update or check; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="change nothing")
    check = options.parse_args().check
    old = read(FILE) if FILE.exists() else empty()
    english = defined_sentences()
    new = updated(old, english)
    problems = list(faults(new, english))
    written_files = {
        FILE: as_po(new),
        FILE.with_suffix(".mo"): as_mo(new),
        ENGLISH_FILE: as_english_mo(english | quotations()),
    }
    for file, content in written_files.items():
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        elif not file.exists() or file.read_bytes() != content:
            problems.append(f"{file.name} is not what the code says now: run scripts/translations.py")
    for problem in problems:
        print(problem)
    print(f"{len(english)} sentences, {len(problems)} problems")
    if problems:
        print(f"Run `make texts`, write the Chinese into msgstr in {FILE.relative_to(ROOT)}, and run it again.")
    return bool(problems)


def defined_sentences() -> dict[str, str]:
    """Return every English sentence by key; importing a module defines its sentences."""
    for module in pkgutil.walk_packages(holter.__path__, "holter."):
        if not module.name.startswith(NEED_MORE):
            importlib.import_module(module.name)
    importlib.import_module("holter.trainer.sentences")
    return catalogue.every_sentence()


def quotations() -> dict[str, str]:
    """Return the messages that come with each cause, one a line: of other programs, so they are not translated."""
    return {f"messages.{cause}": "\n".join(texts) for cause, texts in ERROR_TEXTS.items()}


def empty() -> Catalog:
    """Return a catalogue without sentences."""
    return Catalog(
        locale="zh_CN", project="holter", header_comment="# Simplified Chinese sentences of Holter.", fuzzy=False
    )


def read(file: Path) -> Catalog:
    """Return what a .po file holds.

    Raises:  OSError, PoFileError.
    """
    with file.open("rb") as opened:
        return pofile.read_po(opened, locale="zh_CN", domain="holter")


def updated(old: Catalog, english: Mapping[str, str]) -> Catalog:
    """Return a catalogue of the English sentences of now, with the Chinese of ``old`` found by key.

    A sentence whose English has changed is marked fuzzy; one that the code does not define any more is dropped.
    """
    chinese = {message.context: message for message in old if message.context}
    new = empty()
    for key in sorted(english):
        before = chinese.get(key)
        if before is None:
            new.add(message_id(key, english[key]), "", context=key)
            continue
        is_same = before.id == message_id(key, english[key])
        flags = before.flags if is_same else {*before.flags, "fuzzy"}
        new.add(
            message_id(key, english[key]),
            forms(before) if key in sentences.SINGULAR else forms(before)[0],
            context=key,
            flags=flags,
        )
    return new


def faults(found: Catalog, english: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each sentence whose Chinese is missing, fuzzy, or has other blanks than the English."""
    for key in sorted(english):
        message = found.get(message_id(key, english[key]), context=key)
        if message is None or not any(forms(message)):
            yield f"{key}: no translation of {english[key]!r}"
        elif message.fuzzy:
            yield f"{key}: the English has changed (fuzzy)"
        elif not key.startswith("page.") and any(blanks(english[key]) != blanks(form) for form in forms(message)):
            yield f"{key}: other blanks than the English: {message.string!r}"


def message_id(key: str, english: str) -> str | tuple[str, str]:
    """Return what gettext looks a sentence up by: its wording, or singular and plural."""
    singular = sentences.SINGULAR.get(key)
    return english if singular is None else (singular, english)


def forms(message: Message) -> tuple[str, ...]:
    """Return the Chinese of a sentence: one form, for Chinese has no plural."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def as_po(catalog: Catalog) -> bytes:
    """Return the text of the .po file, without anything that changes from day to day."""
    out = io.BytesIO()
    pofile.write_po(out, catalog, width=120, omit_header=True)
    return HEADER + out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return the compiled catalogue; fuzzy translations are left out."""
    compiled = empty()
    for message in read_bytes(as_po(catalog)):
        if message.context and not message.fuzzy:
            for words in (message.id,) if isinstance(message.id, str) else message.id:
                compiled.add(words, forms(message)[0], context=message.context)
    return written(compiled)


def as_english_mo(english: Mapping[str, str]) -> bytes:
    """Return the English sentences by key, for a program that has not imported the modules that define them."""
    compiled = Catalog(locale="en")
    for key in sorted(english):
        singular = sentences.SINGULAR.get(key)
        compiled.add(
            key if singular is None else (key, key), english[key] if singular is None else (singular, english[key])
        )
    return written(compiled)


def written(compiled: Catalog) -> bytes:
    """Return the bytes of an .mo file, the same on every day."""
    compiled.creation_date = compiled.revision_date = NO_DATE
    out = io.BytesIO()
    mofile.write_mo(out, compiled)
    return out.getvalue()


def read_bytes(po: bytes) -> Catalog:
    """Return what the text of a .po file holds."""
    return pofile.read_po(io.BytesIO(po), locale="zh_CN", domain="holter")


NO_DATE = datetime(2026, 1, 1, tzinfo=timezone.utc)
HEADER = b"""# Simplified Chinese sentences of Holter. Written by scripts/translations.py; edit the msgstr lines.
msgid ""
msgstr ""
"Project-Id-Version: holter\\n"
"Language: zh_CN\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""

if __name__ == "__main__":
    sys.exit(main())
