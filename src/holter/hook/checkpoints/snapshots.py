"""Turn what a trainer passes to ``torch.save`` into a snapshot in memory; a thread writes it to the disk."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import IO, Any

from .. import available_memory, control
from ..remarks import remark
from ..runtime import RUNTIME, quietly
from . import checksums, rng_state, writer
from . import select as files
from .verify import OWN_KEY

FINAL_WAITS_S = (1.0, 5.0, 15.0, 30.0)  # a disk that is full for a short time must not cost a finished training
# Reserve in free memory for the growth of the buffer and for allocations of the training meanwhile.
SPARE_BYTES, SPARE_FACTOR = 256 << 20, 1.25
# Modules with a ``save_checkpoint`` that does not use the file after saving: nnU-Net's and Holter's wrapper.
PLAIN = {"nnunetv2.training.nnUNetTrainer.nnUNetTrainer", "holter.trainer.loading"}

After = Callable[[Any, bool], None]


class _State:
    """The checkpoint state of the training's main thread."""

    def __init__(self) -> None:
        self.trainer: Callable[[], Any] = lambda: None  # a weak reference
        self.mid_epoch = False  # the current save is in the middle of an epoch
        self.background = writer.Background(RUNTIME.progress)
        self.is_first = True  # this is the rank that saves
        self.wanted: dict[str, int] = {}  # request of the supervisor -> its number
        self.saved_at = time.monotonic()
        self.latest: writer.Job | None = None
        self.resumed: dict[str, Any] | None = None


STATE = _State()


