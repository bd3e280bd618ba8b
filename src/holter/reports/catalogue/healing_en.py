"""English sentences about what is done to a run, what time it lost, and how it goes on after a heal."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Live lines: action.<id>.<state>; an action without a line for its state is not spoken
    "action.replace-workers.begun": "replacing the data workers",
    "action.replace-workers.done": "data workers replaced, the epoch goes on",
    "action.replace-workers.failed": "replacing the data workers did not help",
    "action.replace-workers.proposed": "with --heal Holter would now replace the data workers, within the epoch",
    "action.save-checkpoint.failed": "a checkpoint could not be saved; the training goes on",
    "action.set-aside-checkpoint.done": "a checkpoint that cannot be used was set aside",
    "action.set-aside-checkpoint.failed": "a checkpoint that cannot be used could not be set aside",
    "action.export-again.begun": "exporting a prediction again",
    "action.export-again.done": "the prediction was exported after all",
    "action.export-again.failed": "a prediction could not be exported",
    "action.restart.begun": "restarting the training",
    "action.restart.done": "the training goes on after its restart",
    "action.restart.failed": "the training could not be restarted",
    "action.restart.proposed": "with --heal Holter would now restart the training from its last good checkpoint",
    "action.end-group.failed": "not all processes of the training can be ended",
    "action.wait.begun": "waiting: nothing on this machine can heal it",
    "action.wait.proposed": "nothing on this machine can heal it",
    "action.wait.done": "the wait is over, the training goes on",
    "action.wait.failed": "the wait was in vain",
    "action.leave-alone.begun": (
        "the training is left as it stands, its network still in memory; look at it before you end it"
    ),
    "action.stop.begun": "giving up",
    "action.stop.done": "the training is not started again; schedulers must not requeue it (exit code 76)",
    "action.stop.failed": "the training could not be stopped",
    "action.stop.proposed": "Holter would not start this training again, --heal or not",
    "action.stop-asked.begun": "saving a checkpoint and stopping, as asked",
    "action.stop-asked.done": "stopped as asked; --c goes on from here",
    "action.stop-asked.failed": "could not save a checkpoint and stop, as asked",
    "action.with-text": "{told}: {text}",
    "action.with-settings": "{told}, with {settings}",
    "action.with-why": "{told}. Why: {why}",
    "action.ask": "ask the administrator, word for word:",
    "action.quote": "“{words}”",
    # Why a ladder ends
    "reason.budget-of-the-hour": "{hour} heals within an hour are enough; a person must look",
    "reason.budget-of-the-run": "{run} heals in one run are enough; a person must look",
    "reason.no-progress": "after the last {row} heals not one epoch was finished",
    "reason.every-rung-was-tried": "everything that may help against this was tried",
    "reason.it-would-happen-again": "it would only happen again; a person must act first",
    "reason.no-rung": "Holter knows nothing to do about it",
    "reason.no-usable-checkpoint": "no usable checkpoint is left; --restart-from-scratch begins again at epoch 0",
    "reason.asked-to-stop": "somebody or a scheduler asked for it",
    # What to ask the administrator for
    "ask.vgpu-unlicensed": (
        "The NVIDIA vGPU of this virtual machine has no licence: `nvidia-smi -q` does not show “License Status: "
        "Licensed”, and after some minutes the driver slows the GPU down to almost nothing. Please put a valid "
        "client configuration token into /etc/nvidia/ClientConfigToken, check that nvidia-gridd runs (systemctl "
        "status nvidia-gridd), that the licence server can be reached from here and that the clock is right."
    ),
    "ask.slow-storage": (
        "Small reads on the mount that holds our preprocessed data take many times as long as before, and processes "
        "hang in state D. Please check the load and the health of the file server and the network to it, and "
        "whether other machines see the same on this mount."
    ),
    # Names of actions and states in tables
    "deed.replace-workers": "Replace data workers",
    "deed.save-checkpoint": "Save a checkpoint",
    "deed.set-aside-checkpoint": "Set a checkpoint aside",
    "deed.export-again": "Export again",
    "deed.restart": "Restart",
    "deed.end-group": "End the processes",
    "deed.wait": "Wait",
    "deed.leave-alone": "Leave alone",
    "deed.stop": "Give up",
    "deed.stop-asked": "Save and stop",
    "deed-state.proposed": "proposed",
    "deed-state.begun": "under way",
    "deed-state.done": "done",
    "deed-state.failed": "failed",
    "deed.after": "{state} after {duration}",
    "deed.times": "{state}, {times} times",
    "deed.line": "{action}: {state}",
    "deed.checkpoints": "Checkpoints saved and verified: {count}",
    "deed.more": "and {count} more",
    "deed.generation": "process {number}",
    "deed.none-proposed": "Nothing was done to the run; --heal does what is proposed here.",
    "html.healed": "Healed, and the training went on: {count} times. Goodput {goodput} %.",
    "stock.ends": "stock nnU-Net ends here",
    "stock.stands-still": "stock nnU-Net stands still here until somebody looks",
    # Goodput
    "heading.deeds": "What was done",
    "heading.goodput": "Where the time went",
    "heading.recovery": "After healing",
    "goodput.ratio": "Goodput {percent} %: {work} of {wall} were training and validation that counted.",
    "goodput.lost": "Lost {lost} ({percent} %): {parts}.",
    "goodput.nothing-lost": "Nothing was lost.",
    "goodput.rest": "Not lost, but no training: {parts}.",
    "goodput.part": "{name} {duration}",
    "goodput.part-with-cause": "{name} {duration} ({cause})",
    "goodput.training": "training",
    "goodput.validation": "validation",
    "goodput.startup": "start-up",
    "goodput.checkpoint": "end of epochs",
    "goodput.other": "the rest",
    "goodput.standstill": "standing still",
    "goodput.restart": "restarting",
    "goodput.repeated": "epochs trained twice",
    "goodput.slow": "slowed down",
    # Recovery
    "recovery.on-trend": "on trend",
    "recovery.jump": "jump",
    "recovery.too-early": "too early to say",
    "recovery.on-trend.sentence": (
        "loss and pseudo Dice are on the trend from before (epochs compared: {after}, trend of {before})"
    ),
    "recovery.jump.sentence": "{jumps}: off the trend from before; look at the results before you trust them",
    "recovery.too-early.sentence": "too early to say (epochs before: {before}, after: {after})",
    "recovery.measure": "{name} {seen}, expected {expected} ± {tolerance}",
    "recovery.train-loss": "training loss",
    "recovery.val-loss": "validation loss",
    "recovery.pseudo-dice": "pseudo Dice",
    "table.when": "when",
    "table.action": "what",
    "table.outcome": "outcome",
    "table.details": "details",
    "table.repeated": "trained again later",
    # Notifications
    "notify.title": "Holter: {name}",
    "notify.some-training": "a training",
    "notify.finished": "the training has finished",
    "notify.ended": "the training is over: {how}",
    "notify.requeue": "the training has saved and stopped, to be started again (exit code {code})",
    "notify.gave-up": "Holter gave up healing this training; a person must look (exit code {code})",
    "notify.more": "… and {count} more; holter diagnose tells everything",
}
