"""English sentences of ``holter doctor``: ``doctor.CHECK.VARIANT`` is what was seen, ``.do`` what to change."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # GPU
    "doctor.gpu-present.go": "{count} × {names}",
    "doctor.gpu-present.none": "No NVIDIA GPU can be seen ({why}); nnU-Net trains on one unless told otherwise.",
    "doctor.gpu-present.none.do": (
        "Use a machine with a GPU (in a container: --gpus all), or train with -device cpu, which takes weeks."
    ),
    "doctor.gpu-present.silent": "The NVIDIA driver does not answer: {why}.",
    "doctor.gpu-present.silent.do": "Have the machine restarted, or its driver loaded again; nvidia-smi may hang too.",
    "doctor.gpu-present.hidden": "CUDA_VISIBLE_DEVICES hides all GPUs.",
    "doctor.gpu-present.hidden.do": "Unset it, or ask Slurm for a GPU (--gres=gpu:1).",
    "doctor.torch-reaches-gpu.go": "CUDA {cuda} of torch works with driver {driver}",
    "doctor.torch-reaches-gpu.no-torch": "torch cannot be asked",
    "doctor.torch-reaches-gpu.cpu-build": "torch {torch} was built without CUDA.",
    "doctor.torch-reaches-gpu.cpu-build.do": (
        "Install one with a CUDA that the driver supports (nvidia-smi names it): pytorch.org/get-started/locally"
    ),
    "doctor.torch-reaches-gpu.refused": "torch, built for CUDA {cuda}, cannot use the GPU: {why}",
    "doctor.torch-reaches-gpu.refused.do": (
        "Bring driver and torch together: a newer driver, or a torch for an older CUDA. After a driver update, restart."
    ),
    "doctor.compute-capability.go": "{name}: {capability} is supported",
    "doctor.compute-capability.unsupported": (
        "{name} has compute capability {capability}; this torch was built for {built}."
    ),
    "doctor.compute-capability.unsupported.do": "Install a torch that was built for this GPU.",
    "doctor.gpu-memory.go": "{free} of {total} free; the plans aim at {wanted}",
    "doctor.gpu-memory.no-plan": "{free} of {total} free",
    "doctor.gpu-memory.small": "GPU {gpu} has {total}; {plans} were made for {wanted}.",
    "doctor.gpu-memory.small.do": "Plan with a smaller -gpu_memory_target, or use a larger GPU.",
    "doctor.gpu-memory.taken": "Only {free} of {total} are free on GPU {gpu}; {plans} were made for {wanted}.",
    "doctor.gpu-memory.taken.do": "See with nvidia-smi who holds the rest, or use another GPU.",
    "doctor.gpu-neighbours.go": "nobody else computes there",
    "doctor.gpu-neighbours.elsewhere": "Others compute on GPU {gpu}: {names}. Another GPU is free.",
    "doctor.gpu-neighbours.elsewhere.do": "Use the free one.",
    "doctor.gpu-neighbours.shared": "Others compute on GPU {gpu}: {names}. Each slows the other down.",
    "doctor.gpu-neighbours.shared.do": "Wait for them, or end what is left over of your own.",
    "doctor.gpu-held-down.go": "nothing holds the clock down",
    "doctor.gpu-held-down.held": "The clock of GPU {gpu} is held down now: {reasons}.",
    "doctor.gpu-held-down.held.do": "Have cooling, power supply and power limit checked.",
    "doctor.gpu-held-down.hot": "GPU {gpu} is at {degrees} °C already; under load it will slow down.",
    "doctor.gpu-held-down.hot.do": "Have its cooling checked (fans, dust, air flow).",
    "doctor.gpu-link.go": "{width} lanes, as many as there can be",
    "doctor.gpu-link.fewer": "{width} of {width_max} lanes, which costs little",
    "doctor.gpu-link.narrow": "GPU {gpu} is connected by {width} of {width_max} PCIe lanes.",
    "doctor.gpu-link.narrow.do": "Seat the card anew, or use another slot; batches reach it more slowly.",
    "doctor.gpu-errors.go": "none",
    "doctor.gpu-errors.ecc": "GPU {gpu} has counted memory errors that could not be corrected ({count}).",
    "doctor.gpu-errors.ecc.do": "Have the GPU reset, and replaced if they come back.",
    "doctor.gpu-errors.mig": "none; GPU {gpu} is cut into slices (MIG)",
    "doctor.vgpu-licence.go": "{name}: {text}",
    "doctor.vgpu-licence.no-vgpu": "not a virtual GPU",
    "doctor.vgpu-licence.grace": (
        "{name} has no licence ({text}). It runs at full speed for {grace} minutes at most, then the driver slows it "
        "down to almost nothing."
    ),
    "doctor.vgpu-licence.grace.do": "Have a licence token installed before you train; nvidia-gridd fetches it.",
    "doctor.vgpu-licence.grace-left": (
        "{name} has no licence ({text}). Full speed lasts {grace} minutes; counted from the start of the machine "
        "({uptime} minutes ago) {left} are left. NVIDIA does not say from when it counts. Then the driver slows "
        "the GPU "
        "down to almost nothing."
    ),
    "doctor.vgpu-licence.grace-left.do": "Have a licence token installed before you train; nvidia-gridd fetches it.",
    "doctor.vgpu-licence.grace-later": (
        "{name} has no licence ({text}). Full speed lasts {grace} minutes. The machine has been up for {uptime}, so "
        "they count from later: from the load of the driver or the first use. At most {left} are left; then the driver "
        "slows the GPU down to almost nothing."
    ),
    "doctor.vgpu-licence.grace-later.do": "Have a licence token installed before you train; nvidia-gridd fetches it.",
    "doctor.vgpu-licence.restricted": "{name} has no licence ({text}) and is slowed down already; no minute is left.",
    "doctor.vgpu-licence.restricted.do": "Have a licence token installed; full speed returns at once.",
    "doctor.vgpu-licence.last-stage": (
        "{name} has no licence ({text}). On today's drivers this is the last stage: CUDA is slowed down to almost "
        "nothing or refused. Drivers before 2022 use the word for every stage."
    ),
    "doctor.vgpu-licence.last-stage.do": "Have a licence token installed; full speed returns at once.",
    # Processor
    "doctor.cpu-cores.go": "{cpus} cores for this training",
    "doctor.cpu-cores.few": "{cpus} cores can be used; nnU-Net asks for {wanted}. The GPU will wait for augmentation.",
    "doctor.cpu-cores.few.do": "Get more cores, or take load off them: holter train --loader holter.",
    "doctor.cpu-limits.go": "none: all {seen} can be used",
    "doctor.cpu-limits.quota": (
        "A quota grants {cpus} cores, although nnU-Net counts {seen} and starts as many workers as if it had them."
    ),
    "doctor.cpu-limits.quota.do": "Start as many workers as there are cores.",
    "doctor.cpu-limits.affinity": (
        "{cpus} of the machine's {seen} cores may be used, but nnU-Net counts all of them when it starts workers."
    ),
    "doctor.cpu-limits.affinity.do": "Start as many workers as there are cores.",
    "doctor.data-workers.go": "{train} for training + {validation} for validation on {cpus} cores",
    "doctor.data-workers.invalid": "nnUNet_n_proc_DA={value} is no number: nnU-Net ends at once.",
    "doctor.data-workers.invalid.do": "Set a number.",
    "doctor.data-workers.zero": (
        "nnUNet_n_proc_DA=0: batches are made by the training itself, and the GPU waits for each."
    ),
    "doctor.data-workers.zero.do": "Set at least 1; 0 is for finding errors only.",
    "doctor.data-workers.default": (
        "nnUNet_n_proc_DA is not set: nnU-Net starts {train} + {validation} data workers for {cpus} cores."
    ),
    "doctor.data-workers.default.do": "Start as many workers as there are cores.",
    "doctor.data-workers.too-many": "nnU-Net starts {train} + {validation} data workers for {cpus} cores.",
    "doctor.data-workers.too-many.do": "Start as many workers as there are cores.",
    "doctor.threads.go": "nothing makes workers fight over cores",
    "doctor.threads.pinned": "{name}={value} ties threads to cores: forked workers may all end up on the same one.",
    "doctor.threads.pinned.do": "Unset it for nnU-Net.",
    "doctor.threads.invalid": "{name}={value} is no number.",
    "doctor.threads.invalid.do": "Set it to 1.",
    "doctor.threads.many": "{name}={value} in each of {workers} workers is more threads than the cores can run.",
    "doctor.threads.many.do": "One thread a worker.",
    "doctor.cpu-load.go": "{percent} % busy",
    "doctor.cpu-load.busy": "The machine's cores are {percent} % busy already; the data workers will share them.",
    "doctor.cpu-load.busy.do": "See who uses them, and wait or move.",
    "doctor.cpu-load.stolen": "The hypervisor takes {percent} % of this machine's CPU time for others.",
    "doctor.cpu-load.stolen.do": "Ask for cores of your own, or for a less crowded host.",
    # Memory
    "doctor.training-memory.go": "about {need} of {free} free ({workers} workers, {each} each)",
    "doctor.training-memory.no-plan": "{free} free",
    "doctor.training-memory.little": "{free} of memory are free; nnU-Net asks for a machine with {wanted}.",
    "doctor.training-memory.little.do": "Close other programs, or ask for more memory.",
    "doctor.training-memory.close": (
        "The training takes about {need} ({workers} workers, {each} each); {free} are free."
    ),
    "doctor.training-memory.close.do": "Fewer data workers leave room.",
    "doctor.training-memory.close-anyway": "The training takes about {need}; {free} are free.",
    "doctor.training-memory.close-anyway.do": "Ask for more memory; fewer workers do not help enough.",
    "doctor.training-memory.too-little": (
        "The training takes about {need} ({workers} workers, {each} each), but {free} are free: the kernel will kill a "
        "worker."
    ),
    "doctor.training-memory.too-little.do": "Fewer data workers.",
    "doctor.training-memory.hopeless": "The training takes about {need}, even with one worker too much for {free}.",
    "doctor.training-memory.hopeless.do": "Ask for more memory, or plan with a smaller patch or batch.",
    "doctor.memory-limit.none": "none",
    "doctor.memory-limit.limit": "{limit} of the machine's {total}",
    "doctor.memory-limit.killed": (
        "This control group is limited to {limit}, and the kernel has already killed processes in it ({count})."
    ),
    "doctor.memory-limit.killed.do": "Ask for more memory (--mem, --memory), or use fewer data workers.",
    "doctor.validation-memory.go": "{workers} export workers fit; the largest case ({case}) needs {need}",
    "doctor.validation-memory.fewer": (
        "The final validation starts {workers} export workers; {fit} fit into memory and /dev/shm (largest case "
        "{case}: "
        "{need}, free: {free}). Else it dies or hangs after the last epoch."
    ),
    "doctor.validation-memory.fewer.do": "Fewer export workers.",
    "doctor.validation-memory.hopeless": (
        "The final validation needs {need} for {case} alone; {free} are free. It would die after the last epoch."
    ),
    "doctor.validation-memory.hopeless.do": (
        "Ask for more memory for the end of the training, or validate elsewhere (--val)."
    ),
    "doctor.shared-memory.go": "{need} of {free} free for full queues",
    "doctor.shared-memory.no-plan": "{total}",
    "doctor.shared-memory.small": "/dev/shm has {total} (Docker gives 64 MiB); full queues of a 3D plan need more.",
    "doctor.shared-memory.small.do": "Start the container with a larger one, or with --ipc=host.",
    "doctor.shared-memory.too-small": (
        "Full queues take {need} in /dev/shm; {free} of {total} are free. Workers would die (SIGBUS)."
    ),
    "doctor.shared-memory.too-small.do": "Start the container with a larger one, or with --ipc=host.",
    "doctor.shared-memory.close": "Full queues take {need} in /dev/shm; {free} of {total} are free.",
    "doctor.shared-memory.close.do": "Start the container with a larger one, or with --ipc=host.",
    "doctor.swap.none": "none",
    "doctor.swap.go": "{used} of {total} in use",
    "doctor.swap.full": "{used} of {total} in use, without pressure now",
    "doctor.swap.busy": "{used} of {total} of swap are in use, and processes wait for memory.",
    "doctor.swap.busy.do": "Free memory first: a training that swaps stands still.",
    "doctor.file-limit.none": "no limit",
    "doctor.file-limit.go": "{limit}; a training takes about {need}",
    "doctor.file-limit.low": (
        "{limit} files may be open; full queues keep about {need}. It would end with “Too many open files”."
    ),
    "doctor.file-limit.low.do": "Raise the limit in the shell that starts the training.",
    "doctor.process-limit.none": "no limit",
    "doctor.process-limit.go": "{left} more ({name})",
    "doctor.process-limit.close": (
        "{left} more processes and threads are allowed ({name}: {limit}); a training has up to {need}."
    ),
    "doctor.process-limit.close.do": "Have the limit raised (Docker: --pids-limit).",
    "doctor.process-limit.low": "Only {left} more processes and threads are allowed ({name}: {limit}).",
    "doctor.process-limit.low.do": "Have the limit raised (Docker: --pids-limit), or end what is left over.",
    # Storage
    "doctor.folders-set.go": "all three are set",
    "doctor.folders-set.missing": "Not set: {names}.",
    "doctor.folders-set.missing.do": "Set them where the training starts (~/.bashrc, the job script).",
    "doctor.folders-answer.go": "all {count}",
    "doctor.folders-answer.problem": "{path}: {why}. The mount may hang, and every process that touches it with it.",
    "doctor.folders-answer.problem.do": "Have the file server or the mount looked at first.",
    "doctor.folders-answer.forbidden": "{path} may not be read by this user.",
    "doctor.folders-answer.forbidden.do": "Have its permissions changed.",
    "doctor.folders-writable.go": "a small file could be written in each",
    "doctor.folders-writable.refused": "Nothing can be written to {path}: {why}.",
    "doctor.folders-writable.refused.do": "Make room, have permissions or quota changed, or use another folder.",
    "doctor.room-for-results.go": "{need} of {free} free for four checkpoints",
    "doctor.room-for-results.no-plan": "{free} free",
    "doctor.room-for-results.little": "{free} are free in {path}; checkpoints and predictions may take {need}.",
    "doctor.room-for-results.little.do": "Make room.",
    "doctor.room-for-results.close": (
        "{free} are free in {path}; four checkpoints take {need}, predictions come on top."
    ),
    "doctor.room-for-results.close.do": "Make room.",
    "doctor.room-for-results.too-little": "{free} are free in {path}; four checkpoints take {need}.",
    "doctor.room-for-results.too-little.do": "Make room, or set nnUNet_results to another disk.",
    "doctor.room-for-results.inodes": "{count} more files can be made on the file system of {path} (inodes).",
    "doctor.room-for-results.inodes.do": "Remove or pack folders with very many small files.",
    "doctor.room-for-unpacking.unpacked": "nothing is to be unpacked",
    "doctor.room-for-unpacking.go": "about {need} of {free} free",
    "doctor.room-for-unpacking.too-little": "Unpacking takes about {need} in {path}; {free} are free.",
    "doctor.room-for-unpacking.too-little.do": (
        "Make room, or preprocess with nnU-Net 2.6 or newer, which does not unpack."
    ),
    "doctor.room-in-tmp.go": "{free} free",
    "doctor.room-in-tmp.little": "{free} are free in {path}; compiled kernels and sockets go there.",
    "doctor.room-in-tmp.little.do": "Make room, or use another folder for temporary files.",
    "doctor.reading-speed.go": (
        "{latency} ms a read, {rate}/s ({kind}); the plan needs {need_reads} reads and {need_rate} a second"
    ),
    "doctor.reading-speed.cached": "{latency} ms a read: in memory, or its cache cannot be bypassed ({kind})",
    "doctor.reading-speed.no-plan": "{latency} ms a read, {rate}/s ({kind})",
    "doctor.reading-speed.slow-at-first": (
        "A read takes {latency} ms, {rate}/s ({kind}); the plan needs {need_reads} reads and {need_rate} a second. The "
        "first epochs will be slow, later ones read from memory: the data fits."
    ),
    "doctor.reading-speed.slow-at-first.do": (
        "Copy the data to a local disk, or wait for the second epoch before you judge."
    ),
    "doctor.reading-speed.slow": (
        "A read takes {latency} ms, {rate}/s ({kind}); a fast GPU needs {need_reads} reads and {need_rate} a "
        "second, and "
        "memory cannot hold the data."
    ),
    "doctor.reading-speed.slow.do": "Copy the preprocessed data to a local SSD, and set nnUNet_preprocessed to it.",
    "doctor.reading-speed.slowish": "A read takes {latency} ms ({kind}); a local SSD needs a tenth of that.",
    "doctor.reading-speed.slowish.do": "Keep nnUNet_preprocessed on a local SSD.",
    "doctor.reading-speed.very-slow": "A read takes {latency} ms ({kind}): a GPU would wait for every batch.",
    "doctor.reading-speed.very-slow.do": "Keep nnUNet_preprocessed on a local SSD.",
    "doctor.file-system.go": "{kind} at {mount}",
    "doctor.file-system.rotational": "The data lies on a turning disk ({kind} at {mount}).",
    "doctor.file-system.rotational.do": "Keep nnUNet_preprocessed on an SSD.",
    "doctor.file-system.network": "The data comes through {kind} at {mount}; every worker depends on its server.",
    "doctor.file-system.network.do": "Copy it to a local SSD (Slurm: $SLURM_TMPDIR) at the start of the job.",
    "doctor.file-clock.go": "agrees with ours",
    "doctor.file-clock.skew": "The file server of {path} is {seconds} s away from this machine's clock.",
    "doctor.file-clock.skew.do": "Have both synchronised; ages of files are wrong until then.",
    # Data
    "doctor.preprocessed-files.go": "all {files} files read to their end",
    "doctor.preprocessed-files.in-part": (
        "{lengths} of {files} lengths are right; {whole} read to their end in the time"
    ),
    "doctor.preprocessed-files.bad": (
        "Damaged files ({count}): {shown}. The worker that draws such a case dies, sooner or later. ({lengths} "
        "of {files} "
        "lengths looked at, {whole} read to their end.)"
    ),
    "doctor.preprocessed-files.bad.do": "Look whether the disk was full, remove them and preprocess again.",
    "doctor.preprocessed-files.missing": "Missing files ({count}): {shown}.",
    "doctor.preprocessed-files.missing.do": "Preprocess again: the earlier preprocessing did not come to its end.",
    "doctor.preprocessed-files.hangs": "Reading {shown} does not come back ({lengths} of {files} lengths looked at).",
    "doctor.preprocessed-files.hangs.do": "Have the storage looked at; a worker that reads it would hang the training.",
    "doctor.preprocessed-files.none": "No preprocessed case in {path}.",
    "doctor.preprocessed-files.none.do": "nnUNetv2_preprocess makes them for this configuration.",
    "doctor.preprocessed-files.not-all": "{lengths} of {files} files were looked at in the time; those are right",
    "doctor.preprocessed-files.lengths-only": "the lengths of all {files} are right, contents were not read: {why}",
    "doctor.number-of-cases.go": "{cases}",
    "doctor.number-of-cases.fewer": "{cases} of {wanted} cases are preprocessed.",
    "doctor.number-of-cases.fewer.do": "Preprocess again; the splits name cases that would be missing.",
    "doctor.label-values.go": "as in dataset.json, in all {read} segmentations",
    "doctor.label-values.in-part": "{read} of {cases} segmentations were read in the time; those are right",
    "doctor.label-values.outside": (
        "Labels that dataset.json does not know: {shown} (allowed: {allowed}). CUDA would end with a device-side "
        "assert."
    ),
    "doctor.label-values.outside.do": "Correct the labels and preprocess again with --verify_dataset_integrity.",
    "doctor.read-only-data.no-archives": "the cases are not stored as .npz",
    "doctor.read-only-data.copied": "nnU-Net {version} copies what it reads",
    "doctor.read-only-data.padded": "no case is larger than the patch, so every patch is copied",
    "doctor.read-only-data.crashes": (
        "The cases are stored as .npz. nnU-Net {version} unpacks them and then writes into read-only memory: its data "
        "workers crash (SIGSEGV)."
    ),
    "doctor.read-only-data.crashes.do": (
        "Preprocess again with this nnU-Net, or train with `holter train`, which copies each patch first."
    ),
    # Software
    "doctor.python-environment.go": "nnU-Net {nnunet}, torch {torch}, Python {python}",
    "doctor.python-environment.missing": "{executable} (Python {python}) has no {names}.",
    "doctor.python-environment.missing.do": (
        "Activate the environment that nnU-Net is in, or name it: holter doctor --python PATH. To install "
        "nnU-Net there:"
    ),
    "doctor.python-environment.broken": "{name} cannot be imported in {executable}: {why}",
    "doctor.python-environment.broken.do": "Install it again, best in a fresh environment.",
    "doctor.nnunet-version.go": "{version}",
    "doctor.nnunet-version.no-nnunet": "nnU-Net was not found",
    "doctor.nnunet-version.untried": "Holter has been tried with nnU-Net 2.5 to 2.8, not with {version}.",
    "doctor.nnunet-version.untried.do": "Holter will see less of the training; nnU-Net itself may be fine.",
    "doctor.known-bad-versions.go": "none among {count} packages",
    "doctor.known-bad-versions.batchgenerators-fork": (
        "batchgenerators {version} with threadpoolctl kills or freezes data workers on some machines."
    ),
    "doctor.known-bad-versions.batchgenerators-fork.do": "Update batchgenerators.",
    "doctor.known-bad-versions.threadpoolctl-old": (
        "threadpoolctl {version} fails in every data worker on some machines."
    ),
    "doctor.known-bad-versions.threadpoolctl-old.do": "Update threadpoolctl.",
    "doctor.known-bad-versions.torch-conv3d": (
        "torch {version}: 3D convolutions in mixed precision are about four times slower."
    ),
    "doctor.known-bad-versions.torch-conv3d.do": "Install 2.8, or 2.10 and newer.",
    "doctor.known-bad-versions.cudnn-old": (
        "cuDNN {version}: slow 3D convolutions, and 2D validation takes more host memory with every epoch."
    ),
    "doctor.known-bad-versions.cudnn-old.do": "Update torch, which brings its cuDNN.",
    "doctor.known-bad-versions.numpy-torch": (
        "torch {torch} cannot take arrays of numpy {numpy}: every data worker would fail."
    ),
    "doctor.known-bad-versions.numpy-torch.do": "An older numpy, or a torch from 2.3 on.",
    "doctor.torch-compile.go": "{compiler}, Python.h, Triton, cache",
    "doctor.torch-compile.switched-off": "switched off (nnUNet_compile)",
    "doctor.torch-compile.no-cuda-torch": "no torch with CUDA",
    "doctor.torch-compile.no-compiler": (
        "nnU-Net compiles the network, and there is no C compiler: it would end in epoch 0."
    ),
    "doctor.torch-compile.no-compiler.do": "Install gcc, or switch compilation off (somewhat slower).",
    "doctor.torch-compile.old-compiler": "gcc {version} is too old for what torch.compile writes.",
    "doctor.torch-compile.old-compiler.do": "A newer gcc, or switch compilation off (somewhat slower).",
    "doctor.torch-compile.no-header": "Python.h of Python {python} is missing: torch.compile would end in epoch 0.",
    "doctor.torch-compile.no-header.do": "Install python3-dev, or switch compilation off (somewhat slower).",
    "doctor.torch-compile.no-triton": "Triton is not installed: torch.compile would end in epoch 0.",
    "doctor.torch-compile.no-triton.do": "Install the triton that belongs to this torch, or switch compilation off.",
    "doctor.torch-compile.cache": "torch.compile cannot write to {path}: {why}.",
    "doctor.torch-compile.cache.do": (
        "Set TORCHINDUCTOR_CACHE_DIR and TRITON_CACHE_DIR to another folder, or switch it off."
    ),
    "doctor.torch-compile.no-exec": "{path} is mounted noexec: what torch.compile builds there cannot be loaded.",
    "doctor.torch-compile.no-exec.do": "Set TMPDIR and TORCHINDUCTOR_CACHE_DIR to another folder, or switch it off.",
    # Machine
    "doctor.container.none": "none",
    "doctor.container.inside": "{kind}",
    "doctor.virtual-machine.none": "none",
    "doctor.virtual-machine.unnamed": "yes, of a kind that does not give its name",
    "doctor.virtual-machine.inside": "{kind}",
    "doctor.virtual-machine.wsl": "WSL2: memory is capped by .wslconfig, /mnt/c is slow, and pinned memory is limited.",
    "doctor.virtual-machine.wsl.do": "Raise memory= in .wslconfig, and keep the data inside the Linux file system.",
    "doctor.slurm.no-job": "not in a Slurm job",
    "doctor.slurm.go": "{cpus} cores, memory {memory}",
    "doctor.slurm.fewer-cpus": "The job asked for {asked} cores, but only {cpus} may be used.",
    "doctor.slurm.fewer-cpus.do": "Start with srun --cpus-per-task, or ask the administrator how cores are bound.",
    "doctor.slurm.not-bound": (
        "The job asked for {asked} cores, but is not bound to them: {cpus} can be used, at others' cost."
    ),
    "doctor.slurm.not-bound.do": "Start as many workers as were asked for.",
    "doctor.slurm.time": "The job ends in {hours} hours; 1000 epochs of a minute take 17.",
    "doctor.slurm.time.do": (
        "holter train saves in time when Slurm sends SIGUSR1 (sbatch --signal=B:USR1@300 --requeue)."
    ),
    "doctor.clock.go": "synchronised ({source})",
    "doctor.clock.free-running": "nothing that can be seen from here keeps the clock right ({source})",
    "doctor.clock.unsynchronised": "Nothing keeps the clock right ({source}), and the GPU needs a licence.",
    "doctor.clock.unsynchronised.do": "Have time synchronised: a wrong clock makes a vGPU licence invalid.",
    "doctor.clock.slow": "The clock source is {source}: every look at the time is a slow system call.",
    "doctor.clock.slow.do": "Have tsc (or kvm-clock) used; see dmesg for why it was given up.",
    "doctor.clock.uncertain": "The clock may be wrong by {seconds} s.",
    "doctor.clock.uncertain.do": "Have time synchronised (chrony, systemd-timesyncd).",
    # Fold
    "doctor.fold-free.go": "nobody trains it",
    "doctor.fold-free.held": "Another Holter trains in {folder} ({holder}).",
    "doctor.fold-free.held.do": "Let it go on, or choose another fold.",
    "doctor.fold-free.elsewhere": "{folder} is locked by {holder}; from here it cannot be seen whether that lives.",
    "doctor.fold-free.elsewhere.do": (
        "Look there first. holter train takes a lock over that was not kept fresh for 5 minutes."
    ),
    "doctor.fold-free.perhaps": (
        "A training of this name runs on this machine (PID {pid}, {user}); where its results go cannot be seen."
    ),
    "doctor.fold-free.perhaps.do": "Make sure that it writes somewhere else.",
    "doctor.fold-free.trained": "This fold is being trained on this machine now (PID {pid}).",
    "doctor.fold-free.trained.do": "Let it go on and watch it.",
    "doctor.fold-history.go": "none",
    "doctor.fold-history.finished": "This fold was trained to its end; training again begins anew over it ({folder}).",
    "doctor.fold-history.finished.do": "To validate only:",
    "doctor.fold-history.begun": "A training was begun in {folder}; nnUNetv2_train without --c begins anew over it.",
    "doctor.fold-history.begun.do": "To go on (holter train does so by itself):",
    "doctor.fold-exists.go": "{fold} of {count}",
    "doctor.fold-exists.to-be-made": "the first training will make {count} splits",
    "doctor.fold-exists.all": "all cases, no split",
    "doctor.fold-exists.none": "There is no fold {fold}: the split has {count}, counted from 0.",
    "doctor.fold-exists.none.do": "Choose another, or write it into splits_final.json.",
    "doctor.other-trainings.go": "none that can be seen",
    "doctor.other-trainings.beside": "Other trainings run here ({count}): {shown}. They share cores, memory and disk.",
    "doctor.other-trainings.beside.do": "Divide the cores among them with nnUNet_n_proc_DA.",
    "doctor.other-trainings.racing": (
        "Another fold of this data set starts, and splits_final.json does not exist yet: {shown}. Both would write it."
    ),
    "doctor.other-trainings.racing.do": "Wait until the first one is in epoch 0.",
}
