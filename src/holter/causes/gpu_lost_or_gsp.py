"""The GPU has fallen off the bus, or its firmware does not answer.

What happens:  power, heat, a loose card, a defect or the driver's firmware (GSP) stops the GPU. The main process sits
               in the kernel and cannot even be killed; nvidia-smi hangs or says "Unknown Error"; a running step ends
               with "unspecified launch failure", a later one cannot start.
How we know:   the driver says that the GPU is lost, or has been silent for half a minute while the main process is in
               uninterruptible sleep; or the kernel log holds an Xid of hardware or firmware (79, 119, 120, 62, 46; of
               memory 48, 64, 94, 95). Xid 13, 31, 43 and 45 are errors of programs and no proof.
Looks like:    vgpu-unlicensed (the driver answers, and reports the licence); slow-storage (also uninterruptible, in a
               read); cuda-device-assert (an assertion is printed); gpu-driver-mismatch (after an update of the driver);
               a kernel that took too long: "the launch timed out and was terminated" means that the driver ended it,
               mostly on a GPU that also drives a display (nvidia-smi: Disp.A is On; Xid 8 in the kernel log). Train on
               another GPU, or without a display.
What helps:    reboot; the administrator: power cables, seat, temperature, driver version; with GSP time-outs
               NVreg_EnableGpuFirmware=0 [ADVICE]. Then continue with --c [CONSENT]. Killing the training again and
               again does not help.
Source:        returnn issues 1486, 1484; open-gpu-kernel-modules issues 446, 1111; pytorch issues 24081, 12166;
               NVIDIA's catalogue of Xid errors; MIC-DKFZ/nnUNet issue 1519; tests/tapes/gpu_lost_or_gsp (readings by
               the NVML library of the tests).
"""

from holter.causes.offers import CONTINUE, LOOK_AT_GPU, Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import AGAIN
from holter.causes.weigh import Rule, against, at_least, holding, one_of, supports
from holter.evidence import Evidence

CAUSE = "gpu-lost-or-gsp"

SENTENCES = describe(
    CAUSE,
    title="The GPU is lost",
    meaning="The GPU has fallen off the bus, or its firmware does not answer.",
    findings={
        "driver-refuses": "the driver cannot be opened ({detail})",
        "driver-silent": "the driver does not answer ({detail})",
        "gpu-memory-errors": "errors of GPU memory that ECC could not correct: {value}",
        "error-of-lost-gpu": "the exception is one for a GPU that is gone",
        "error-of-many-faults": "a lost GPU raises this exception, but so do other faults ({value})",
        "error-of-something-else": "the exception is of another kind ({value})",
    },
    remedies={
        "restart-machine": "Restart the machine; the administrator should check the GPU's power, seat and temperature.",
    },
)
ERROR_TEXTS = (
    "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to recover this GPU",
    "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
    "NVRM: Xid (PCI:0000:01:00): 119, Timeout after 6s of waiting for RPC response from GPU0 GSP!",
    "RuntimeError: CUDA error: uncorrectable ECC error encountered",
)
PRESUPPOSES = ("gpu",)

UNCLEAR = "cuda-unclear"
# Kinds of errors that a lost GPU may cause.
OF_A_GPU = (
    *("gpu-lost", UNCLEAR, "cuda-assert", "gpu-missing", "cuda-refused"),
    *("nccl-timeout", "nccl", "cudnn", "cuda-other"),
)

RULES = (
    supports("exception.kind", one_of("gpu-lost"), "error-of-lost-gpu", weight=1.5),
    Rule("gpu.trouble", one_of("lost", "hung"), "gpu-is-lost", 0.75, group="gone"),
    Rule("gpu.xid_kind", one_of("gone", "memory"), "xid-hardware", 0.75, group="gone"),
    supports("gpu.trouble", one_of("silent"), "driver-silent", weight=0.5),
    against("gpu.trouble", one_of("mismatch", "forbidden"), "driver-refuses", fatal=True),
    against("gpu.licence_stage", one_of("unlicensed-restricted", "unlicensed"), "licence-explains", weight=1.5),
    # The kernel log covers all GPUs of the machine: a stall elsewhere, or another ending, is not their fault.
    against(
        "main.waits_on", one_of("batch-queue", "export-result", "export-slot"), "main-waits-for-workers", weight=1.9
    ),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.5),
    against("exception.kind", lambda kind: kind not in OF_A_GPU, "error-of-something-else", weight=1.9),
    against("episode.kind", one_of("slow-down"), "it-is-slower", weight=1.5),
    *not_in("creep", "unsaved"),
)

# "unspecified launch failure", "the launch timed out": more often a kernel failed, or ran for too long.
MAY_BE_LOST = supports("exception.kind", one_of("gpu-lost", UNCLEAR), "error-of-lost-gpu", weight=0.5)
OF_MANY_FAULTS = MAY_BE_LOST._replace(text="error-of-many-faults")
# Errors that ECC could not correct may have hit another program, and broken memory need not end this one.
MEMORY_ERRORS = supports("gpu.memory_errors", at_least(1), "gpu-memory-errors", weight=0.75)

LOOK_AT_XIDS = Offer("look-at-kernel-log", "SAFE", "dmesg -T | grep -iE 'xid|nvrm'")
OFFERS = (LOOK_AT_XIDS, LOOK_AT_GPU, Offer("restart-machine", "ADVICE"), CONTINUE)
LADDER = (AGAIN,)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    error = OF_MANY_FAULTS if evidence.fact("exception.kind").value == UNCLEAR else MAY_BE_LOST
    return (*RULES, error, *holding(evidence, MEMORY_ERRORS))
