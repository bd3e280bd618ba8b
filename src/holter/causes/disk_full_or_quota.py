"""Nothing can be written: the disk is full, its inodes or the quota are used up, or it is read-only.

What happens:  a checkpoint, the log or the plot of the losses cannot be written. nnU-Net then ends, and a half-written
               file stays behind. With healing on, the training goes on and the older checkpoints stay. All epochs since
               then are lost if the training ends before there is space again.
How we know:   a write failed with "No space left on device" (ENOSPC), "Disk quota exceeded" (EDQUOT) or "Read-only file
               system" (EROFS): decisive. Free bytes and inodes of that file system, and whether it is mounted
               read-only, say which; a user's quota does not show in them. torch and numpy only report that fewer bytes
               were written than requested ("unexpected pos", "requested and 0 written"): likely, until the disk is
               seen.
Looks like:    shm-too-small (the same words, of /dev/shm); truncated-preprocessed-file (what a full disk leaves
               behind); an error in the training itself (main-exception: it names no disk).
What helps:    free some space, or ask for more; the training goes on by itself, or is started again when a checkpoint
               fits [SAFE]. A file system that turned read-only had an error: the administrator must look
               [ADVICE]. Then look for files that were cut short.
Source:        MIC-DKFZ/nnUNet issues 441, 548, 1768, 2331; tests/tapes/disk_full_or_quota.
"""

from __future__ import annotations

from holter.causes.offers import CONTINUE_ENDED, Offer, Wait, ask
from holter.causes.sentences import describe
from holter.causes.shared_rules import not_in
from holter.causes.steps import Facts
from holter.causes.weigh import Rule, against, at_least, if_seen, is_true, needs, one_of, supports
from holter.evidence import Evidence

CAUSE = "disk-full-or-quota"

SENTENCES = describe(
    CAUSE,
    title="Nothing can be written",
    meaning="The disk is full, a quota is used up, or the results are read-only.",
    findings={
        "cannot-save": "the training goes on and cannot be saved",
        "less-was-written": "the error comes from a write for which there was no space",
        "no-write-failed": "no write failed for lack of space",
        "write-failed": "something could not be written ({detail})",
    },
    remedies={
        "measure-room": "See how much space and how many inodes are left.",
        "make-room": "Make room on that disk, or mount it for writing again; the older checkpoints are still there.",
    },
    ask={
        "": (
            "A disk[[ on {host}]] is full[[: {disk} has {free:bytes} left|: {disk}]]. [[Our training writes to "
            "{folder}, and its next checkpoint needs {need:bytes}|Our training writes to {folder}|Our training "
            "writes there, and its next checkpoint needs {need:bytes}|Our training writes there]]. Please make room"
            " there, or give us a folder on a disk with more room. The training can go on as soon as there is "
            "room."
        ),
        "inodes": (
            "A file system[[ on {host}]] has no inodes left (df -i): [[on {disk} ]]no new file can be made, however"
            " much space is free. [[Our training writes to {folder}. ]]Please remove or pack directories with very "
            "many small files there, or give us a folder on another file system. The training can go on as soon "
            "as files can be made."
        ),
        "quota": (
            "Our disk quota is used up: [[on {host}, ]]writing[[ to {folder} ({disk})| to {folder}| to {disk}]] "
            "ends with “Disk quota exceeded”. [[The next checkpoint of our training needs {need:bytes}. ]]Please "
            "raise the quota for space and for the number of files, or tell us where we may write instead."
        ),
        "read-only": (
            "A file system[[ on {host}]] is mounted read-only: writing[[ to {folder} ({disk})| to {folder}| to "
            "{disk}]] ends with “Read-only file system”. If that is not intended, the kernel has probably done it "
            "after an I/O error: please look at dmesg and the health of the disk or server, check the file system, "
            "and mount it for writing again. Then the training can go on."
        ),
    },
)
ERROR_TEXTS = (
    "OSError: [Errno 28] No space left on device",
    "OSError: [Errno 122] Disk quota exceeded",
    "OSError: 4194304 requested and 0 written",
    "OSError: [Errno 30] Read-only file system",
)

# If the disk was not read, an error without a reason is mostly this, but does not prove it.
UNNAMED = supports("exception.kind", one_of("no-space"), "less-was-written", weight=6.0)
RULES = (
    needs(
        "disk.error",
        one_of("full", "inodes", "quota", "read-only"),
        "write-failed",
        otherwise="no-write-failed",
        weight=3.0,
    ),
    supports("disk.full", is_true, "disk-is-full"),
    supports("disk.read_only", is_true, "disk-is-read-only"),
    supports("save.failed", at_least(1), "saves-failed", weight=0.5),
    Rule("episode.kind", one_of("unsaved"), "cannot-save", 0.5),
    against("episode.kind", one_of("stall"), "it-stands-still", weight=1.5),
    against("episode.kind", one_of("slow-down"), "it-is-slower", fatal=True),
    *not_in("creep"),
    UNNAMED,
)


def _variant(facts: Facts) -> str | None:
    error = facts.get("disk.error")
    return str(error) if error in ("inodes", "quota", "read-only") else None


OFFERS = (
    Offer("measure-room", "SAFE", "df -h {disk_folder}; df -i {disk_folder}"),
    Offer("make-room", "ADVICE", of_nnunet=True),
    ask(_variant),
    CONTINUE_ENDED,
)
WAITS = Wait("room")


# A failed write to shared memory says nothing about the disk.
SHARED_MEMORY = against("shm.no_space", is_true, "shm-explains", fatal=True)


def rules_for(evidence: Evidence) -> tuple[Rule, ...]:
    says_so = evidence.fact("exception.kind").value == "no-space" and evidence.fact("shm.trouble").status != "known"
    rules = RULES if says_so else tuple(rule for rule in RULES if rule != UNNAMED)
    seen = () if evidence.fact("disk.full").value is True else if_seen(evidence, SHARED_MEMORY)
    return (*rules, *seen)
