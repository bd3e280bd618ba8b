"""English sentences of several causes; those of a single cause are in its file."""

from __future__ import annotations

from collections.abc import Mapping

from holter.sentences import define

NONE: Mapping[str, str] = {}


def describe(
    cause: str,
    *,
    title: str,
    meaning: str,
    headline: str | None = None,
    variants: Mapping[str, str] = NONE,
    findings: Mapping[str, str] = NONE,
    remedies: Mapping[str, str] = NONE,
    ask: Mapping[str, str] = NONE,
) -> tuple[str, ...]:
    """Define the sentences of one cause and return their keys.

    ``title`` is a heading, ``meaning`` one full sentence for anybody, and ``headline`` the same sentence about the
    concrete process or file: ``{subject}``. ``variants`` are other wordings of these for a finding that says more:
    ``meaning.FINDING``. ``findings`` and ``remedies`` are those that no other cause uses, by id. ``ask`` is the text to
    send to an administrator, by variant, "" for a single one.
    """
    sentences = {f"cause.{cause}.title": title, f"cause.{cause}.meaning": meaning}
    if headline is not None:
        sentences[f"cause.{cause}.headline"] = headline
    sentences |= {f"cause.{cause}.{name}": english for name, english in variants.items()}
    sentences |= {f"finding.{name}": english for name, english in findings.items()}
    sentences |= {f"remedy.{name}": english for name, english in remedies.items()}
    sentences |= {f"ask.{cause}.{name}".rstrip("."): english for name, english in ask.items()}
    return tuple(define(key, english).key for key, english in sentences.items())


