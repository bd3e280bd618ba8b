"""Check from its bytes alone whether a checkpoint file is intact: no torch, and nothing in the file is executed."""

from __future__ import annotations

import errno
import os
import zipfile
from typing import IO, Any, NamedTuple

from ..remarks import Remark, remark
from . import pickle_reader
from .pickle_reader import Made, Named, Stored
from .zip_format import DAMAGED, BadCheckpoint, bytes_of, check_bytes, find_index, open_archive

# Keys that nnU-Net's ``load_checkpoint`` needs to resume, and ``trainer_name``, which it always writes.
NEEDED = ("network_weights", "optimizer_state", "current_epoch", "logging", "_best_ema", "init_args", "trainer_name")
OWN_KEY = "holter"  # what Holter adds to a checkpoint; nnU-Net ignores it
MOST_LETTERS = 300  # of a quotation in a problem: names in a foreign file can have any length
# Bytes of one element of torch's storage types; a type that is not here is not measured.
SIZES = {
    "UntypedStorage": 1, "ByteStorage": 1, "CharStorage": 1, "BoolStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1,
    "HalfStorage": 2, "BFloat16Storage": 2, "ShortStorage": 2, "FloatStorage": 4, "IntStorage": 4, "QInt32Storage": 4,
    "DoubleStorage": 8, "LongStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip


class Checked(NamedTuple):
    """The result for one file. ``kind`` is ok, missing, unreadable, torn, foreign, incomplete or strange.

    Strange: no byte has changed, but this reader does not understand the content. ``problem`` is None if ok.
    """

    ok: bool
    kind: str
    problem: Remark | None
    bytes: int = 0
    current_epoch: int | None = None  # finished epochs at the time of saving
    trainer_name: str | None = None
    holter_version: str | None = None


def verify(path: str | os.PathLike[str], *, crc: bool = True) -> Checked:
    """Check structure, contents and, unless ``crc`` is False, every byte. The file's contents never make it raise.

    Without ``crc`` it takes milliseconds and misses only changed bytes of tensors. If a file holds more than tensors
    and a log, such as large arrays of another kind, only the bytes are checked.
    """
    size = 0
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            epoch, trainer, version = _read(file, size, crc=crc)
        return Checked(True, "ok", None, size, epoch, trainer, version)
    except BadCheckpoint as bad:
        return Checked(False, bad.kind, _printable(bad.problem), size)
    except FileNotFoundError:
        return Checked(False, "missing", remark("missing"))
    except OSError as error:
        if error.errno == errno.EINVAL:  # a seek to a negative offset
            return Checked(False, "torn", DAMAGED, size)
        return Checked(False, "unreadable", remark("unreadable", error=error.strerror or str(error)), size)
    except MemoryError:
        return Checked(False, "unreadable", remark("no-memory"), size)


def _printable(value: Any) -> Any:
    # Quotations are cut to MOST_LETTERS; characters that cannot be printed become "?".
    if isinstance(value, dict):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if not isinstance(value, str):
        return value
    return "".join(letter if letter.isprintable() else "?" for letter in value[:MOST_LETTERS])


def _read(file: IO[bytes], size: int, *, crc: bool) -> tuple[int | None, str | None, str | None]:
    archive = open_archive(file, size)
    index = find_index(archive)
    folder = index.filename[: -len("data.pkl")]
    facts: tuple[int | None, str | None, str | None] = (None, None, None)
    strange: Remark | None = None
    try:
        facts = _check_contents(archive, folder, pickle_reader.read(bytes_of(archive, index)))
    except pickle_reader.TooLarge:
        pass
    except pickle_reader.NotUnderstood as error:
        strange = remark("index-unreadable", error=error.why)
    if crc:
        for member in archive.infolist():
            check_bytes(archive, member, member.filename[len(folder) :])
    if strange is not None:
        raise BadCheckpoint("strange", strange)
    return facts


def _check_contents(
    archive: zipfile.ZipFile, folder: str, contents: pickle_reader.Contents
) -> tuple[int | None, str | None, str | None]:
    root = _plain_dict(contents.root)
    if root is None:
        raise BadCheckpoint("foreign", remark("foreign"))
    _check_storages(archive, folder, contents.storages)
    _check_tensors(contents.made)
    _check_keys(root)
    return _facts(root)


def _plain_dict(root: Any) -> dict[Any, Any] | None:
    if isinstance(root, Made):
        return root.items if isinstance(root.function, Named) and root.function.name == "OrderedDict" else None
    return root if isinstance(root, dict) else None


def _check_storages(archive: zipfile.ZipFile, folder: str, storages: list[Stored]) -> None:
    for stored in storages:
        member = archive.NameToInfo.get(f"{folder}data/{stored.key}")
        if member is None:
            raise BadCheckpoint("torn", remark("part-missing", name=f"data/{stored.key}"))
        size = SIZES.get(stored.kind)
        # Torch rounds the number of elements down.
        if size is not None and not 0 <= member.file_size - stored.elements * size < size:
            raise BadCheckpoint("torn", remark("part-size", name=f"data/{stored.key}"))


def _check_tensors(made: list[Made]) -> None:
    for call in made:
        match call.function, call.arguments:
            case Named(module="torch._utils", name="_rebuild_tensor_v2"), (
                Stored() as stored, int(offset), tuple(size), tuple(stride), *_,
            ):  # fmt: skip
                if not _fits(stored.elements, offset, size, stride):
                    raise BadCheckpoint("torn", remark("tensor-beyond", name=f"data/{stored.key}"))


def _fits(elements: int, offset: int, size: tuple[Any, ...], stride: tuple[Any, ...]) -> bool:
    if len(size) != len(stride) or not all(map(_is_count, (offset, *size, *stride))):
        return False
    if 0 in size:
        return True
    last: int = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    return last < elements


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < pickle_reader.MOST_ELEMENTS


def _check_keys(root: dict[Any, Any]) -> None:
    if OWN_KEY in root:  # saved by Holter: a trainer that saves other keys can load them, too
        return
    if "network_weights" not in root:
        raise BadCheckpoint("foreign", remark("foreign"))
    weights = root["network_weights"]
    if not (weights.items if isinstance(weights, Made) else isinstance(weights, dict) and weights):
        raise BadCheckpoint("incomplete", remark("no-weights"))
    missing = [name for name in NEEDED if name not in root]
    if missing:
        raise BadCheckpoint("incomplete", remark("keys-missing", names=missing))
    epoch = root["current_epoch"]
    if not isinstance(epoch, Made) and (type(epoch) is not int or epoch < 0):  # Made: a number of numpy
        raise BadCheckpoint("incomplete", remark("no-epoch"))


def _facts(root: dict[Any, Any]) -> tuple[int | None, str | None, str | None]:
    epoch, trainer, own = root.get("current_epoch"), root.get("trainer_name"), root.get(OWN_KEY)
    version = own.get("version") if isinstance(own, dict) else None
    return (
        epoch if type(epoch) is int and epoch >= 0 else None,
        trainer if isinstance(trainer, str) else None,
        version if isinstance(version, str) else None,
    )