def call_safely(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call the function; if it raises, record the error and return None."""
    with quietly(getattr(function, "__name__", "checkpoints")):
        return function(*args, **kwargs)
    return None


def patch_on_thread(module: ModuleType, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Replace the function ``name`` of a module by ``make(original)``, only for calls from this thread.

    Other threads still get the original. Call the returned function to undo it.
    """
    original, thread_id, lent = getattr(module, name), threading.get_ident(), [True]
    replacement = make(original)

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        if lent and threading.get_ident() == thread_id:
            return replacement(*args, **kwargs)
        return original(*args, **kwargs)

    def give_back() -> None:
        lent.clear()
        if getattr(module, name) is stand_in:
            setattr(module, name, original)

    stand_in.__wrapped__ = original  # type: ignore[attr-defined]
    setattr(module, name, stand_in)
    return give_back


def watch_save(trainer: Any, filename: Any = None, *_: Any, **__: Any) -> After | None:
    """Replace ``torch.save`` until ``save_checkpoint`` ends, so that a thread writes this file from a copy in memory.

    Return a function that puts ``torch.save`` back; None if nothing was replaced.

    The training does not wait for the thread. Three kinds of files are written before the save returns instead: the
    final checkpoint, those of trainers with their own ``save_checkpoint`` or ``on_epoch_end``, and those for whose copy
    there is not enough memory.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(filename, (str, os.PathLike)):
        return None
    path = os.path.abspath(filename)  # noqa: PTH100
    at_once = os.path.basename(path) == files.FINAL or not _is_stock(trainer)  # noqa: PTH119

    def make(original: Any) -> Any:
        def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
            named = isinstance(f, (str, os.PathLike)) and os.path.abspath(f) == path  # noqa: PTH100
            if args or kwargs or not named or type(obj) is not dict:
                original(obj, f, *args, **kwargs)
            else:
                _take(original, trainer, obj, path, at_once=at_once)

        return save

    give_back = patch_on_thread(torch, "save", make)
    return lambda _trainer, _ok: give_back()


def _is_stock(trainer: Any) -> bool:
    # Custom code may read the file as soon as it has been saved.
    names = ("save_checkpoint", "on_epoch_end")
    return {cls.__module__ for cls in type(trainer).__mro__ if any(name in vars(cls) for name in names)} <= PLAIN


def _take(save: Any, trainer: Any, obj: dict[str, Any], path: str, *, at_once: bool) -> None:
    # Take the snapshot, then write it now or in the background.
    began = time.monotonic()
    done = obj.get("current_epoch")
    done = done if isinstance(done, int) else None
    content = {**obj, OWN_KEY: call_safely(rng_state.take, trainer, done) or {}}
    if STATE.mid_epoch and isinstance(logging := obj.get("logging"), dict):
        content["logging"] = _of_finished_epochs(logging, done)
    fill = _snapshot(save, content, STATE.background)
    if fill is None:
        fill, at_once = _straight(save, content), True
    job = writer.Job(path, fill, done, _tell, began)
    if job.name == files.LATEST:
        STATE.latest = job
    if at_once:
        STATE.background.drain()  # keep the order of the saves
        _write_now(job)
    else:
        STATE.background.submit(job)


def _of_finished_epochs(logging: dict[str, Any], done: int | None) -> dict[str, Any]:
    # Without the values of the current epoch: a resumed training adds them again.
    return {name: value[:done] if isinstance(value, list) else value for name, value in logging.items()}


def _write_now(job: writer.Job) -> None:
    # Only a failed final checkpoint raises; after any other failure the training continues.
    is_final = job.name == files.FINAL
    fill = job.fill
    for wait_s in (*(FINAL_WAITS_S if is_final else ()), None):
        job.fill, job.error = fill, None
        job.held_up_s = time.monotonic() - job.began
        job.run()
        if job.error is None:
            return
        if wait_s is not None:
            time.sleep(wait_s)
    if is_final and job.error is not None:
        raise job.error


def _snapshot(save: Any, content: Any, background: writer.Background) -> writer.Fill | None:
    # None if the memory is not enough for a full copy.
    left = available_memory.available_bytes()
    if left is not None and size_of(content) * SPARE_FACTOR + SPARE_BYTES > left:
        return None
    buffer = io.BytesIO()
    quick = checksums.without(save, patch_on_thread, sys.modules.get("torch.serialization"))
    try:
        (quick or save)(content, buffer)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or isinstance(
            error.__context__, MemoryError
        ):  # torch wraps what write raises
            return None
        raise

    def fill(file: IO[bytes]) -> None:
        if quick is not None:
            checksums.fill_in(buffer, background.moved)
        writer.blocks(buffer.getbuffer(), background.moved)(file)

    return fill


def _straight(save: Any, content: Any) -> writer.Fill:
    # Serialise directly into the file. Torch's error does not mention a full disk, so keep the OSError.

    def fill(file: IO[bytes]) -> None:
        failed: list[OSError] = []

        class Noting:
            def write(self, data: Any) -> int:
                try:
                    view, at = memoryview(data), 0
                    while at < len(view):
                        at += file.write(view[at:])
                except OSError as error:
                    failed.append(error)
                    raise
                return len(view)

            def flush(self) -> None:
                """Do nothing: writes are not buffered."""

        try:
            save(content, Noting())
        except Exception:
            if failed:
                raise failed[0] from None
            raise

    return fill


def size_of(content: Any) -> int:
    """Return the bytes of all tensors in a checkpoint's content; storage that several tensors share counts once."""
    seen: set[int] = set()
    total, left = 0, [content]
    while left:
        item = left.pop()
        if isinstance(item, (dict, list, tuple)):
            if id(item) not in seen:
                seen.add(id(item))
                left.extend(item.values() if isinstance(item, dict) else item)
        elif hasattr(item, "untyped_storage"):
            storage = item.untyped_storage()
            if storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                total += storage.nbytes()
    return total


def _tell(job: writer.Job) -> None:
    is_answer = job.name in (files.LATEST, files.FINAL)
    number = STATE.wanted.get("checkpoint") if is_answer else None
    epoch = None if job.epoch is None else job.epoch - 1
    if job.error is None:
        if is_answer:
            STATE.saved_at = max(STATE.saved_at, job.taken)
            STATE.wanted.pop("checkpoint", None)
        code = "saved-file" if epoch is None else "saved-epoch"
        saved = remark(code, epoch=epoch, file=job.name, held_up=job.held_up_s, written=job.written_s)
        control.tell("save-checkpoint", "done", saved, number=number)
        return
    old = files.verify(job.path, crc=False)
    kept = remark("older-kept", epoch=(old.current_epoch or 0) - 1) if old.ok else remark("no-older")
    if isinstance(job.error, writer.Unverified):
        reason: object = remark("read-back-wrong", problem=job.error.problem)
    else:
        reason = getattr(job.error, "strerror", None) or str(job.error) or type(job.error).__name__
    code = "not-saved-file" if epoch is None else "not-saved-epoch"
    remarks = [remark(code, epoch=epoch, file=job.name, reason=reason), kept]
    control.tell("save-checkpoint", "failed", *remarks, number=number)
    RUNTIME.emit("note", what="checkpoint-failed", say=remarks)
