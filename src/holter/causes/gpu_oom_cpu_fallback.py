"""A prediction did not fit into GPU memory and continues on the CPU.

What happens:  in the final validation the result of a large case (all classes in half precision) does not fit beside
               the network. nnU-Net says so once, moves its result arrays into main memory and predicts that case
               again. This is slow, with an idle GPU in between, and needs so much RAM that it may be killed later.
How we know:   nnU-Net's own sentence "Prediction on device was unsuccessful, probably due to a lack of memory", while
               the final validation is going on; the GPU's memory is full.
Looks like:    export-lost-result-hang (nothing is predicted any more); the end of the job for lack of RAM
               (external-kill, worker-killed: this may be the reason behind it).
What helps:    wait, the result is right; a GPU with more memory [ADVICE]; for nnUNetv2_predict --not_on_device, which
               avoids the failed first try [SAFE]. A smaller batch size changes the training, but not this.
Source:        MIC-DKFZ/nnUNet issues 2912, 2151, 2659, 2607.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, needs, one_of, supports, symptom

CAUSE = "gpu-oom-cpu-fallback"

SENTENCES = describe(
    CAUSE,
    title="Prediction fell back to the CPU",
    meaning="A prediction did not fit into GPU memory and continues on the CPU.",
    findings={
        "prediction-on-cpu": "nnU-Net reported that a prediction did not fit into GPU memory, and moved it to the CPU",
        "prediction-on-gpu": "no prediction was moved to the CPU",
    },
    remedies={
        "wait-for-prediction": "Wait: the prediction is right, only slow. More GPU memory would avoid it.",
    },
)
ERROR_TEXTS = ("Prediction on device was unsuccessful, probably due to a lack of memory. Moving results arrays to CPU",)
PRESUPPOSES = ("gpu", "export", "nnunet")

RULES = (
    needs("predict.on_cpu", is_true, "prediction-on-cpu", otherwise="prediction-on-gpu", weight=2.0),
    Rule("phase", one_of("final-validation"), "in-final-validation", 1.0, group="phase"),
    supports("gpu.utilization_ratio", at_most(0.1), "gpu-idle", weight=0.5),
    supports("gpu.memory_ratio", at_least(0.9), "gpu-memory-full", weight=0.5),
    against("main.waits_on", one_of("export-result"), "main-waits-for-export", weight=1.5),
    against("main.exit_signal", at_least(1), "main-ended-by-signal", weight=1.5),
    against("worker.exit_signal", at_least(1), "worker-ended-by-signal", weight=1.5),
    *not_in("creep", "unsaved"),
    symptom("validation-on-cpu", weight=1),
)

OFFERS = (Offer("wait-for-prediction", "SAFE"),)
