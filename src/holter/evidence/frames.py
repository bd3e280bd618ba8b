"""What a thread is doing, from its stack frames.

Names are those of batchgenerators 0.25, nnunetv2 2.5-2.8, PyTorch 1.13-2.13 and CPython.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from holter.evidence.owners import owner_of
from holter.patterns import later
from holter.records import ExceptionSeen, Frame, StackDump, ThreadStack

_PRINTED = later(r'^ *File "([^"\n]+)", line (\d+), in (\S+)', re.MULTILINE)


def main_thread(dump: StackDump) -> ThreadStack | None:
    """Return the main thread: by name or thread id, else the last one listed; None without threads."""
    for thread in dump.threads:
        if thread.name == "MainThread" or thread.thread_id == dump.pid:
            return thread
    return dump.threads[-1] if dump.threads else None


def interrupted(exception: ExceptionSeen) -> tuple[str, str] | None:
    """Return ``place`` of the main thread at a Ctrl-C, from the traceback that Python prints then.

    None for any other exception and for other processes.
    """
    if exception.error != "KeyboardInterrupt" or exception.role != "main":
        return None
    frames = tuple(
        Frame(function=match[3], file=match[1].replace("\\", "/"), line=int(match[2]))
        for match in reversed(tuple(_PRINTED.finditer(exception.traceback)))
    )
    return place(ThreadStack(frames=frames))


def place(thread: ThreadStack) -> tuple[str, str] | None:
    """Return what the training's main thread is doing, and the frame that shows it; None without frames.

    One of batch-queue, export-result, export-slot, checkpoint, file-read, native-call, python.
    """
    if not thread.frames:
        return None
    for test, answer in _PLACES:
        frame = test(thread.frames)
        if frame is not None:
            return answer, describe(of_training(thread.frames, frame))
    calling = network_caller(thread.frames)
    if calling is not None:
        return "python", describe(calling)
    innermost = thread.frames[0]
    in_step = _first(thread.frames, function=_STEPS)
    waits_outside = thread.state in ("S", "D") and thread.syscall not in (None, "running")
    if in_step is not None and (innermost is in_step or _is_library(innermost) or waits_outside):
        return "native-call", f"{describe(in_step)} in {innermost.function}"
    return "python", describe(innermost)


def results_loop(dump: StackDump) -> str | None:
    """Return what batchgenerators' results-loop threads wait on; None if there are none.

    worker-queue: nothing arrives from the workers. tensor-hand-over: a worker has announced a batch but does not send
    it. ready-queue: the main thread does not take the batches that are ready. If threads differ, tensor-hand-over is
    returned.
    """
    waits = set()
    for thread in dump.threads:
        if _first(thread.frames, function=("results_loop",)) is None:
            continue
        if _first(thread.frames, function=_HAND_OVER) or _first(thread.frames, file="resource_sharer.py"):
            waits.add("tensor-hand-over")
        elif _first(thread.frames, function=("put",)):
            waits.add("ready-queue")
        else:
            waits.add("worker-queue")
    return next((word for word in ("tensor-hand-over", "worker-queue", "ready-queue") if word in waits), None)


def collective(frames: tuple[Frame, ...]) -> Frame | None:
    """Return the frame in which a rank waits for the others: a collective operation or DDP's backward pass."""
    return _first(frames, function=_COLLECTIVES)


def network_caller(frames: tuple[Frame, ...]) -> Frame | None:
    """Return the frame that talks to another machine, or None.

    In a stock training no Python code of the main thread opens a socket.
    """
    outside = next((index for index, frame in enumerate(frames) if not NETWORK.search(frame.file)), None)
    return frames[outside] if outside else None


def of_training(frames: tuple[Frame, ...], frame: Frame) -> Frame:
    """Return the frame, or if it belongs to Holter's hook the frame of the training that called the hook.

    A person looks for the frame in nnU-Net's code.
    """
    outer = frames[frames.index(frame) :]
    return next((frame for frame in outer if not _HOOK.search(frame.file)), frame)


def describe(frame: Frame) -> str:
    """Return "function (file:line)", with the file's name only."""
    name = frame.file.rsplit("/", 1)[-1]
    return f"{frame.function} ({name}:{frame.line})" if name else frame.function


# The receiving side of descriptor passing in torch and multiprocessing.
_HAND_OVER = (
    "rebuild_storage_fd",
    "rebuild_storage_filename",
    "rebuild_tensor",
    "answer_challenge",
    "deliver_challenge",
    "recv_handle",
    "recvfds",
    "detach",
)
# torch.distributed's collective operations. DDP exchanges the gradients in the backward pass.
_COLLECTIVES = (
    "_engine_run_backward", "all_reduce", "all_gather", "all_gather_object", "all_gather_into_tensor", "barrier",
    "monitored_barrier", "broadcast", "broadcast_object_list", "reduce", "reduce_scatter", "gather", "gather_object",
    "_sync_buffers", "_sync_module_states", "_broadcast_coalesced",
)  # fmt: skip
NETWORK = later(r"(?:^|/)(?:socket|ssl)\.py$|/(?:http|urllib|urllib3|requests|httpx|httpcore|aiohttp|websocket|grpc)/")
# Holter's hook, which stands in for functions of batchgenerators and nnU-Net.
_HOOK = later(r"(?:^|/)holter/hook/")
_STEPS = ("train_step", "validation_step")


def _first(frames: tuple[Frame, ...], *, function: tuple[str, ...] = (), file: str = "") -> Frame | None:
    for frame in frames:
        bare = frame.function.rsplit(".", 1)[-1]
        if (function and (bare in function)) or (file and frame.file.endswith(file)):
            return frame
    return None


# PyTorch's DataLoader without workers fetches the batch itself: that is no wait for a worker.
def _torch_queue(frames: tuple[Frame, ...]) -> Frame | None:
    if _first(frames, file="torch/utils/data/_utils/fetch.py"):
        return None
    waits = ("_try_get_data", "_get_data", "_next_data")
    inside = tuple(frame for frame in frames if frame.file.endswith("torch/utils/data/dataloader.py"))
    return _first(inside, function=waits)


def _export_result(frames: tuple[Frame, ...]) -> Frame | None:
    waiting = _first(frames, function=("get", "wait"))
    in_pool = _first(frames, file="multiprocessing/pool.py")
    exporting = _first(
        frames, function=("perform_actual_validation", "predict_from_data_iterator", "predict_from_files")
    )
    return in_pool if waiting and in_pool and exporting else None


def _export_slot(frames: tuple[Frame, ...]) -> Frame | None:
    exporting = _first(frames, function=("perform_actual_validation", "predict_from_data_iterator"))
    return frames[0] if exporting is frames[0] or _first(frames, function=("check_workers_alive_and_busy",)) else None


def _file_read(frames: tuple[Frame, ...]) -> Frame | None:
    return _first(frames, function=("load_case",)) or _first(frames, file="blosc2/ndarray.py")


_PLACES: tuple[tuple[Callable[[tuple[Frame, ...]], Frame | None], str], ...] = (
    (partial(_first, function=("_NonDetMultiThreadedAugmenter__get_next_item", "__get_next_item")), "batch-queue"),
    (_torch_queue, "batch-queue"),
    (_export_result, "export-result"),
    (partial(_first, function=("save_checkpoint",)), "checkpoint"),
    (_file_read, "file-read"),
    (_export_slot, "export-slot"),
)


def _is_library(frame: Frame) -> bool:
    return owner_of(frame) == "torch" or frame.file.startswith("<") or frame.function.startswith("_")
