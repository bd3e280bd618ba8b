"""A network or FUSE mount that holds data or results answered with an error.

What happens:  a read does not become slow, it fails: stale file handle, transport endpoint not connected, input/output
               error, gcsfuse's "ReadFile: operation canceled". A worker dies at any epoch; a restart often works until
               the next time. Or a write fails: then the traceback holds frames that save, write or plot, and the mount
               is that of the results.
How we know:   the first exception is one of these errors, and the data lie on a network or FUSE file system, or the
               kernel log reports it. For the mount of the results, only the kernel log counts.
Looks like:    slow-storage (reads come back late, without an error); truncated-preprocessed-file (the file itself is
               short). The same error from a local disk is a dying disk.
What helps:    after a read copy nnUNet_preprocessed to a local disk [SAFE]; after a write let nnUNet_results point to
               another disk and take the files along [CONSENT]; continue from the last checkpoint [CONSENT]; ask the
               administrator about the mount [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 160, 1128; yolov5 issue 2183; tests/tapes/remote_fs_error.
"""

from __future__ import annotations

from holter.causes.offers import (
    ASK_STORAGE,
    CONTINUE,
    MEASURE_STORAGE,
    NAME_STORAGE,
    Offer,
    all_of,
    any_of,
    no,
    of_kind,
    storage_is_dead,
)
from holter.causes.sentences import describe
from holter.causes.weigh import Rule, against, at_least, is_true, needs, one_of, only, supports
from holter.evidence import Evidence
from holter.evidence.words import SIGBUS
from holter.linux.mounts import is_remote

CAUSE = "remote-fs-error"

SENTENCES = describe(
    CAUSE,
    title="The mount answers with an error",
    meaning="The network or FUSE mount that holds the data answered with an error.",
    variants={
        "meaning.mount-refuses-write": "A write failed: the disk or mount answered with an error.",
    },
    findings={
        "data-on-local-disk": "the data are on a local file system: {value}",
        "mount-answers-with-error": "a read ended with an error of the mount",
        "mount-refuses-write": "a write ended with an error of the mount",
    },
    remedies={
        "look-at-results-mount": "See where the results are written, and whether that disk or mount answers.",
        "results-elsewhere": "Let nnUNet_results point to another disk, and move this training's files there.",
    },
)
ERROR_TEXTS = (
    "OSError: [Errno 116] Stale file handle",
    "OSError: [Errno 107] Transport endpoint is not connected",
    "nfs: server fileserver not responding, still trying",
)

READ = Rule("exception.kind", one_of("remote-file-system"), "mount-answers-with-error", 4.0, group="error")
WRITE = Rule("exception.kind", one_of("mount-write"), "mount-refuses-write", 4.0, group="error")
# For any file system of the data: the results may be on another one.
OF_DATA = ("storage.fs_type", "exception.file")

RULES = (
    READ,
    WRITE,
    Rule("storage.fs_type", is_remote, "data-on-remote-mount", 1.0, group="remote"),
    Rule("storage.kernel_errors", is_true, "storage-errors", 1.0, group="remote"),
    supports("exception.file", is_true, "file-named", weight=0.5),
    against("storage.fs_type", lambda kind: not is_remote(kind), "data-on-local-disk"),
    only("death", "stall"),
)

WRITING = of_kind("mount-write")
OFFERS = (
    NAME_STORAGE._replace(only_if=all_of(no(WRITING), storage_is_dead)),
    MEASURE_STORAGE._replace(only_if=no(any_of(WRITING, storage_is_dead))),
    Offer("copy-to-local-disk", "SAFE", None, no(WRITING), of_nnunet=True),
    Offer("look-at-results-mount", "SAFE", ASK_STORAGE.replace("{folder}", "{results}"), WRITING),
    Offer("results-elsewhere", "CONSENT", None, WRITING, of_nnunet=True),
    CONTINUE,
)

# blosc2 maps its files: if the mount cannot deliver a page, the reader dies of SIGBUS without an exception. Only the
# kernel log can then confirm it, because a truncated file ends its reader in the same way.
BUS_ERROR = (
    needs("worker.exit_signal", one_of(7), "worker-ended-by-signal", otherwise="no-worker-ended-by-signal"),
    Rule("storage.fs_type", is_remote, "data-on-remote-mount", 1.5, group="remote"),
    Rule("storage.kernel_errors", is_true, "storage-errors", 1.0, group="errors"),
    supports("workers.case", is_true, "case-in-hand", weight=0.5),
    against("shm.trouble", is_true, "shm-explains", fatal=True),
    against("shm.used_ratio", at_least(0.9), "shm-full", weight=2.0),
    against("oom.kills", at_least(1), "oom-counted", weight=2.0),
    only("death", "stall"),
)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    kind, signal = evidence.fact("storage.fs_type").value, evidence.fact("worker.exit_signal").value
    mapped = signal == SIGBUS and isinstance(kind, str) and is_remote(kind)
    if mapped:
        return BUS_ERROR
    if WRITE.test(evidence.fact("exception.kind").value):
        return tuple(rule for rule in RULES if rule is not READ and rule.fact not in OF_DATA)
    return tuple(rule for rule in RULES if rule is not WRITE)
