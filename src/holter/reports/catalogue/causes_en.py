"""English titles and sentences of causes.

``title`` is a heading, ``meaning`` one whole sentence for anybody, and ``headline`` (where there is one) the
same sentence about the very process or file: ``{subject}``.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "cause.frozen-worker.title": "Frozen data worker",
    "cause.frozen-worker.meaning": "A data worker is stopped, and the whole training waits for it.",
    "cause.frozen-worker.headline": "{subject} is stopped.",
    "cause.worker-killed.title": "Data worker ended by a signal",
    "cause.worker-killed.meaning": "A data worker was ended by a signal; it left no error message.",
    "cause.worker-killed.meaning.worker-crashed": "A data worker crashed in native code, without a Python error.",
    "cause.worker-killed.headline": "{subject} was killed.",
    "cause.worker-killed.headline.worker-crashed": "{subject} crashed in native code.",
    "cause.worker-exception.title": "Error in a data worker",
    "cause.worker-exception.meaning": "A data worker ended with a Python error.",
    "cause.worker-exception.headline": "{subject} ended with a Python error.",
    "cause.cpu-starved-augmentation.title": "Augmentation starves the GPU",
    "cause.cpu-starved-augmentation.meaning": ("The CPU cannot prepare batches as fast as the training takes them."),
    "cause.few-cores-allocated.title": "Too few CPU cores",
    "cause.few-cores-allocated.meaning": ("The training may use far fewer CPU cores than it starts workers for."),
    "cause.cgroup-cpu-quota.title": "CPU quota holds the training back",
    "cause.cgroup-cpu-quota.meaning": "A CPU quota of the container or job holds the training back.",
    "cause.slow-storage.title": "Slow storage",
    "cause.slow-storage.meaning": "A disk or network share is too slow, or does not answer: the training waits for it.",
    "cause.gpu-side-stall.title": "The GPU does not come forward",
    "cause.gpu-side-stall.meaning": "Batches are ready; the training waits for the GPU.",
    "cause.vgpu-unlicensed.title": "Virtual GPU without a licence",
    "cause.vgpu-unlicensed.meaning": (
        "The virtual GPU has no licence, and its driver slows it down to almost nothing."
    ),
    "cause.export-lost-result-hang.title": "Export waits for a lost result",
    "cause.export-lost-result-hang.meaning": (
        "An export process died, and the training waits for its result for ever."
    ),
    "cause.truncated-preprocessed-file.title": "Torn preprocessed file",
    "cause.truncated-preprocessed-file.meaning": ("A preprocessed file is cut short, and its reader fails."),
    "cause.truncated-preprocessed-file.headline": "{subject} met a preprocessed file that is torn.",
    "cause.not-stuck.title": "Not stuck",
    "cause.not-stuck.meaning": "The training works; only its output is silent.",
    "cause.external-kill.title": "Ended from outside",
    "cause.external-kill.meaning": "Somebody or something ended the training with a signal.",
    "cause.main-exception.title": "Error in the training itself",
    "cause.main-exception.meaning": "The training's own process ended with a Python error.",
    "cause.main-exception.meaning.checkpoint-broken": "A checkpoint is damaged and cannot be read.",
    "cause.main-exception.meaning.checkpoint-refused": "PyTorch refuses the checkpoint: nnunetv2 is older than it.",
    "cause.main-exception.meaning.pinned-memory": "A batch could not be page-locked in main memory.",
    "cause.main-exception.meaning.gpu-number": "The training asked for a GPU number that is not there.",
    "cause.main-exception.meaning.no-paths": "The folders of nnU-Net are not set.",
    "cause.disk-full-or-quota.title": "Nothing can be written",
    "cause.disk-full-or-quota.meaning": "The disk is full, a quota is used up, or the results are read-only.",
    "cause.shm-too-small.title": "Shared memory is too small",
    "cause.shm-too-small.meaning": "Shared memory (/dev/shm) has no room for the batches of the data workers.",
    "cause.gpu-thermal-or-power.title": "GPU slowed down by heat or power",
    "cause.gpu-thermal-or-power.meaning": "The GPU lowers its clock because it is too hot or gets too little power.",
    "cause.gpu-shared-or-zombie.title": "GPU shared with others",
    "cause.gpu-shared-or-zombie.meaning": (
        "Somebody else uses the GPU, or its memory is held by a process that is gone."
    ),
}
