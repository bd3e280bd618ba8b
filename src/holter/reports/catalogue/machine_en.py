"""English sentences about the machine around the training: causes, findings, facts and remedies of that group."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Facts
    "fact.host.others_cpu_ratio": "CPU use of others on the machine",
    "fact.host.others_usual_ratio": "usual CPU use of others on the machine",
    "fact.host.others": "who else uses CPU",
    "fact.trainings.others": "other nnU-Net trainings on this machine",
    "fact.unpack.raced": "whether another training on the same data was started at the same time",
    "fact.unpack.rewritten": "unpacked files that could not be read when they were checked",
    "fact.cpu.queue_ratio": "time in which the run wanted a CPU and got none",
    "fact.workers.threads": "threads of a data worker",
    "fact.workers.running_threads": "threads of a data worker that run at the same time",
    "fact.workers.switches_per_s": "how often a data worker loses its CPU",
    "fact.workers.per_cpu_seen": "data workers for each CPU that they were seen on",
    "fact.affinity.narrowed": "whether the workers may use fewer CPUs than the training at first",
    "fact.workers.reborn_ratio": "share of the epochs in which data workers were started",
    "fact.epochs.edge_ratio": "share of an epoch before its first step",
    "fact.plan.median_voxels": "voxels of the median case",
    "fact.reading.share": "share of the working data workers that read",
    "fact.cache.reads_late_ratio": "reading from storage now against that at first",
    "fact.storage.windows_drive": "whether the data are on a Windows drive",
    "fact.exception.pinned_memory": "whether the exception is that of page-locked memory",
    "fact.finish.done": "whether training and validation are complete",
    "fact.finish.age_s": "time since everything was complete",
    "fact.main.extra_step": "optional step that the main thread is in",
    "fact.output.hidden": "whether the console is silent while the log goes on",
    "fact.output.buffered": "whether Python holds back what it prints",
    "fact.hardware.kernel_errors": "hardware errors in the kernel log",
    "fact.hardware.crash_signals": "signals of crashes",
    "fact.batch.times_usual": "batch size against that of the other run",
    "fact.batch.sample_times_usual": "time for one sample against that of the other run",
}
