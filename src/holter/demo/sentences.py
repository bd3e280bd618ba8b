"""English messages of the demo."""

from holter.sentences import define_all

define_all(
    {
        "demo.what": "demo {fault}: {summary}",
        "demo.fault.freeze-then-kill": "one data worker is frozen (SIGSTOP)",
        "demo.relieved.freeze-then-kill": "the frozen worker was replaced; the epoch goes on",
        "demo.relieved.not-replaced": "the frozen worker was not replaced in time; the demo let it run on",
        "demo.partly-healed": "the training was completed, but Holter did not heal both faults here",
        "demo.healed": "healed: the training was completed although it was frozen once and killed once",
        "demo.not-healed": "NOT HEALED: the training was not completed",
        "demo.fault.freeze-worker": "one data worker is frozen (SIGSTOP)",
        "demo.fault.kill-worker": "one data worker is killed (SIGKILL)",
        "demo.fault.kill-main": "the training itself is killed (SIGKILL)",
        "demo.fault.slow-disk": "every read of the image data takes seconds",
        "demo.fault.cpu-quota": "the CPU quota of the run is cut to a quarter of a core",
        "demo.fault.vgpu-licence": "the licence grace of a vGPU runs out (GPU readings and slow steps are SIMULATED)",
        "demo.fault.truncated-file": "one preprocessed image is cut short",
        "demo.fault.worker-exception": "a data worker meets a case that makes it raise an exception",
        "demo.fault.export-worker-killed": "a process that writes validation results is killed (SIGKILL)",
        "demo.relieved.truncated-file": "nothing to repair: the file stays short and the training has ended",
        "demo.relieved.worker-exception": "nothing to repair: stock nnU-Net ends with the worker's exception",
        "demo.relieved.export-worker-killed": "nothing to repair: the lost result does not come back",
        "demo.fault.none": "nothing goes wrong",
        "demo.prepared": (
            "{cases} cases derived from the MNI152 template, preprocessed by nnU-Net in {took:duration}: {folder}"
        ),
        "demo.stage.images": "making images",
        "demo.stage.fingerprint": "nnU-Net: fingerprint",
        "demo.stage.planning": "nnU-Net: planning",
        "demo.stage.preprocessing": "nnU-Net: preprocessing",
        "demo.training": "stock nnU-Net training starts on the CPU, under holter run; its output: {log}",
        "demo.epoch": "epoch {epoch}",
        "demo.step": "{phase}, step {step}, {each:seconds} a step",
        "demo.inject": "FAULT: {what}",
        "demo.relieved.freeze-worker": "the worker is resumed (SIGCONT)",
        "demo.relieved.kill-worker": "nothing to repair: stock nnU-Net ends when a worker dies",
        "demo.relieved.kill-main": "nothing to repair: the training is gone",
        "demo.relieved.slow-disk": "the storage answers again",
        "demo.relieved.cpu-quota": "the quota is lifted",
        "demo.relieved.vgpu-licence": "the licence is back (simulated)",
        "demo.none-found": "no alarm: nothing was wrong",
        "demo.alarm-anyway": (
            "the demo broke nothing, but there was an alarm: something else on this machine, or a false alarm"
        ),
        "demo.ended-early": "the training was ended before the demo was over; until then there was no alarm",
        "demo.ended-early-alarm": "the training was ended before the demo was over",
        "demo.found": "found: {cause}. Alarm {alarm:duration} after the fault, cause {named:duration} after it",
        "demo.found-alarm": "found: {cause}. Alarm {alarm:duration} after the fault",
        "demo.found-only": "found: {cause}",
        "demo.missed": "MISSED: the true cause is {cause}, but {named} was named",
        "demo.exit": "the training ended with exit code {code}",
        "demo.next": "look closer: holter diagnose {tape}; holter explain {cause}",
    }
)
