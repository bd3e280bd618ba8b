"""The sentences of remarks: a code and raw values become a ``Message``.

Remarks are made by the hook (``holter.hook.remarks``), and by the loader and the transforms (``errors.coded``), which
work without the monitor. A remark with an unknown code (from another version of the hook) is quoted unchanged.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

from holter.errors import CodedText, HolterError
from holter.records import Message, Role, Single, Subject, Text, Value
from holter.sentences import Sentence, define, joined, parts

REMARKS: dict[str, Sentence] = {}


def _say(code: str, english: str) -> Sentence:
    REMARKS[code] = define(f"hook.{code}", english)
    return REMARKS[code]


# What is wrong with a checkpoint: hook/checkpoints/
_say("missing", "there is no such file")
_say("empty", "torn: the file is empty")
_say("zeros", "torn: the file holds only zeros")
_say("cut-off", "torn: the file ends too early")
_say("cut-off-within", "torn: the file ends within {name}")
_say("directory-damaged", "torn: its directory is damaged")
_say("directory-damaged-error", "torn: its directory is damaged ({error})")
_say("part-damaged", "{name} is damaged")
_say("part-damaged-error", "{name} is damaged ({error})")
_say("part-missing", "{name} is missing")
_say("part-size", "{name} has the wrong size")
_say("tensor-beyond", "a tensor reaches beyond {name}")
_say("crc", "CRC of {name} is wrong")
_say("not-a-checkpoint", "not a torch checkpoint")
_say("no-index", "not a torch checkpoint: no data.pkl")
_say("compressed", "not a torch checkpoint: it is compressed")
_say("foreign", "a checkpoint of another program: no network_weights")
_say("no-weights", "incomplete: network_weights is empty")
_say("keys-missing", "incomplete, training cannot go on from it: no {names}")
_say("no-epoch", "incomplete: current_epoch is not a number")
_say("unreadable", "unreadable: {error}")
_say("no-memory", "unreadable: out of memory")
_say("index-unreadable", "data.pkl cannot be read: {error}")
_say("pickle-too-large", "it is too large")
_say("pickle-too-long", "it has too many steps")
_say("pickle-tuple", "a tuple has too few members")
_say("pickle-name", "a name is not text")
_say("pickle-storage", "a storage is named in an unknown way")
_say("may-be-whole", "{problem}; it may be whole: now {now}")
_say("read-back-wrong", "what was read back is wrong ({problem})")

# Checkpoints on their way to the disk: hook/checkpoints/
_say("saved-epoch", "epoch {epoch} in {file}: held up {held_up:.2f} s, written in {written:.1f} s, verified")
_say("saved-file", "{file}: held up {held_up:.2f} s, written in {written:.1f} s, verified")
NOT_SAVED = (
    _say("not-saved-epoch", "epoch {epoch} in {file}: {reason}"),
    _say("not-saved-file", "{file}: {reason}"),
)
_say("older-kept", "the checkpoint of epoch {epoch} is kept")
_say("no-older", "there is no older one")
_say("at-epoch-end", "at the end of this epoch")
_say("mid-epoch", "in the middle of the epoch, at a wait for a batch")
_say("training-over", "the training is over; its final checkpoint is what there is")
_say("checkpoints-off", "checkpoints are switched off in this training")
_say("no-epoch-yet", "no epoch is finished yet")
_say("several-gpus", "with several GPUs it is only saved at the end of an epoch")
_say("not-here", "this cannot be done in this process")
_say("stop-not-saved", "epoch {epoch} could not be saved; the training goes on")
_say("stopped-after", "after epoch {epoch}, which is in {file}")
_say("generators-of-gpus", "random numbers do not continue: saved with {saved} GPUs, continued with {here}")

# Workers and their replacement: hook/workers/
_say("worker-stopped", "{worker} is stopped")
_say("worker-killed", "{worker} was ended by {signal}")
_say("worker-exited", "{worker} ended with exit code {exit_code}")
_say("worker-returned", "{worker} returned (exit code 0), as all workers do after an exception in one of them")
_say("loop-ended", "the results loop ended")
_say("loop-raised", "the results loop ended: {error}")
_say("no-batch", "no batch for {waited:.1f} s, with all workers alive")
_say("no-batch-from-them", "no batch came from them")
_say("cuda-error", "new workers do not help after a CUDA error")
_say("replaced-too-often", "workers were replaced {times} times within an hour already")
_say("workers-started", "workers ended: {ended}, started: {started}")
_say("fewer-workers-started", "workers ended: {ended}, started: {started}, before: {before}, to need less memory")
_say("not-started", "new workers could not be started: {error}")
_say("next-batch", "the next batch came after {after:.2f} s")
_say("kept-batch", "the next batch came after {after:.2f} s, one of {kept} that were ready")
_say(
    "nothing-replaced",
    "nothing was replaced: no worker was stopped, and no wait lasted {frozen:.0f} s (within {within:.0f} s)",
)

# PyTorch's DataLoader: hook/dataloader/
_say(
    "workers-asked-again",
    "workers ended: {ended}, started: {started}, batches asked for again: {batches}",
)
_say("dataloader", "the batches come from a DataLoader of {dataset}")
_say(
    "worker-gone",
    "{worker} has ended; with which code is not known, because the program collects its children itself",
)
_say("own-signal", "the program handles {signal} itself")
_say("workers-live", "nothing was replaced: no worker of the DataLoader is stopped or has ended; it may only be slow")
_say(
    "workers-live-in-hand",
    "nothing was replaced: no worker of the DataLoader is stopped or has ended; in hand: {samples}",
)
_say("loader-refused", "workers of the DataLoader of {dataset} are not replaced: {reason}")
_say(
    "loader-torch",
    "Holter does not know the DataLoader of torch {version} (different: {names}); it is only watched",
)
_say("loader-iterator", "{name} is not PyTorch's own iterator")
_say("loader-subclass", "{name} changes how a DataLoader works")
_say("loader-iterable", "the position in an IterableDataset would be lost")
_say("loader-datapipe", "its data pipe keeps a state of its own")
_say("loader-in-worker", "it is used within a worker")

# Exports: hook/exports/
_say("export-need", "its largest case needs {need:bytes}; how much memory is free is not known")
_say(
    "export-forecast",
    "its largest case needs {need:bytes}; {fit} of {asked} export workers fit into the memory free now",
)
_say(
    "export-workers",
    "{workers} of {asked}, because the largest case needs {need:bytes} and {free:bytes} are free",
)
_say(
    "export-shared",
    "{shared:bytes} of shared memory are free for predictions of {prediction:bytes}",
)
_say("exports-kept", "{kept} of {all} from an earlier attempt")
_say("export-lost", "case {case}: {trouble}")
_say("exporter-idle", "its export worker (PID {pid}) did nothing for {silent:.0f} s")
_say("exporter-killed", "its export worker (PID {pid}) ended ({signal})")
_say("exporter-exited", "its export worker (PID {pid}) ended (exit code {exit_code})")
_say("exporter-no-memory", "its export worker had not enough memory ({error})")
_say("exporter-not-handed", "it could not be handed to an export worker ({error})")
_say("no-exporter", "no export worker is available")
_say("compute-alone", "to be computed again in a process of its own")
_say("compute-in-main", "to be computed again in the main process")
_say("computed-alone", "computed again in a process of its own, {took:.0f} s")
_say("computed-in-main", "computed again in the main process, {took:.0f} s")
_say("raised", "{error}")

# Data: hook/cuts.py, hook/workers/augmenters.py
_say("read-only-copied", "parts cut out of read-only memory maps are copied")
HANDED_ON = _say("read-only-handed-on", "parts cut out of read-only memory maps are handed on")
_say("case-hung", "case {case}: the read of {file} on {mount} ({fs_type}) hangs: {detail}")
_say("case-unreadable", "case {case}: {file} on {mount} ({fs_type}) cannot be read: {detail}")
_say("case-quarantined", "case {case} is left out from now on: {file} on {mount} ({fs_type}): {detail}")
_say("case-back", "case {case}: {file} on {mount} ({fs_type}) can be read again")


# Why a file or a device cannot be used: loader/, transforms/, and the doctor's children in the training's Python
_say("file-empty", "the file is empty")
_say("nothing-in-it", "empty")
_say("not-blosc2", "not a Blosc2 file")
_say("not-numpy", "not a numpy file")
_say("not-zip", "not a zip archive, or cut short")
_say("array-version", "version {version} of the array's description is not known")
_say("no-array", "a Blosc2 file, but not of an array with axes")
_say("header-damaged", "the header is damaged")
_say("cut-short", "cut short: {size} of {wanted} bytes")
_say("file-changed", "changed while in use ({before} bytes before, {now} now)")
_say("shape-axes", "its shape is {shape}; {axes} axes were expected")
_say("shape-image", "its shape is {shape}, that of the image {image}")
_say("labels-undeclared", "labels {least} to {greatest}, more than the data set declares")
_say("blosc2-cannot-open", "libblosc2 cannot open it (code {number})")
_say("blosc2-cannot-map", "libblosc2 cannot open it through a memory map")
_say("blosc2-cannot-read", "libblosc2 cannot decompress it (code {number})")
_say("map-version", "c-blosc2 {version}: memory maps were compared with {compared}")
_say("voxels-differ", "voxels {start} to {stop} of {file} differ from python-blosc2's")
_say("could-be-read", "could be read after all")
_say("read-hangs", "the read does not come back")
_say("read-cost", "the training loop waits while a box is decompressed (8-200 ms), and more threads read no faster")
_say("read-kind", "{kind}: {reason}")
_say("no-libblosc2", "python-blosc2's wheel has no libblosc2 that we know: {cost}")
_say("libblosc2-unused", "libblosc2 is not used ({reasons}): {cost}")
_say("no-memory-map", "no memory map over the network ({reason}): each box takes about a thousand round trips")
_say(
    "cases-packed",
    "whole cases are decompressed for each sample ({size:bytes} here); unpack them to .npy, as nnU-Net does",
)
_say("no-case-tried", "no case could be tried, reads do not come back: python-blosc2 is used; {cost}")
_say("no-case-read", "no case can be read")
_say("unknown-ending", "preprocessed data ending in {ending} is not known")
_say("no-blosc2", "blosc2 is not installed in the training's Python")
_say("no-cuda-device", "no CUDA device is visible")
_say("image-differs", "a resampled image differs from the CPU's")
_say("segmentation-differs", "a resampled segmentation differs from the CPU's")
_say("kernels-off", "{name}={value}")
_say("kernels-missing", "they cannot be compiled: {reason}")
_say("kernels-unknown", "{name}={value}: this processor has {known}")
_say("transforms-untested", "{package} {installed} is installed; Holter's transforms were compared with {tested}")


def worded(remark: object) -> Text:
    """Return the sentence for a remark or a list of remarks; a remark without a sentence is quoted."""
    if isinstance(remark, CodedText):
        remark = remark.as_remark()
    try:
        if isinstance(remark, list):
            return joined(*map(worded, remark))
        return _sentence(remark) or (remark if isinstance(remark, str) else json.dumps(remark, default=str))
    except RecursionError:  # not written by the hook
        return ""


def said_by(error: BaseException) -> Text:
    """Return what an error says: the sentence of a HolterError; of any other error its type and its words."""
    if not isinstance(error, HolterError):
        return f"{type(error).__name__}: {error}"
    return worded(error.what) if isinstance(error.what, CodedText) else error.what


def _sentence(remark: object) -> Message | None:
    if not isinstance(remark, Mapping) or not isinstance(remark.get("code"), str) or remark["code"] not in REMARKS:
        return None
    sentence = REMARKS[remark["code"]]
    values: dict[str, Value] = {}
    for _, name, spec, _ in string.Formatter().parse(sentence.english):
        if name is None:
            continue
        value = _value(remark.get(name))
        if value is None or (spec and not isinstance(value, (int, float))):
            return None  # of another version, or damaged
        values[name] = value
    return sentence(**values)


def problems(files: Iterable[tuple[Path, Any]]) -> tuple[tuple[Path, Text], ...]:
    """Return each file with its problem as a sentence."""
    return tuple((file, worded(problem)) for file, problem in files)


def _value(value: object) -> Value | None:
    if isinstance(value, list):
        return tuple(single for single in map(_single, value) if single is not None)
    return _single(value)


def _single(value: object) -> Single | None:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping) and value.get("role") in get_args(Role):
        index, pid = value.get("index"), value.get("pid")
        return Subject(
            role=cast("Role", value["role"]),
            index=index if isinstance(index, int) else None,
            pid=pid if isinstance(pid, int) else None,
        )
    return worded(value)


def not_saved(message: Message | None) -> Message | None:
    """Return the part of a message that names the checkpoint that was not written, and why; None if there is none."""
    keys = {sentence.key for sentence in NOT_SAVED}
    return next((part for part in parts(message) if isinstance(part, Message) and part.key in keys), None)
