"""The commands that ``next_checks`` chooses from, the facts that each one settles, and the same in PowerShell."""

from __future__ import annotations

from typing import NamedTuple

from holter.records import EpisodeKind
from holter.sentences import define_all

define_all(
    {
        "look.gpu": "Is the GPU there, who else is on it, and if it is a vGPU: is it licensed?",
        "look.gpu-clocks": "Do heat, power or a limit hold the GPU down?",
        "look.gpu-kernel-log": "Did the driver report an error (Xid)?",
        "look.stacks": "Where does the main process wait?",
        "look.processes": "Which workers are there: running (R), waiting for storage (D), stopped (T)?",
        "look.live": "Watch the training itself for a few seconds",
        "look.oom": "Did the kernel kill a process because memory ran out?",
        "look.memory-limit": "How much memory may the training use, and was the limit reached?",
        "look.swap": "Does the machine move pages to swap and back (columns si and so)?",
        "look.how-it-ended": "How did the scheduler or the system end it?",
        "look.first-exception": "The first exception in the console's output (the training log does not hold it)",
        "look.descriptors": "How many files may a process open here, and how many are open?",
        "look.shared-memory": "How large and how full is /dev/shm?",
        "look.room": "Is there space for checkpoints, and are there inodes?",
        "look.storage": "What file system is the data on, and does anybody wait for it?",
        "look.storage-kernel-log": "Did disk or file server report errors?",
        "look.cpus": "How many CPUs may the training use, of how many?",
        "look.cpu-quota": "Is a CPU quota set, and does it throttle?",
        "look.cpu-load": "Who uses the CPUs?",
        "look.versions": "Which versions are installed where the training runs?",
        "look.driver": "Which driver and GPU?",
        "look.settings": "Which settings did the training get?",
        "look.machine": "What kind of machine or container is it?",
        "look.epochs": "How did its epoch times change?",
        "look.log": "Does nnU-Net's training log go on? Logs of the last 30 minutes, and the time now",
        "look.hardware": "Does the hardware report errors, and does its memory hold what is written (memtester)?",
        "look.gpu-link": "Does the GPU use all lanes of its slot?",
        "look.limits": "Which limits does the shell set that starts the training?",
    }
)


class CheckCommand(NamedTuple):
    """A command and the facts that it settles. Its sentence is in the catalogue under ``look.ID``."""

    id: str
    command: str
    facts: tuple[str, ...]  # a name, or a prefix that ends with a dot
    is_live: bool = False  # only while the training runs
    kinds: tuple[EpisodeKind, ...] = ()  # only for these episodes
    tells: str = ""  # a fact that only its answer tells: if it is known, the command was run
    effort: float = 1.0  # against one line that every shell answers at once