# Findings that several causes state.
FINDINGS: Mapping[str, str] = {
    "all-is-done": "training and validation are complete",
    "another-phase": "it happened in another phase: {value}",
    "another-signal": "signal {signal} ended the worker, which is another kind of death",
    "another-starts": "another training on the same data was started at the same time ({detail})",
    "assertion-printed": "the assertion: {value}",
    "batchgenerators-nests": "batchgenerators {value} limits thread pools around the fork",
    "case-in-hand": "case in hand: {value}",
    "clock-explains": "the GPU's own clock explains it",
    "compile-is-off": "compilation is switched off ({detail})",
    "compile-lacks": "the message says what is missing: {value}",
    "console-is-silent": "the training log goes on while the console is silent ({detail})",
    "cpu-pressure": "processes wait for a CPU {percent} % of the time",
    "cpus-busy": "{percent} % of the usable CPU time is in use ({detail})",
    "cpus-narrowed": "the workers may use fewer CPUs than the training could at first ({detail})",
    "cuda-refuses": "CUDA refuses the GPU: busy or unavailable",
    "data-on-remote-mount": "the data are on a network or FUSE mount: {value}",
    "data-on-windows-drive": "the data are on a Windows drive ({detail})",
    "data-read-only": "{detail}",
    "disk-explains": "there was no space to write, which explains it ({detail})",
    "disk-is-full": "there was no space left ({detail})",
    "disk-is-read-only": "the file system is read-only ({detail})",
    "echo-of-another-part": "the sentence that was printed belongs to another part of nnU-Net: {value}",
    "epochs-have-this-shape": "epoch times have the shape that belongs to it: {value} ({detail})",
    "exception-came-first": "an exception came before: {value}",
    "exception-says-otherwise": "the first exception says something else (kind: {value})",
    "export-worker-replaced": "export workers that died and were replaced: {value} ({detail})",
    "fatal-frame": "the worker crashed in {value}",
    "few-cpus-of-many": "the run may use {percent} % of the machine's CPUs ({detail})",
    "file-is-truncated": "the error is that of a file shorter than its header says",
    "file-named": "file: {value}",
    "first-exception": "the first exception: {value}",
    "gpu-busy": "the GPU is {percent} % busy",
    "gpu-idle": "the GPU is {percent} % busy",
    "gpu-is-lost": "the driver does not reach the GPU ({detail})",
    "gpu-memory-full": "GPU memory was {percent} % full",
    "gpu-out-of-memory": "the GPU had no memory left",
    "gpu-spins": "full use at the power of an idle GPU: {shown}",
    "hardly-waits-for-batches": "only {percent} % of a step is spent waiting for its batch",
    "huge-volumes": "the median case is very large ({detail})",
    "in-a-freezer": "frozen by a control group: {value}",
    "in-final-validation": "it happened during the final validation",
    "io-pressure": "processes wait for storage {percent} % of the time",
    "is-a-slice": "the GPU is divided into MIG slices",
    "is-wsl": "this is WSL",
    "it-creeps": "this grows slowly: it is no standstill and no sudden change",
    "it-is-slower": "the training is slower than before",
    "it-stands-still": "the training has stalled, which is another kind of trouble",
    "its-kind-explains": "the kind of the exception ({value}) has a cause of its own",
    "kernel-takes-cpu": "the kernel takes {percent} % of the busy CPU time ({detail})",
    "licence-explains": "a missing vGPU licence explains it ({value})",
    "licence-in-grace": "the virtual GPU has no licence and still runs at full speed ({value})",
    "licence-restricts": "the virtual GPU has no licence and is restricted ({value})",
    "limit-reached": "a limit was reached: {detail}",
    "link-is-busy": "{percent} % of what the link carries was used",
    "locked-in": "the lock is waited for in {value}",
    "machine-check": "the kernel log names hardware errors: {value}",
    "main-does-not-grow": "it is not the main process that grows",
    "main-ended-by-signal": "the main process was ended by signal {signal} ({detail})",
    "main-grows": "the main process grows all the time ({detail})",
    "main-has-ended": "the main process has ended",
    "main-in-extra-step": "the main thread is in a step that the training does not need: {value}",
    "main-in-native-call": "the main thread is in a native call, as when it waits for the GPU ({detail})",
    "main-is-there": "the main process is alive",
    "main-stands": "{detail}",
    "main-stopped": "the main process itself is stopped",
    "main-waits-for-export": "the main thread waits for an export result ({detail})",
    "main-waits-for-workers": "the main thread waits for its workers ({detail})",
    "many-threads-each": "a data worker has {value} threads",
    "many-threads-run": "{value} threads of a data worker run at the same time",
    "memory-full": "{percent} % of the memory limit are in use",
    "memory-pressure": "all processes wait for memory {percent} % of the time",
    "memory-was-refused": "memory was refused although it was free: {detail}",
    "nccl-timed-out": "NCCL gave up waiting for a collective operation",
    "no-gpu": "there is no GPU to wait for ({detail})",
    "no-memory-episode": "it is no growth of memory, and nobody died of it",
    "no-memory-left": "an exception says that memory could not be allocated",
    "no-oom-counted": "no process was OOM-killed",
    "no-worker-ended-by-signal": "no worker was ended by a signal",
    "no-workers-there": "there are no data workers",
    "no-workers-wanted": "nnUNet_n_proc_DA is 0",
    "nobody-works": "no process of the run is working",
    "not-in-final-validation": "it did not happen during the final validation",
    "nothing-ended": "no process has ended",
    "on-windows": "the system is Windows",
    "one-process": "one process trains alone",
    "only-saving-fails": "the training goes on; only what it learns cannot be saved",
    "oom-counted": "OOM-killed processes: {value} ({detail})",
    "other-trainings": "other nnU-Net trainings on this machine: {value}",
    "others-explain": "others on the GPU explain it ({detail})",
    "pages-read-again": "{value} pages a second are read again soon after they were dropped",
    "pinning-failed": "page-locked memory could not be allocated",
    "presupposes-container": "this is no container ({detail})",
    "presupposes-export": "no prediction was exported ({detail})",
    "presupposes-gpu": "no GPU is used ({detail})",
    "presupposes-nnunet": "nnU-Net is not what runs ({detail})",
    "presupposes-ranks": "only one process trains ({detail})",
    "presupposes-windows": "this is not Windows ({detail})",
    "progress-goes-on": "the training moved on by itself",
    "quota-throttles": "the quota held the run back in {percent} % of its periods ({detail})",
    "rank-is-behind": "behind the others: {shown}",
    "read-does-not-return": "a small read has not come back for {duration}",
    "read-is-slow": "one small read took {ms} ms",
    "ready-queue-empty": "no batch is ready for the main thread ({detail})",
    "ready-queue-full": "batches are ready for the main thread ({detail})",
    "results-are-gone": "{detail}",
    "saves-failed": "checkpoints that could not be saved: {value}",
    "says-it-compiles": "the training said that it compiles its network",
    "scans-for-room": "processes scan {value} pages a second to reclaim memory",
    "several-ranks": "processes that train together: {value}",
    "shm-explains": "shared memory was full, which explains it ({detail})",
    "shm-full": "/dev/shm is {percent} % full",
    "somebody-works": "the run's processes are working ({detail})",
    "something-ended": "a process ended, which is another kind of trouble",
    "steps-got-slower": "a step takes {value} times as long as before ({detail})",
    "still-running": "nothing has ended, and nothing has failed for this reason",
    "storage-errors": "the kernel log names storage errors: {value}",
    "swaps-in": "pages come back from swap ({detail})",
    "threads-are-bound": "OMP_PROC_BIND is {value}",
    "trouble-of-another-kind": "this is trouble of another kind",
    "unknown-fact": "{name} ({detail})",
    "waits-for-batches": "{percent} % of a step is spent waiting for its batch",
    "worker-blocked": "blocked in a read (state D): {value}",
    "worker-crashed": "a worker crashed in native code (signal {signal})",
    "worker-ended-by-signal": "a worker was ended by signal {signal}",
    "worker-left": "the worker that ended first left with exit code {value}",
    "worker-stopped": "stopped (state T): {value}",
    "workers-locked": "they sleep on a lock and were not woken once: {value}",
    "workers-read": "{percent} % of the working data workers are reading a case ({detail})",
    "workers-stand": "{detail}",
    "xid-hardware": "the kernel log names a fault of the GPU itself ({detail})",
}
# Remedies that several causes offer.
REMEDIES: Mapping[str, str] = {
    "ask-administrator": "Ask the administrator, word for word:",
    "continue-by-hand": "Continue from the last checkpoint by hand: no command is known that does it here.",
    "continue-from-checkpoint": "Continue from the last checkpoint; without one, nnU-Net begins again.",
    "copy-to-local-disk": "Copy the preprocessed data to a local SSD and point nnUNet_preprocessed there.",
    "end-and-continue": "End the training and continue from its last checkpoint.",
    "end-and-continue-by-hand": "End the training and continue by hand: no command is known that does it here.",
    "fewer-exporters": "Use fewer export processes (nnUNet_def_n_proc): less memory at a time.",
    "fewer-workers": "Use fewer data workers: less memory, slower preparation.",
    "file-system-sharing": "Hand tensors over through files: one frozen worker then no longer stops the others.",
    "look-at-gpu": "Look at clock, power and errors of the GPU.",
    "look-at-kernel-log": "Look for GPU errors (Xid) in the kernel log.",
    "look-at-line": "Look at {place}: why does it not come back? Give calls to servers and locks a time limit.",
    "look-at-training-log": "Look at the log in the results folder rather than at the terminal.",
    "look-for-exit": "Look for sys.exit() and os._exit() in code of your own and in what it imports.",
    "measure-storage": "See where the data is and how full that disk is.",
    "more-memory": "Give the job more memory.",
    "plan-for-gpu": "Plan for this GPU's memory: another network, planned as a whole.",
    "preprocess-case-again": "Preprocess this case again.",
    "remove-torn-splits": "Look at splits_final.json; remove it if it is torn: the next start creates it again.",
    "unbuffered-output": "Let Python print without buffering: PYTHONUNBUFFERED=1.",
    "upgrade-native-libraries": "Upgrade the libraries that crash in worker processes.",
    "validate-again": "End the run and repeat only the validation.",
    "without-compile": "Train without torch.compile: a little slower, and it works at once.",
    "workers-as-cores": "Use as many data workers as there are usable CPUs.",
    "workers-not-forked": "Start data workers as new processes, not by fork: they inherit no lock and no thread.",
}
for _name, _english in FINDINGS.items():
    define(f"finding.{_name}", _english)
for _name, _english in REMEDIES.items():
    define(f"remedy.{_name}", _english)
