"""Why a fact is unknown or does not apply: the reasons that several files give."""

from __future__ import annotations

from holter.sentences import define

ENDING_UNKNOWN = define("why.ending.unknown", "how it ended is not known")
NO_EXCEPTION_READ = define(
    "why.exception.not-read", "no exception in what was read; without the hook only the console shows them"
)
NO_FILE_NAMED = define("why.file.not-named", "no file is named")
NO_GPU = define("why.gpu.none", "no GPU")
NO_HEARTBEAT = define("why.heartbeat.none", "no heartbeat")
NO_HEARTBEAT_NO_LOG = define("why.heartbeat-and-log.none", "neither heartbeat nor log")
NOT_RECORDED = define("why.not-recorded", "not recorded")
NO_PROCESS_TREE = define("why.process-tree.not-recorded", "the process tree was not recorded")
NO_WORKERS = define("why.workers.none", "no data workers")