CHECK_COMMANDS: tuple[CheckCommand, ...] = (
    CheckCommand(
        "gpu",
        "nvidia-smi; nvidia-smi -q | grep -iE -A2 'Virtualization Mode|vGPU Software'",
        (
            "gpu.present", "gpu.foreign_processes", "gpu.zombie_bytes", "gpu.shared", "gpu.virtualization",
            "gpu.licence_stage", "gpu.licence_text", "gpu.licence_worsened", "gpu.memory_ratio", "gpu.mig",
            "gpu.trouble", "gpu.slice_bytes",
        ),
        effort=0.75,  # one screen with the answers to a dozen questions
    ),
    CheckCommand(
        "gpu-clocks",
        "nvidia-smi -q -d PERFORMANCE,CLOCK,POWER,TEMPERATURE,UTILIZATION",
        (
            "gpu.clock_reasons", "gpu.clock_ratio", "gpu.power_ratio", "gpu.temperature_c", "gpu.throttled",
            "gpu.utilization_ratio",
        ),
    ),
    CheckCommand("gpu-kernel-log", "dmesg -T | grep -iE 'xid|nvrm'", ("gpu.kernel_errors", "gpu.xid_kind")),
    CheckCommand(
        "stacks",
        "py-spy dump --pid {pid}",
        ("main.waits_on", "main.where", "results_loop.waits_on", "queue.ready", "queue.worker"),
        is_live=True,
        effort=2.0,
    ),
    CheckCommand(
        "processes",
        "ps -o pid,stat,wchan:24,pcpu,rss,lstart,args --pid {pid} --ppid {pid}",
        ("workers.", "main.state", "main.cpu_ratio", "main.alive", "activity.present", "export.workers",
         "export.replaced"),
        is_live=True,
        effort=1.5,
    ),
    CheckCommand(
        "live",
        "holter diagnose {pid}",
        ("progress.age_s", "step.", "wait.", "storage.latency_s", "storage.times_usual", "cpu.run_busy_ratio"),
        is_live=True,
        effort=2.0,
    ),
    CheckCommand(
        "oom",
        "dmesg -T | grep -iE 'oom|killed process'",
        ("oom.", "worker.exit_signal", "worker.ending"),
        kinds=("death", "stall", "creep"),
    ),
    CheckCommand(
        "memory-limit",
        "cat /sys/fs/cgroup$(cut -d: -f3- /proc/{self}/cgroup | tail -1)/memory.events; free -h",
        ("memory.",),
    ),
    CheckCommand("swap", "vmstat 1 5; cat /proc/pressure/memory", ("swap.", "pressure.memory")),
    CheckCommand(
        "how-it-ended",
        "sacct -X -o JobID,State,ExitCode,Elapsed,ReqMem,MaxRSS; journalctl --since -1d | grep -iE 'oom|killed'",
        ("main.exit_signal", "main.ending"),
        kinds=("death",),
    ),
    CheckCommand(
        "first-exception",
        "grep -n -m1 -A40 -E 'Traceback|Exception in background worker' CONSOLE_OUTPUT",
        ("exception.", "echo.says", "worker.subject", "worker.fatal_frame"),
        kinds=("death", "stall"),
    ),
    CheckCommand("descriptors", "ulimit -n; cat /proc/sys/fs/file-nr", ("fds.",), tells="fds.limit"),
    CheckCommand("shared-memory", "df -h /dev/shm", ("shm.",), tells="shm.total_bytes"),
    CheckCommand(
        "room",
        "timeout -s KILL 5 df -h {results} {preprocessed}; timeout -s KILL 5 df -i {results}",
        ("disk.", "save."),
    ),
    CheckCommand(
        "storage",
        "timeout -s KILL 5 findmnt -T {preprocessed}; cat /proc/pressure/io",
        ("storage.fs_type", "storage.mount", "storage.pending_s", "storage.usual_latency_s", "pressure.io"),
    ),
    CheckCommand("storage-kernel-log", "dmesg -T | grep -iE 'nfs|i/o error|blk_update'", ("storage.kernel_errors",)),
    CheckCommand(
        "cpus",
        "nproc; nproc --all; env | grep -E 'nnUNet_n_proc_DA|SLURM_CPUS'",
        ("setting.n_proc_da", "cpu.effective", "cpu.visible", "cpu.allocated_ratio", "cpu.workers_per_cpu"),
    ),
    CheckCommand(
        "cpu-quota",
        "cd /sys/fs/cgroup$(cut -d: -f3- /proc/{self}/cgroup | tail -1) && cat cpu.max cpu.stat",
        ("cpu.quota", "cpu.throttled_ratio"),
    ),
    CheckCommand(
        "cpu-load",
        "top -b -n 1 | head -25; cat /proc/pressure/cpu",
        ("cpu.host_busy_ratio", "pressure.cpu", "cpu.system_ratio", "host.others", "host.others_cpu_ratio"),
        effort=1.25,  # two screens to compare
    ),
    CheckCommand(
        "versions",
        "python -c \"import torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version())\"; "
        "pip list | grep -iE 'nnunet|batchgen|threadpoolctl|blosc2|triton'",
        ("software.torch", "software.cuda", "software.cudnn", "software.nnunetv2", "software.batchgenerators",
         "software.batchgeneratorsv2", "software.threadpoolctl", "software.blosc2"),
    ),
    CheckCommand("driver", "nvidia-smi --query-gpu=name,driver_version --format=csv", ("software.driver",)),
    CheckCommand("settings", "env | grep -E 'nnUNet|OMP|MKL|SLURM_CPUS'", ("setting.",)),
    CheckCommand("machine", "systemd-detect-virt; uname -sr; cat /proc/1/cgroup | head -3", ("system.",)),
    CheckCommand("epochs", "holter diagnose {results}", ("epochs.",)),
    CheckCommand(
        "log",
        "find {results} -name 'training_log_*.txt' -mmin -30 -exec tail -n 3 {} +; date",
        ("output.hidden", "progress.resumed", "log.age_s", "finish.done"),
        kinds=("stall", "slow-down"),
    ),
    CheckCommand(
        "hardware",
        "dmesg -T | grep -iE 'mce|edac|hardware error'; memtester 2G 1",
        ("hardware.kernel_errors",),
        kinds=("death",),
        effort=2.0,
    ),
    CheckCommand(
        "gpu-link",
        "nvidia-smi --query-gpu=pcie.link.width.current,pcie.link.width.max --format=csv",
        ("gpu.pcie_ratio",),
        kinds=("slow-down",),
    ),
    CheckCommand("limits", "ulimit -a", ("limit.",), kinds=("death", "unsaved")),
)  # fmt: skip
# The same checks in PowerShell. Control groups, /dev/shm and the kernel log have no counterpart there.
WINDOWS: dict[str, str] = {
    "gpu": "nvidia-smi",
    "gpu-clocks": "nvidia-smi -q -d PERFORMANCE,CLOCK,POWER,TEMPERATURE,UTILIZATION",
    "processes": "Get-Process python | Sort-Object WS -Descending | Select-Object Id, CPU, WS, StartTime",
    "memory-limit": "Get-CimInstance Win32_PageFileUsage; "
    "Get-Counter '\\Memory\\Committed Bytes', '\\Memory\\Commit Limit'",
    "first-exception": "Select-String -Path CONSOLE_OUTPUT -Pattern Traceback -Context 0,40 | Select-Object -First 1",
    "room": "Get-PSDrive -PSProvider FileSystem",
    "cpus": "(Get-CimInstance Win32_ComputerSystem).NumberOfLogicalProcessors",
    "versions": 'python -c "import torch; print(torch.__version__, torch.version.cuda, '
    'torch.backends.cudnn.version())"; '
    "pip list | Select-String nnunet, batchgen, threadpoolctl, blosc2",
    "driver": "nvidia-smi --query-gpu=name,driver_version --format=csv",
    "settings": "Get-ChildItem Env: | Where-Object Name -Match 'nnUNet|OMP|MKL'",
}
