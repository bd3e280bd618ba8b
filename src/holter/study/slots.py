"""The slots in which trainings may run, on GPUs or the CPU, and the variables for a training in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holter.errors import BadInput
from holter.probes.gpu.gpu import read_gpus
from holter.records import Message
from holter.records.samples import GpuSample
from holter.sentences import NOTHING_STARTED, define
from holter.sizes import GIB
from holter.study.queue import Slot
from holter.trainer.settings import RAM_GB, RAM_MOST_BYTES, RAM_SHARE

# A driver that answers at all answers within this time.
GPU_S = 12.0
UUIDS = ("GPU-", "MIG-")
# nnU-Net's own number of data workers; more are of no use to it.
MOST_WORKERS = 12
WORKERS, THREADS, SLOT = "nnUNet_n_proc_DA", "OMP_NUM_THREADS", "HOLTER_STUDY_SLOT"
# Of the free memory, what the loaders of all trainings together may keep cases in: as in ``holter.loader``, the page
# cache needs the other half. Each asks when it starts, before the others have filled theirs.
LOADERS_SHARE = 0.5

NO_GPU_SEEN = define("error.study-no-gpu", "No GPU is seen on this machine.")
NO_SUCH_GPU = define("error.study-no-such-gpu", "There is no GPU {index}; this machine has {gpus}.")
CHOOSE = define(
    "error.study-choose-gpus",
    "CUDA_VISIBLE_DEVICES is {visible}: it is not known which GPUs of this machine that means.",
)
NO_INDEX = define("error.study-no-index", "{word} is not a GPU index, and not a UUID of a GPU or a MIG slice.")
NO_SUCH_UUID = define("error.study-no-such-uuid", "There is no GPU or MIG slice {index}; this machine has {gpus}.")
LIST_SLICES = define("next.list-slices", "List the slices: {command}")
NO_SLICE = define("error.study-no-slice", "GPU {index} is in MIG mode, and has no slice that this process may use.")
GPUS_OR_SLOTS = define("error.study-gpus-or-slots", "--gpus and --slots exclude each other: --slots trains on the CPU.")
CROWDED = define(
    "study.crowded",
    "{name}={workers} is set: {slots} trainings side by side have {total} data workers on {cpus:cpus}; "
    "without it Holter divides the CPUs",
)
USE_SLOTS = define("next.study-slots", "--slots 2 trains two at a time on the CPU")


def slots_of(gpus: Sequence[str], cpu_slots: int | None, environ: Mapping[str, str]) -> tuple[Slot, ...]:
    """Return the slots: ``cpu_slots`` on the CPU, else one a GPU, or one a slice of a GPU in MIG mode.

    ``gpus``: indices or UUIDs; empty for all that this process may use.

    Raises:  BadInput.
    """
    if cpu_slots is not None:
        if gpus:
            raise BadInput(GPUS_OR_SLOTS(), safe=NOTHING_STARTED(), next_step="holter study run 4 --slots 2")
        return tuple(Slot(f"cpu-{number}") for number in range(cpu_slots))
    wanted = [word for words in gpus for word in words.split(",") if word]
    for word in wanted:
        if not ((word.isascii() and word.isdecimal()) or word.startswith(UUIDS)):
            raise BadInput(NO_INDEX(word=repr(word)), safe=NOTHING_STARTED(), next_step="--gpus 0 1")
    there = _gpus(environ)
    if not there:
        raise BadInput(NO_GPU_SEEN(), safe=NOTHING_STARTED(), next_step=USE_SLOTS())
    found: dict[str | None, Slot] = {}
    for word in wanted or _visible(there, environ):
        named = [slot for gpu in there for slot in _slots(gpu) if _is_named(slot, gpu, word)]
        if not named:
            raise _unknown(word, there)
        found.update((slot.device, slot) for slot in named)
    return tuple(found.values())


def _slots(gpu: GpuSample) -> list[Slot]:
    # A program sees one slice at most, as its whole GPU.
    if not gpu.mig:
        return [Slot(f"gpu-{gpu.index}", gpu.index, uuid=gpu.uuid)]
    uuids = [part.uuid for part in gpu.slices or () if part.uuid is not None]
    return [Slot(f"gpu-{gpu.index}-mig-{number}", gpu.index, uuid) for number, uuid in enumerate(uuids)]


def _is_named(slot: Slot, gpu: GpuSample, word: str) -> bool:
    # As CUDA reads it: an index, or the beginning of a UUID.
    if word.isdecimal():
        return gpu.index == int(word)
    uuid = gpu.uuid if slot.mig is None or word.startswith("GPU-") else slot.mig
    return uuid is not None and uuid.startswith(word)


def _unknown(word: str, there: Sequence[GpuSample]) -> BadInput:
    known = tuple(slot.device or "" for gpu in there for slot in _slots(gpu))
    if word.isdecimal() and any(gpu.index == int(word) for gpu in there):
        slices = LIST_SLICES(command="nvidia-smi mig -lgi")
        return BadInput(NO_SLICE(index=word), safe=NOTHING_STARTED(), next_step=slices)
    what = NO_SUCH_GPU if word.isdecimal() else NO_SUCH_UUID
    return BadInput(what(index=word, gpus=known), safe=NOTHING_STARTED(), next_step=f"--gpus {' '.join(known)}")


def variables_of(
    slot: Slot, slots: int, cpus: float, environ: Mapping[str, str], free_bytes: int | None = None
) -> dict[str, str]:
    """Return the variables of a training in this slot: its GPU; its share of CPUs and memory unless set.

    ``free_bytes``: free memory of the machine, for all slots; None: unknown.
    """
    share = max(1, int(cpus // max(1, slots)))
    variables = {**environ, SLOT: slot.name}
    variables.setdefault(WORKERS, str(min(MOST_WORKERS, share)))
    if free_bytes is not None and slots * RAM_SHARE > LOADERS_SHARE:
        most_bytes = min(RAM_MOST_BYTES, free_bytes * LOADERS_SHARE / slots)
        variables.setdefault(RAM_GB, f"{most_bytes / GIB:.2f}")
    if slot.device is None:
        # Without it every network takes all cores.
        variables.setdefault(THREADS, str(share))
        variables["CUDA_VISIBLE_DEVICES"] = ""
    else:
        # The order of the driver's indices; CUDA's own order is by speed.
        variables |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": slot.device}
    return variables


def crowded(slots: int, cpus: float, environ: Mapping[str, str]) -> Message | None:
    """Return a warning if the data workers of all slots together are more than ``cpus``; None if not.

    The number of workers of a slot is the one that the user has set; without one there is no warning.
    """
    workers = environ.get(WORKERS, "")
    if not (workers.isascii() and workers.isdecimal()) or slots < 2 or int(workers) * slots <= max(slots, int(cpus)):
        return None
    return CROWDED(name=WORKERS, workers=workers, slots=slots, total=int(workers) * slots, cpus=int(cpus))


def _gpus(environ: Mapping[str, str]) -> tuple[GpuSample, ...]:
    return tuple(gpu for gpu in read_gpus(environ, GPU_S) if gpu.source != "none")


def _visible(there: Sequence[GpuSample], environ: Mapping[str, str]) -> Sequence[str]:
    # Names that are not known here, or none, the user must choose.
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(gpu.index) for gpu in there if _slots(gpu)] or [str(there[0].index)]
    words = [word.strip() for word in visible.split(",")]
    slots = [(gpu, slot) for gpu in there for slot in _slots(gpu)]
    # "MIG-GPU-<UUID>/1/0" is a slice's name in drivers before 470.
    if all(word and word.isascii() and any(_is_named(slot, gpu, word) for gpu, slot in slots) for word in words):
        return words
    known = " ".join(slot.device or "" for _, slot in slots)
    raise BadInput(CHOOSE(visible=repr(visible)), safe=NOTHING_STARTED(), next_step=f"--gpus {known}")
