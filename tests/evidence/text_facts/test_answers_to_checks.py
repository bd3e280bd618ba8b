"""Every command that Holter asks for ("what to look at next"), and what it reads of the answer."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from holter.evidence.text_facts import facts_of
from holter.remedies.next_checks_table import CHECK_COMMANDS
from tools import PATH

GIB = 2.0**30
SMI = """\
Sun Nov 29 11:17:30 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  NVIDIA A40-24Q                 On  |   00000000:02:00.0 Off |                    0 |
| N/A   N/A    P0             N/A /  N/A  |   11821MiB /  24576MiB |      0%      Default |
|                                         |                        |             Disabled |
+-----------------------------------------+------------------------+----------------------+
| Processes:                                                                              |
|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |
|    0   N/A  N/A      4711      C   python                                      11808MiB |
+-----------------------------------------------------------------------------------------+
    GPU Virtualization Mode
        Virtualization Mode               : VGPU
--
    vGPU Software Licensed Product
        Product Name                      : NVIDIA RTX Virtual Workstation
        License Status                    : Unlicensed (Restricted)
"""
CLOCKS = """\
==============NVSMI LOG==============

Attached GPUs                             : 1
GPU 00000000:01:00.0
    Utilization
        Gpu                               : 98 %
        Memory                            : 40 %
    Temperature
        GPU Current Temp                  : 88 C
        GPU Shutdown Temp                 : 98 C
    Power Readings
        Power Draw                        : 120.00 W
        Current Power Limit               : 350.00 W
    Clocks
        Graphics                          : 700 MHz
        SM                                : 700 MHz
    Max Clocks
        Graphics                          : 2100 MHz
        SM                                : 2100 MHz
    Clocks Event Reasons
        Idle                              : Not Active
        SW Power Cap                      : Not Active
        HW Slowdown                       : Active
            HW Thermal Slowdown           : Active
            HW Power Brake Slowdown       : Not Active
"""
XID = "[Fri Jan 12 20:47:29 2024] NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', GPU has fallen off the bus.\n"
STACK = """\
Process 4711: /opt/conda/bin/python /opt/conda/bin/nnUNetv2_train 4 3d_fullres 0
Python v3.10.14 (/opt/conda/bin/python3.10)

Thread 4711 (idle): "MainThread"
    __get_next_item (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:188)
    __next__ (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:210)
    run_training (nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py:1211)
Thread 4790 (idle): "Thread-3 (results_loop)"
    results_loop (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:103)
"""
PROCESSES = """\
    PID STAT WCHAN                    %CPU   RSS                  STARTED COMMAND
   4711 Sl+  futex_wait_queue          1.0 4100000 Sun Nov 29 08:05:22 2026 python nnUNetv2_train 4 3d_fullres 0
   4790 T    do_signal_stop            0.0 1200000 Sun Nov 29 08:05:40 2026 python nnUNetv2_train 4 3d_fullres 0
   4791 D    nfs_wait_bit_killable     0.0 1200000 Sun Nov 29 08:05:40 2026 python nnUNetv2_train 4 3d_fullres 0
"""
OOM = (
    "[Fri Jan 12 20:47:29 2024] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task=python,pid=4711,uid=1000\n"
    "[Fri Jan 12 20:47:29 2024] Memory cgroup out of memory: Killed process 4711 (python) total-vm:61234kB\n"
)
MEMORY = """\
low 0
high 0
max 1834
oom 3
oom_kill 3
oom_group_kill 0
               total        used        free      shared  buff/cache   available
Mem:            62Gi        60Gi       210Mi       1.0Gi       1.2Gi       500Mi
Swap:             0B          0B          0B
"""
SWAP = """\
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1  0 812345 120000  10000 900000   12   20    30    40  100  200 10  2 88  0  0
 2  6 812345 110000  10000 900000 9000 7000  9100  7100  900  999 10 22 18 50  0
