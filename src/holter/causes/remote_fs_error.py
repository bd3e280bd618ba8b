"""The network or FUSE mount that holds the data answered with an error.

What happens:  a read does not become slow, it fails: stale file handle, transport endpoint not connected,
               input/output error, gcsfuse's "ReadFile: operation canceled". A worker dies at any epoch; a restart
               often works until the next time.
How we know:   the first exception is one of these errors, and the data lie on a network or FUSE file system, or the
               kernel log tells of it.
Looks like:    slow-storage (reads come back late, without an error); truncated-preprocessed-file (the file itself is
               short). The same error from a local disk is a dying disk.
What helps:    copy nnUNet_preprocessed to a local disk [SAFE]; continue from the last checkpoint [CONSENT]; ask the
               administrator about the mount [ADVICE].
Source:        MIC-DKFZ/nnUNet issues 160, 1128; yolov5 issue 2183.
"""

from __future__ import annotations

import re

from holter.causes.weigh import Rule, against, is_true, one_of, only, supports, weigh
from holter.evidence import Evidence
from holter.records import Verdict

CAUSE = "remote-fs-error"

_REMOTE = re.compile(
    r"nfs|cifs|smb|fuse|lustre|gpfs|beegfs|ceph|gluster|afs|9p|drvfs|virtiofs|orangefs|panfs|wekafs|autofs"
)


def is_remote(kind: str) -> bool:
    """Whether a file system of this kind depends on a network or on another program."""
    return _REMOTE.search(kind) is not None


RULES = (
    Rule("exception.kind", one_of("remote-file-system"), "mount-answers-with-error", 4.0, group="error"),
    Rule("storage.fs_type", is_remote, "data-on-remote-mount", 1.0, group="remote"),
    Rule("storage.kernel_errors", is_true, "storage-errors", 1.0, group="remote"),
    supports("exception.file", is_true, "file-named", weight=0.5),
    against("storage.fs_type", lambda kind: not is_remote(kind), "data-on-local-disk"),
    only("death", "stall"),
)


def diagnose(evidence: Evidence) -> Verdict:
    """Weigh the facts."""
    return weigh(CAUSE, evidence, RULES)
