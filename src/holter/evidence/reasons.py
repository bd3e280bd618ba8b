"""Reasons that several files give for a fact that is unknown or not applicable."""

from holter.sentences import define

ENDING_UNKNOWN = define("why.ending.unknown", "how it ended is not known")
NO_EXCEPTION = define("why.exception.none", "no exception was reported")
NO_EXCEPTION_READ = define(
    "why.exception.not-read", "no exception in what was read; without the hook only the console shows them"
)
ONLY_AN_ECHO = define("why.exception.only-an-echo", "only a message that repeats another error is stated")
NO_FILE_NAMED = define("why.file.not-named", "no file is named")
NO_GPU = define("why.gpu.none", "no GPU")
NO_HEARTBEAT_NO_LOG = define("why.heartbeat-and-log.none", "neither heartbeat nor log")
NO_HEARTBEAT = define("why.heartbeat.none", "no heartbeat")
KERNEL_LOG_UNREADABLE = define("why.kernel-log.unreadable", "the kernel log cannot be read")
KERNEL_SILENT = define("why.kernel.not-reported", "this kernel does not report it")
NOT_RECORDED = define("why.not-recorded", "not recorded")
NO_PLANS = define("why.plans.none", "no plans file was found")
NO_PROCESS_TREE = define("why.process-tree.not-recorded", "the process tree was not recorded")
NOT_STATED = define("why.stated.missing", "not stated")
STATED_SO = define("why.stated.not-applicable", "stated as not applicable")
NO_WORKERS = define("why.workers.none", "no data workers")