$ cat /proc/pressure/memory
some avg10=41.00 avg60=30.00 avg300=8.29 total=377161416
full avg10=32.00 avg60=20.00 avg300=6.51 total=225979841
"""
ENDED = """\
JobID             State ExitCode    Elapsed     ReqMem     MaxRSS
------------ ---------- -------- ---------- ---------- ----------
4001          COMPLETED      0:0   02:11:00        64G
4002         OUT_OF_ME+    0:125   00:31:00        64G
"""
STORAGE = """\
TARGET SOURCE         FSTYPE OPTIONS
/data  nas01:/export/ nfs4   rw,relatime,vers=4.2,rsize=1048576,hard,proto=tcp,timeo=600,addr=10.0.0.1
$ cat /proc/pressure/io
some avg10=62.00 avg60=50.00 avg300=8.29 total=377161416
full avg10=32.00 avg60=20.00 avg300=6.51 total=225979841
"""
TOP = """\
top - 11:17:30 up 23 days,  3:23,  4 users,  load average: 52.58, 48.19, 40.11
Tasks: 611 total,   4 running, 604 sleeping,   0 stopped,   3 zombie
%Cpu(s): 97.1 us,  2.0 sy,  0.0 ni,  0.9 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st
MiB Mem :  64105.6 total,  16120.5 free,  43606.8 used,   4723.8 buff/cache
MiB Swap:   2048.0 total,   2048.0 free,      0.0 used.  20498.8 avail Mem

    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
   2390 anna      20   0 2150688   1.1g 246980 R  1181   4.5   0:20.59 freesurfer
   4711 me        20   0 1572928 459692  50692 S  98.8   1.9   0:01.83 python
