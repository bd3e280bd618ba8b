"""The number of data workers ignores the CPUs that the job may use.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`get_allowed_n_proc_DA` caps the workers by `os.cpu_count()`, which counts the whole machine. A Slurm job with two
cores on a node of 64, or a container with `--cpus 2`, starts 12 workers for training and 6 for validation. The cap is
also applied, without a message, to an explicit `nnUNet_n_proc_DA`. `default_num_processes` (8 processes for
preprocessing and export) is not capped at all, and each export process holds a volume of probabilities.

Proposed change:
`len(os.sched_getaffinity(0))` instead of `os.cpu_count()`, and the quota of the control group
(`/sys/fs/cgroup/cpu.max`); Python 3.13 has `os.process_cpu_count()` for the first. A line that says which number was
taken, and no cap for an explicit setting.

Measured effect:
None of our own in trainings: the number of workers is what is wrong, and is printed below.
"""

import os

from nnunetv2.configuration import default_num_processes
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA

if __name__ == "__main__":
    os.environ.pop("nnUNet_n_proc_DA", None)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as Slurm or taskset does
    allowed = len(os.sched_getaffinity(0))
    workers = get_allowed_n_proc_DA()
    print(f"CPUs of the machine: {os.cpu_count()}, CPUs that this process may use: {allowed}")
    print(f"get_allowed_n_proc_DA(): {workers}, default_num_processes: {default_num_processes}")
    raise SystemExit(0 if workers > allowed else 1)  # 0: the fault is there
