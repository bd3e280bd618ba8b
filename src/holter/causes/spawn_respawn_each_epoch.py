"""The data workers are started again in every epoch.

What happens:  if a data loader is made again for each epoch (Lightning, MONAI or PyTorch without persistent_workers,
               custom trainers), its workers end with the epoch. If workers are spawned (Windows, macOS), each new one
               imports everything again: this can take ten seconds before an epoch of four seconds.
How we know:   new data workers start in at least eight of ten epochs after the first, and a tenth of the epoch or more
               passes before its first step.
Looks like:    stock nnU-Net keeps its workers for the whole training; workers that Holter replaced do not count; a
               validation or checkpoint at the end of each epoch (no worker starts).
What helps:    persistent_workers=True in the DataLoader [CONSENT]; make the loader once, not in each epoch [ADVICE];
               longer epochs [CONSENT].
Source:        Lightning issues 10389, 18862; pytorch issue 22133.
"""

from holter.causes.offers import Offer
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, at_most, is_true, only, symptom

CAUSE = "spawn-respawn-each-epoch"

SENTENCES = describe(
    CAUSE,
    title="Workers started in every epoch",
    meaning="The data workers are started again in every epoch.",
    findings={
        "epochs-begin-late": "{percent} % of an epoch pass before its first step",
        "workers-born-again": "data workers were started in {percent} % of the epochs ({detail})",
        "workers-stay": "the data workers stay from epoch to epoch",
    },
    remedies={
        "persistent-workers": "Keep the workers: persistent_workers=True, and one loader for the whole training.",
    },
)

RULES = (
    Rule("workers.reborn_ratio", at_least(0.8), "workers-born-again", 3.0, group="born"),
    Rule("epochs.edge_ratio", at_least(0.1), "epochs-begin-late", 1.0, group="cost"),
    against("workers.reborn_ratio", at_most(0.2), "workers-stay", fatal=True),
    against("workers.stopped", is_true, "worker-stopped", fatal=True),
    only("slow-down", "stall"),
    symptom("epoch-per-epoch-start"),
)

OFFERS = (Offer("persistent-workers", "CONSENT"),)
