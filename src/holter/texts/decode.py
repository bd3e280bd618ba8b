"""Turn the bytes of a log or pasted console into lines, for any encoding, line ends, compression and colours.

A file is read in pieces, so that a log of hundreds of megabytes needs little memory; of a line without end only the
beginning is kept.
"""

from __future__ import annotations

import codecs
import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from holter.errors import NotALog
from holter.records import Message, Text
from holter.sentences import NOTHING_CHANGED, define
from holter.texts.prefixes import unnumbered

PIECE_BYTES = 1 << 20
MAX_LINE_CHARS = 64 * 1024
EXCERPT_CHARS = 256 * 1024
# The encoding is detected from this much of the file; a log's header alone has more than a kilobyte.
HEAD_BYTES = 1 << 16
# Text has almost none of these bytes; a checkpoint or image has hundreds.
STRANGE_PART = 0.02
_STRANGE = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# Colours, cursor movements, and the titles that shells set; some terminals drop the escape and leave "[32m".
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z\\-_])|\x08")
_GZIP = b"\x1f\x8b"

Progress = Callable[[int], None]


def lines_of(path: Path, progress: Progress | None = None) -> Iterator[list[str]]:
    """Yield the lines of a file in lists of about a mebibyte; ``progress`` gets the number of bytes read so far.

    Raises:  NotALog for a binary or empty file, OSError.
    """
    with path.open("rb") as raw:
        is_packed = raw.read(2) == _GZIP
        raw.seek(0)
        file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_packed else raw
        try:
            yield from lines_of_stream(file, str(path), progress, position=raw.tell)
        except (EOFError, gzip.BadGzipFile) as error:
            raise NotALog(CANNOT_UNPACK(path=str(path), error=str(error)), safe=NOTHING_CHANGED()) from error


CANNOT_UNPACK = define("error.cannot-unpack", "{path} is compressed and cannot be unpacked: {error}.")
IS_EMPTY = define("error.is-empty", "{name} is empty.")
NO_TEXT = define("error.no-text", "{name} is not a text: {kind}.")
GIVE_A_LOG = define("next.give-a-log", "Give nnU-Net's training_log_*.txt, or a text file with the console's output.")
PICTURE = define("file.picture", "a picture")
# Kinds of binary files, by their first bytes.
KINDS = (
    (b"PK\x03\x04", define("file.zip", "a zip file (a checkpoint *.pth is one)")),
    (b"\x93NUMPY", define("file.numpy", "a numpy array")),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"%PDF", define("file.pdf", "a PDF")),
    (b"\x7fELF", define("file.program", "a program")),
    (b"\x80", define("file.pickle", "a pickle")),
)
NO_CHARACTERS = define("file.no-characters", "its bytes are not text")


def lines_of_stream(
    file: BinaryIO, name: Text, progress: Progress | None = None, position: Callable[[], int] | None = None
) -> Iterator[list[str]]:
    """Yield the lines of an open file or pipe in lists of about a mebibyte.

    Raises:  NotALog.
    """
    piece = _first_piece(file)
    if not piece.strip():
        raise NotALog(IS_EMPTY(name=name), safe=NOTHING_CHANGED(), next_step=GIVE_A_LOG())
    encoding = encoding_of(piece[:HEAD_BYTES])
    if encoding is None:
        raise NotALog(NO_TEXT(name=name, kind=kind_of(piece)), safe=NOTHING_CHANGED(), next_step=GIVE_A_LOG())
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    rest, read = "", 0
    while piece:
        more = file.read(PIECE_BYTES)
        read += len(piece)
        text = rest + decoder.decode(piece, final=not more)
        whole, _, rest = text.rpartition("\n")
        if len(rest) > MAX_LINE_CHARS or (rest and not more):
            whole, rest = text, ""
        if whole:
            yield _clean(whole)
        if progress is not None:
            progress(position() if position is not None else read)
        piece = more


def _first_piece(file: BinaryIO) -> bytes:
    # Enough to detect the encoding: a pipe may deliver a few bytes at a time.
    piece = b""
    while len(piece) < HEAD_BYTES and (more := file.read(PIECE_BYTES)):
        piece += more
    return piece


def _clean(text: str) -> list[str]:
    # Lines without colours; of a progress bar that overwrites itself, the last state.
    if "\x1b" in text or "\x08" in text:
        text = _ANSI.sub("", text)
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    # Only an excerpt is shown with line numbers; a log of hundreds of megabytes is not searched for them.
    lines = unnumbered(lines) if len(text) < EXCERPT_CHARS else lines
    return lines if len(text) < MAX_LINE_CHARS else [line[:MAX_LINE_CHARS] for line in lines]


def encoding_of(head: bytes) -> str | None:
    """Detect the encoding of a text from its beginning; None if it is not text."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    # Windows PowerShell's ">" writes UTF-16; an excerpt of such a file has no byte-order mark.
    even, odd = head[0:2000:2].count(0), head[1:2000:2].count(0)
    pairs = max(1, len(head[:2000]) // 2)
    if max(even, odd) > pairs / 2 and min(even, odd) < pairs / 10:
        return "utf-16-be" if even > odd else "utf-16-le"
    if len(_STRANGE.findall(head)) > STRANGE_PART * len(head):
        return None
    for name in ("utf-8", "gb18030"):
        if _decodes(head, name):
            return name
    return "latin-1"


def as_utf8(content: bytes) -> bytes:
    """Convert text of any encoding to UTF-8 without a byte-order mark; return other content unchanged."""
    encoding = encoding_of(content[:HEAD_BYTES])
    if encoding is None:
        return content
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(content).encode()


def _decodes(head: bytes, name: str) -> bool:
    # The last character may be cut off. Western text in Latin-1 has single letters above 127, Chinese in GBK has them
    # in pairs, so in even runs.
    try:
        codecs.getincrementaldecoder(name)(errors="strict").decode(head)
    except UnicodeDecodeError:
        return False
    if name == "utf-8":
        return True
    high = re.findall(rb"[\x80-\xff]+", head[:-2])
    return bool(high) and sum(len(run) >= 2 for run in high) > len(high) / 2


def kind_of(head: bytes) -> Message:
    """Return the kind of a file that is not text."""
    return next((words for start, words in KINDS if head.startswith(start)), NO_CHARACTERS)()