"""
VERSIONS = """\
2.1.0+cu118 11.8 8700
batchgenerators           0.25.1
batchgeneratorsv2         0.3.6
blosc2                    2.7.1
nnunetv2                  2.5.1
threadpoolctl             2.2.0
"""
# Check -> what its command prints, and the facts that are read of it.
ANSWERS: dict[str, tuple[str, dict[str, object]]] = {
    "gpu": (SMI, {
        "gpu.present": True, "gpu.virtualization": "vgpu", "gpu.licence_text": "Unlicensed (Restricted)",
        "gpu.utilization_ratio": 0.0, "software.driver": "550.54.15", "gpu.label": "NVIDIA A40-24Q",
    }),
    "gpu-clocks": (CLOCKS, {
        "gpu.throttled": True, "gpu.clock_ratio": 0.333, "gpu.power_ratio": 0.343, "gpu.temperature_c": 88.0,
        "gpu.utilization_ratio": 0.98, "gpu.clock_reasons": ("HW Slowdown", "HW Thermal Slowdown"),
    }),
    "gpu-kernel-log": (XID, {"gpu.kernel_errors": (XID.strip(),)}),
    "stacks": (STACK, {"main.waits_on": "batch-queue"}),
    "processes": (PROCESSES, {
        "workers.stopped": ("python (PID 4790)",), "workers.blocked": ("python (PID 4791)",), "scope.nnunet": True,
    }),
    "oom": (OOM, {"oom.kills": 1}),
    "memory-limit": (MEMORY, {"oom.kills": 3, "memory.used_ratio": 0.992}),
    "swap": (SWAP, {
        "swap.in_bytes_per_s": 9000 * 1024.0, "swap.out_bytes_per_s": 7000 * 1024.0, "pressure.memory": 0.32,
        "symptoms": ("waits-for-disk",),
    }),
    "how-it-ended": (ENDED, {"oom.kills": 1, "episode.kind": "death"}),
    "descriptors": ("1024\n5142\t0\t2466190\n", {"fds.limit": 1024}),
    "shared-memory": (
        "Filesystem      Size  Used Avail Use% Mounted on\nshm              64M   64M     0 100% /dev/shm\n",
        {"shm.total_bytes": float(64 << 20), "shm.used_ratio": 1.0},
    ),
    "room": (
        "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sdb1       916G  300G  570G  35% /data\n"
        "/dev/sdc1       916G  916G     0 100% /results\n"
        "Filesystem       Inodes    IUsed IFree IUse% Mounted on\n/dev/sdb1      61054976 61054976     0  100% /data\n",
        {"disk.full": True, "disk.error": "inodes", "disk.folder": "/results"},
    ),
    "storage": (STORAGE, {"storage.fs_type": "nfs4", "pressure.io": 0.62}),
    "storage-kernel-log": (
        "[Fri Jan 12 20:47:29 2024] nfs: server nas01 not responding, still trying\n",
        {"storage.kernel_errors": ("[Fri Jan 12 20:47:29 2024] nfs: server nas01 not responding, still trying",)},
    ),
    "cpus": ("$ nproc; nproc --all\n2\n64\n", {"cpu.effective": 2, "cpu.visible": 64}),
    "cpu-quota": (
        "200000 100000\nusage_usec 51\nuser_usec 40\nsystem_usec 11\nnr_periods 1000\nnr_throttled 900\n",
        {"cpu.quota": 2.0, "cpu.throttled_ratio": 0.9},
    ),
    "cpu-load": (TOP, {
        "cpu.iowait_ratio": 0.0, "cpu.host_busy_ratio": 0.991, "memory.used_ratio": 0.68,
        "symptoms": ("others-use-cpu",),
    }),
    "versions": (VERSIONS, {
        "software.torch": "2.1.0+cu118", "software.cuda": "11.8", "software.batchgenerators": "0.25.1",
        "software.threadpoolctl": "2.2.0", "software.nnunetv2": "2.5.1",
    }),
    "driver": (
        "name, driver_version\nNVIDIA GeForce RTX 3090, 535.104.05\n",
        {"software.driver": "535.104.05", "gpu.label": "NVIDIA GeForce RTX 3090"},
    ),
    "settings": (
        "nnUNet_n_proc_DA=12\nnnUNet_compile=F\nOMP_NUM_THREADS=1\nSLURM_CPUS_PER_TASK=4\n",
        {"setting.n_proc_da": 12, "setting.compile": False, "setting.omp_threads": 1, "setting.slurm_cpus": 4},
    ),
    "log": (
        "==> /r/fold_0/training_log_2024_1_12_19_00_00.txt <==\n2024-01-12 20:40:29.517981: Epoch 12\n"
        "2024-01-12 20:47:29.517981: Current learning rate: 0.0099\nFri Jan 12 20:48:29 CET 2024\n",
        {"log.age_s": 60.0, "progress.resumed": True},
    ),
    "hardware": (
        "[Fri Jan 12 20:47:29 2024] mce: [Hardware Error]: Machine check events logged\nmemtester version 4.5.1\n"
        "  Random Value        : FAILURE: 0x5a5a5a5a != 0x5a5a5a4a at offset 0x0123.\n",
        {"hardware.kernel_errors": ("Random Value : FAILURE: 0x5a5a5a5a != 0x5a5a5a4a at offset 0x0123.",)},
    ),
    "gpu-link": ("pcie.link.width.current, pcie.link.width.max\n4, 16\n", {"gpu.pcie_ratio": 0.25}),
    "limits": ("virtual memory              (kbytes, -v) 8388608\n", {"limit.address_space_bytes": 8 * GIB}),
    "machine": ("kvm\nLinux 5.15.0-91-generic\n0::/\n", {"system.virtual_machine": "kvm", "system.os": "linux"}),
}  # fmt: skip
# They print what Holter itself says, or a traceback.
OF_HOLTER = ("live", "epochs", "first-exception")


def test_every_check_has_an_answer_here() -> None:
    assert {check.id for check in CHECK_COMMANDS} == {*ANSWERS, *OF_HOLTER}


@pytest.mark.parametrize("check", ANSWERS)
@pytest.mark.parametrize(
    "frame",
    ["{}", "It hangs, and this is what I see:\n\n{}\nAny idea?\n", "训练很慢，输出如下：\n{}\n谢谢\n", "```\n{}```\n"],
    ids=["alone", "prose", "zh", "code"],
)
def test_the_answer_to_a_check_is_read(check: str, frame: str) -> None:
    text, expected = ANSWERS[check]
    found = facts_of(frame.format(text))
    in_words = () if frame == "{}" else ("symptoms", "episode.kind")  # the sentence around it adds its own
    for name, value in expected.items():
        assert name in in_words or found[name].value == value, name


def test_answers_in_one_paste_are_all_read() -> None:
    names = ("shared-memory", "processes", "storage", "versions", "cpu-quota")
    found = facts_of("\n".join(f"$ something\n{ANSWERS[name][0]}" for name in names))
    for name in names:
        assert ANSWERS[name][1].items() <= {fact: hit.value for fact, hit in found.items()}.items(), name


LIMITS = {
    "virtual memory              (kbytes, -v) 8388608\n": {"limit.address_space_bytes": 8 * GIB},
    "file size                   (blocks, -f) 2097152\n": {"limit.file_size_bytes": 2 * GIB},
    "cpu time                   (seconds, -t) 3600\n": {"limit.cpu_time_s": 3600.0},
    "$ ulimit -v\n8388608\n": {"limit.address_space_bytes": 8 * GIB},
    "me@node:~$ ulimit -f\n2097152\n": {"limit.file_size_bytes": 2 * GIB},
    "vmemory(kbytes)      8388608\nnofiles              256\n": {
        "limit.address_space_bytes": 8 * GIB,
        "fds.limit": 256,
    },
    "$ ulimit -v\nunlimited\n": {},
}


@pytest.mark.parametrize("text", LIMITS)
def test_limits_of_a_shell_are_read(text: str) -> None:
    found = facts_of(text)
    assert {name: hit.value for name, hit in found.items()} == LIMITS[text]


SLURM = {
    "JobId=77 JobName=train\n   JobState=TIMEOUT Reason=TimeLimit Dependency=(null)\n   ExitCode=0:15\n"
    "   NumNodes=1 NumCPUs=4 NumTasks=1 CPUs/Task=4 ReqB:S:C:T=0:0:*:*\n": {
        "main.time_limit": True, "main.exit_signal": 15, "setting.slurm_cpus": 4, "cpu.effective": 4,
    },
    "JobId=78 JobName=train\n   JobState=FAILED Reason=NonZeroExitCode\n   ExitCode=137:0\n": {"main.exit_signal": 9},
    "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode\n"
    "77               nnunet        gpu        lab          4     FAILED     0:11\n": {"main.exit_signal": 11},
    "Job ID: 77\nCluster: c\nState: OUT_OF_MEMORY (exit code 0)\nMemory Utilized: 63.9 GB\n": {"oom.kills": 1},
    "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode\n"
    "76               nnunet        gpu        lab          4 OUT_OF_ME+    0:125\n"
    "77               nnunet        gpu        lab          4  COMPLETED      0:0\n": {},
}  # fmt: skip


@pytest.mark.parametrize("text", SLURM)
def test_the_last_job_of_slurm_is_read(text: str) -> None:
    found = facts_of(text)
    assert SLURM[text].items() <= {name: hit.value for name, hit in found.items()}.items()
    assert SLURM[text] or "oom.kills" not in found


def test_docker_with_the_memory_of_the_host_has_no_small_shared_memory() -> None:
    inspect = '"HostConfig": {{"IpcMode": "{}", "ShmSize": 67108864, "CpuQuota": 400000, "CpuPeriod": 100000}}'
    assert facts_of(inspect.format("private"))["shm.total_bytes"].value == 67108864.0
    found = facts_of(inspect.format("host"))
    assert "shm.total_bytes" not in found
    assert found["cpu.quota"].value == 4.0


def test_the_file_system_of_the_data_is_the_one_that_holds_their_folder() -> None:
    mounts = "nas:/home on /home type nfs4 (rw)\n/dev/nvme0n1p1 on /ssd type xfs (rw)\n/dev/sda1 on / type ext4 (rw)\n"
    assert facts_of(mounts)["storage.fs_type"].value == "nfs4"
    assert facts_of(f"nnUNet_preprocessed=/ssd/prep\n{mounts}")["storage.fs_type"].value == "xfs"


@pytest.mark.parametrize(
    ("disks", "is_slow"),
    [
        ("sda    1 disk 8T\n", True),
        ("sda    1 disk 8T\nnvme0n1    0 disk 1T\n", False),  # which of them holds the data is not said
        ("vda    1 disk 256G\nzram0    0 disk 0B\n", False),  # virtual disks always say so
    ],
)
def test_disks_that_rotate_are_slow_only_if_all_do(disks: str, is_slow: bool) -> None:
    found = facts_of("NAME ROTA TYPE SIZE\n" + disks)
    assert ("symptoms" in found) == is_slow


OLD = "[Mon Jan  8 03:00:00 2024] Out of memory: Killed process 99 (python) total-vm:1kB\n"
NEW = "[Fri Jan 12 20:47:20 2024] Out of memory: Killed process 4711 (python) total-vm:1kB\n"
STAMPS = "2024-01-12 19:00:00.000000: Epoch 0\n2024-01-12 20:47:29.517981: Epoch 12\n"


def test_a_line_of_the_kernel_from_before_the_training_is_no_evidence() -> None:
    assert "oom.kills" not in facts_of(STAMPS + OLD)
    assert facts_of(STAMPS + OLD + NEW)["oom.kills"].quote == NEW.strip()
    assert "oom.kills" in facts_of(OLD)  # alone it is the newest


def test_of_a_kernel_log_alone_the_last_day_counts() -> None:
    log = "[ 868.756672] Out of memory: Killed process 99 (python)\n[{}.000000] usb 1-1: new device\n"
    assert "oom.kills" in facts_of(log.format(5000))
    assert "oom.kills" not in facts_of(log.format(500_000))


def test_a_crash_of_another_program_in_the_kernel_log_is_not_the_training() -> None:
    line = "[12345.910660] {}[16836]: segfault at 7f6ff8f9a23c ip 00007f6fe1ac0886 sp 00007ffee7eb8e60 error 7\n"
    assert facts_of(line.format("python"))["main.exit_signal"].value == 11
    assert facts_of(line.format("chrome")) == {}


COMMANDS = (
    "df -h /dev/shm", "df -hT /", "df -i /", "free -m", "free -h", "nproc", "ulimit -a", "dmesg", "ps aux", "ps -ef",
    "top -b -n 1", "lsblk", "lsblk -o name,rota,type,size", "mount", "findmnt -T /tmp", "vmstat 1 2", "vmstat -w 1 2",
    "iostat -x 1 2", "env", "lscpu", "uptime", "cat /proc/pressure/io", "systemd-detect-virt; uname -sr",
    "python3 -m pip list", "cat /proc/self/cgroup",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_what_this_machine_prints_tells_no_story(command: str) -> None:
    """The real output of a command is read as facts, never as a person's description of trouble."""
    if shutil.which(command.split()[0].rstrip(";"), path=PATH) is None and not command.startswith("ulimit"):
        pytest.skip(f"{command.split()[0]} is not here")
    environment = {"LC_ALL": "C", "PATH": PATH, "NCCL_DEBUG": "INFO", "SLOW_DISK": "stuck"}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    found = facts_of(done.stdout)
    assert "resembles" not in found
    shown = {"waits-for-disk", "others-use-cpu", "swap-full", "slow-disk"}  # what such an output may show
    assert set(found["symptoms"].value if "symptoms" in found else ()) <= shown  # type: ignore[arg-type]
    # A process of this machine that is really stopped is a story: `ps` has it in STAT, `top` counts it in its head.
    is_stopped = "STAT" in done.stdout or re.search(r"[1-9]\d* stopped", done.stdout) is not None
    assert command == "dmesg" or "episode.kind" not in found or is_stopped
