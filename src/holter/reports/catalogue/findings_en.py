"""English sentences of findings: ``finding.<text-id>``, filled with a finding's values.

One sentence names one thing that was seen, with its numbers, and draws no conclusion. Of a number, ``{value}`` is
the number itself, ``{percent}`` a hundred times it, ``{ms}`` a thousand times it and
``{signal}`` the name of the signal with that number; ``{detail}`` is how it was seen.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "finding.it-creeps": "this grows slowly: it is no standstill and no sudden change",
    "finding.unknown-fact": "{name} ({detail})",
    # Progress and phase
    "finding.progress-goes-on": "the training moved on by itself",
    "finding.somebody-works": "the run's processes are working ({detail})",
    "finding.nobody-works": "no process of the run is working",
    "finding.steps-got-slower": "a step takes {value} times as long as before ({detail})",
    "finding.it-is-slower": "the training is slower than before",
    "finding.something-ended": "a process ended, which is another kind of trouble",
    "finding.in-final-validation": "it happened during the final validation",
    "finding.not-in-final-validation": "it did not happen during the final validation",
    # The main process
    "finding.main-is-there": "the main process is alive",
    "finding.main-has-ended": "the main process has ended",
    "finding.main-stopped": "the main process itself is stopped",
    "finding.main-waits-for-workers": "the main thread waits for its workers ({detail})",
    "finding.main-waits-for-export": "the main thread waits for an export result ({detail})",
    "finding.main-in-native-call": "the main thread is in a native call, as when it waits for the GPU ({detail})",
    "finding.main-reads": "the main thread reads or writes a file ({detail})",
    "finding.main-ended-by-signal": "the main process was ended by signal {signal}",
    "finding.main-not-ended-by-signal": "the main process was not ended by a signal",
    "finding.signal-of-a-kill": "signal {signal} is what a person, a scheduler or the kernel sends",
    # Queues
    "finding.hand-over-waits": "the results loop waits for a worker to hand over its tensor ({detail})",
    "finding.ready-queue-empty": "no batch is ready for the main thread ({detail})",
    "finding.ready-queue-full": "batches are ready for the main thread ({detail})",
    "finding.worker-queue-full": "the workers' queue is full ({detail})",
    "finding.waits-for-batches": "{percent} % of a step is spent waiting for its batch",
    "finding.hardly-waits-for-batches": "only {percent} % of a step is spent waiting for its batch",
    # Workers
    "finding.worker-stopped": "stopped (state T): {value}",
    "finding.no-worker-stopped": "no worker is stopped",
    "finding.worker-blocked": "blocked in a read (state D): {value}",
    "finding.no-worker-blocked": "no worker is blocked in a read",
    "finding.workers-compute": "data workers at work: {value}",
    "finding.workers-idle": "data workers at work: {value}",
    "finding.case-in-hand": "case in hand: {value}",
    "finding.worker-ended-by-signal": "a worker was ended by signal {signal}",
    "finding.no-worker-ended-by-signal": "no worker was ended by a signal",
    "finding.fatal-frame": "the worker crashed in {value}",
    # Exceptions
    "finding.first-exception": "the first exception: {value}",
    "finding.exception-came-first": "an exception came before: {value}",
    "finding.exception-in-worker": "it was raised in a data worker",
    "finding.exception-not-in-worker": "it was not raised in a data worker",
    "finding.exception-in-main": "it was raised in the main process",
    "finding.exception-not-in-main": "it was not raised in the main process",
    "finding.file-is-truncated": "the error is that of a file shorter than its header says",
    "finding.no-truncated-file": "the error is not that of a file cut short",
    "finding.file-named": "file: {value}",
    # Memory
    "finding.oom-counted": "processes killed for want of memory: {value} ({detail})",
    "finding.no-oom-counted": "no process was killed for want of memory",
    "finding.shm-full": "/dev/shm is {percent} % full",
    # CPU
    "finding.cpus-busy": "{percent} % of the usable CPU time is in use ({detail})",
    "finding.cpu-pressure": "processes wait for a CPU {percent} % of the time",
    "finding.few-cpus-of-many": "the run may use {percent} % of the machine's CPUs ({detail})",
    "finding.all-cpus-allocated": "the run may use {percent} % of the machine's CPUs ({detail})",
    "finding.many-workers-per-cpu": "there are {value} data workers for each usable CPU ({detail})",
    "finding.quota-is-set": "a CPU quota allows {value} CPUs",
    "finding.no-quota": "no CPU quota is set",
    "finding.quota-throttles": "the quota held the run back in {percent} % of its periods ({detail})",
    "finding.hardly-throttled": "the quota hardly held the run back: {percent} % of its periods ({detail})",
    # Storage
    "finding.io-pressure": "processes wait for storage {percent} % of the time",
    "finding.read-is-slow": "one small read took {ms} ms",
    "finding.read-slower-than-before": "a small read takes {value} times as long as before ({detail})",
    "finding.read-does-not-return": "a small read has not come back for {value} s",
    "finding.storage-errors": "the kernel log names storage errors: {value}",
    # GPU
    "finding.no-gpu": "there is no GPU to wait for ({detail})",
    "finding.gpu-idle": "the GPU is {percent} % busy",
    "finding.gpu-slowed-down": "the GPU's clock is held down: {value}",
    "finding.others-on-gpu": "others use this GPU: {value}",
    "finding.xid-logged": "the kernel log names GPU errors: {value}",
    "finding.is-a-vgpu": "the GPU is a virtual GPU",
    "finding.not-a-vgpu": "the GPU is not a virtual GPU",
    "finding.is-licensed": "the virtual GPU is licensed",
    "finding.licence-in-grace": "the virtual GPU has no licence and still runs at full speed ({value})",
    "finding.licence-restricts": "the virtual GPU has no licence and is restricted ({value})",
    "finding.licence-got-worse": "the licence state got worse during the recording ({detail})",
    "finding.licence-explains": "a missing vGPU licence explains it ({value})",
    # Export
    "finding.export-worker-replaced": "export workers that died and were replaced: {value} ({detail})",
    "finding.no-export-worker-lost": "no export worker was lost",
}
