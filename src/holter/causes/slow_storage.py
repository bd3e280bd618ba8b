"""The storage that holds the data or the results answers too slowly, or not at all.

What happens:  workers wait for bytes: NFS, SMB, Lustre, a hard disk, an overloaded or dying server. The ready queue
               runs empty; CPU and GPU are idle. Epoch times are large and scatter widely. Below the
               results a dead mount holds the main process itself: in state D it cannot even be killed.
How we know:   workers sit in a read, in state D or in a wait channel of the file system, with a file behind them; our
               own small read of the same folder is slow or does not come back; I/O pressure is high.
Looks like:    cpu-starved-augmentation (workers compute); frozen-worker (state T); page-cache-cold (ends by itself);
               swap-thrash and cgroup-page-cache-pressure (memory is short: pages come from swap, or the job's limit
               leaves no room for cache).
What helps:    copy nnUNet_preprocessed to a local SSD ($SLURM_TMPDIR) [SAFE]; fewer workers on a hard disk [CONSENT];
               ask the administrator about the mount named here [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 239, 308, 680, 640; nnDetection issue 67; tests/tapes/slow_storage.
"""

from __future__ import annotations

from holter.causes.weigh import Rule, against, at_least, at_most, is_false, is_true, one_of, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "slow-storage"

RULES = (
    Rule("workers.blocked", is_true, "worker-blocked", 2.0, group="blocked"),
    Rule("main.waits_on", one_of("file-read", "checkpoint"), "main-reads", 1.0, group="blocked"),
    Rule("main.state", one_of("D"), "main-in-kernel", 1.0, group="blocked"),
    Rule("storage.pending_s", at_least(2.0), "read-does-not-return", 1.5, group="storage"),
    Rule("storage.latency_s", at_least(0.5), "read-is-slow", 1.5, group="storage"),
    Rule("storage.times_usual", at_least(20.0), "read-slower-than-before", 0.5, group="storage"),
    Rule("pressure.io", at_least(0.25), "io-pressure", 0.5, group="storage"),
    supports("main.waits_on", one_of("batch-queue"), "main-waits-for-workers", weight=0.5),
    supports("storage.kernel_errors", is_true, "storage-errors", weight=0.5),
    supports("epochs.shape", one_of("heavy-tail"), "epochs-have-this-shape", weight=0.5),
    against("system.virtual_machine", one_of("wsl"), "is-wsl", weight=0.5),
    against("storage.windows_drive", is_true, "data-on-windows-drive", weight=1.0),
    against("wait.ratio", at_most(0.2), "hardly-waits-for-batches", weight=2.0),
    against("swap.in_bytes_per_s", at_least(4e6), "swaps-in", weight=1.5),
    against("memory.refaults_per_s", at_least(1000.0), "pages-read-again", weight=1.5),
    against("pressure.memory", at_least(0.1), "memory-pressure"),
    against("workers.stopped", is_true, "worker-stopped", weight=2.0),
    against("workers.blocked", is_false, "no-worker-blocked", weight=2.0),
    against("episode.kind", one_of("death"), "something-ended", fatal=True),
    against("episode.kind", one_of("creep"), "it-creeps", fatal=True),
    against("episode.kind", one_of("unsaved"), "only-saving-fails", fatal=True),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
