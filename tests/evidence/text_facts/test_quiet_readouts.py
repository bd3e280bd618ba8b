"""Outputs of commands on a machine without trouble, each beside the one with trouble: only the second one accuses.

The outputs of sysstat 12.6, procps 4.0, util-linux 2.38, zsh 5.9 and dash 0.5 were made on a machine; those of
docker inspect, nvidia-smi and the kernel have the formats of moby's API, NVIDIA's manual page and mm/oom_kill.c,
kernel/hung_task.c, block/blk-core.c, net/sunrpc/clnt.c.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from holter.diagnosis.words import accuses, diagnosed, stated
from holter.evidence.text_facts import facts_of
from tools import PATH

VMSTAT = (
    "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
    " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n"
)
ZSH = (
    "-t: cpu time (seconds)              {t}\n-f: file size (blocks)              {f}\n"
    "-d: data seg size (kbytes)          unlimited\n-l: locked-in-memory size (kbytes)  8192\n"
    "-n: file descriptors                20000\n-v: address space (kbytes)          unlimited\n"
    "-q: bytes in POSIX msg queues       819200\n-N 15: rt cpu time (microseconds)   unlimited\n"
)
DF = "Filesystem      Size  Used Avail Use% Mounted on\n"
SMI = (
    "| NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |\n"
    "|   0  NVIDIA GeForce RTX 3090        On  | 00000000:01:00.0 Off |                  N/A |\n"
)
THROTTLE = (
    "    Clocks Event Reasons\n        SW Power Cap                      : {}\n"
    "        HW Slowdown                       : {}\n"
)
INSPECT = (
    '        "State": {{\n            "Status": "exited",\n            "OOMKilled": {oom},\n'
    '            "ExitCode": {code},\n        "HostConfig": {{\n            "IpcMode": "host",\n'
    '            "ShmSize": 67108864,\n            "OomKillDisable": false,\n'
)
REASONS = "name, clocks_event_reasons.active, utilization.gpu [%]\nNVIDIA A100-SXM4-40GB, {}, 97 %\n"
CROWD = "concurrent-jobs-contention"
UPTIME = " 14:02:11 up 5 days,  2:11,  1 user,  load average: 40.12, 39.05, 38.90\n"
TOP = (
    "top - 14:02:11 up 5 days,  2:11,  2 users,  load average: 8.12, 8.05, 7.90\n"
    "Tasks: 190 total,   9 running, 181 sleeping,   0 stopped,   0 zombie\n"
    "%Cpu(s): {busy} us,  0.5 sy,  0.0 ni, {idle} id,  0.0 wa,  0.0 hi,  0.3 si, {stolen} st\n"
)
ROWS = (
    "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n"
    "   2390 anna      20   0 2150688   1.1g 246980 R  {}   4.5   0:20.59 freesurfer\n"
    "   4711 me        20   0 1572928 459692  50692 S  98.8   1.9   0:01.83 python\n"
)
PS = (
    "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
    "{}        2390 {}  4.5 2150688 1100000 ?      R    10:00   9:10 freesurfer -all\n"
    "me          4711  0.0  2.0 123456 65432 pts/0    Sl+  10:00   0:10 python nnUNetv2_train 4 3d_fullres 0\n"
)
IOSTAT = "Linux 6.1.0 (n1) \t11/30/26 \t_x86_64_\t(16 CPU)\n\n"
CPU = (
    "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n           2.06    0.00    1.20   {}    0.00   53.20\n\n"
)
DEVICES = (
    "Device            r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz     w/s     wkB/s  aqu-sz  %util\n"
    "nvme0n1       {reads}  97597.50     5.77   5.36    {wait}    15.68   44.87   2717.32    0.24  99.80\n\n"
)
MPSTAT = (
    "Linux 6.1.0 (n1) \t11/30/26 \t_x86_64_\t(2 CPU)\n\n"
    "23:10:45     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle\n"
    "23:10:46     all    1.50    7.00   11.50    0.00    0.00    0.00    3.00    0.00    0.00   40.00\n\n"
    "Average:     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle\n"
    "Average:     all    1.50    7.00   11.50    0.00    0.00    0.00    {}    0.00    0.00   40.00\n"
)
ECC = (
    "    ECC Errors\n        Volatile\n            SRAM Correctable              : 0\n"
    "            DRAM Correctable              : 3\n            DRAM Uncorrectable            : {now}\n"
    "        Aggregate\n            DRAM Uncorrectable            : {ever}\n"
)
ON_GPU = (
    "|    0   N/A  N/A      1711      C   python                                    11808MiB |\n"
    "|    0   N/A  N/A      2711      {type}   {name}                         {mib}MiB |\n"
)
KERNEL = "[Fri Jan 12 20:47:29 2024] "
# Name -> without trouble, with trouble, and the cause that the second one may have.
TWINS = {
    "docker inspect": (
        INSPECT.format(oom="false", code=0), INSPECT.format(oom="true", code=137), "ram-oom-train-worker",
    ),
    "memory.events": ("oom 0\noom_kill 0\noom_group_kill 0\n", "oom 3\noom_kill 3\n", "ram-oom-train-worker"),
    "oom kill": (
        f"{KERNEL}python invoked oom-killer: gfp_mask=0x1100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\n"
        f"{KERNEL}oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,task=chrome,pid=99,uid=1000\n"
        f"{KERNEL}Out of memory: Killed process 99 (chrome) total-vm:61234kB, anon-rss:61000kB\n",
        f"{KERNEL}chrome invoked oom-killer: gfp_mask=0x1100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0\n"
        f"{KERNEL}oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,task=python,pid=99,uid=1000\n"
        f"{KERNEL}Out of memory: Killed process 99 (python) total-vm:61234kB, anon-rss:61000kB\n",
        "ram-oom-train-worker",
    ),
    "hung task": (
        f"{KERNEL}INFO: task kworker/u8:1:411 blocked for more than 120 seconds.\n",
        f"{KERNEL}INFO: task python:4711 blocked for more than 120 seconds.\n",
        "slow-storage",
    ),
    "drive of the training": (
        f"{KERNEL}blk_update_request: I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1\n",
        f"{KERNEL}blk_update_request: I/O error, dev sdb, sector 9 op 0x0:(READ) flags 0x0 phys_seg 1\n",
        "slow-storage",
    ),
    "nfs": (
        f"{KERNEL}nfs: server nas01 not responding, still trying\n{KERNEL}nfs: server nas01 OK\n",
        f"{KERNEL}nfs: server nas01 OK\n{KERNEL}nfs: server nas01 not responding, still trying\n",
        "slow-storage",
    ),
    "df in blocks": (
        "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
        "tmpfs             24683652    11996  24671656       1% /dev/shm\n",
        "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
        "shm                  65536        0     65536       0% /dev/shm\n",
        "shm-too-small",
    ),
    "df with room": (
        f"{DF}/dev/md0         80T   78T  1.7T  98% /data\n", f"{DF}/dev/md0         80T   80T   12M 100% /data\n",
        "disk-full-or-quota",
    ),
    "df of images": (
        f"{DF}/dev/loop9      128K  128K     0 100% /var/lib/snapd/snap/bare/5\n"
        "/dev/sr0        3.6G  3.6G     0 100% /media/me/Ubuntu\ncvmfs2          4.0G  4.0G     0 100% /cvmfs/x\n",
        f"{DF}/dev/sdb1       3.6G  3.6G     0 100% /media/me/disk\n",
        "disk-full-or-quota",
    ),
    "swap": (
        f"{VMSTAT} 1  0 2097148 1120000  10000 900000    0    0    30    40  100  200 10  2 88  0  0\n"
        " 2  0 2097148 1110000  10000 900000    0    0    91    71  900  999 10  2 88  0  0\n"
        "Mem:            62Gi        12Gi        10Gi       1.0Gi        40Gi        48Gi\n"
        "Swap:          2.0Gi       2.0Gi        12Mi\n",
        f"{VMSTAT} 1  0 2097148 1120000  10000 900000    0    0    30    40  100  200 10  2 88  0  0\n"
        " 2  6 2097148 1110000  10000 900000 9000 7000    91    71  900  999 10 22 68  0  0\n",
        "swap-thrash",
    ),
    "vmstat since boot": (
        f"{VMSTAT} 1  0      0 1120000  10000 900000    0    0    30    40  100  200 10  2 60 28  0\n",
        f"{VMSTAT} 1  0      0 1120000  10000 900000    0    0    30    40  100  200 10  2 88  0  0\n"
        " 2  6      0 1110000  10000 900000    0    0  9100  7100  900  999 10  2 38 50  0\n",
        "slow-storage",
    ),
    "steal in top": (TOP.format(busy=61.1, idle=37.1, stolen=0.3), TOP.format(busy=61.1, idle=2.1, stolen=35.3), CROWD),
    "steal in vmstat": (
        f"{VMSTAT} 9  0      0 1120000  10000 900000    0    0    30    40  100  200 50  5 30  0 15\n"
        " 9  0      0 1120000  10000 900000    0    0    30    40  100  200 50  5 44  0  1\n",
        f"{VMSTAT} 9  0      0 1120000  10000 900000    0    0    30    40  100  200 50  5 44  0  1\n"
        " 9  0      0 1120000  10000 900000    0    0    30    40  100  200 50  5  7  0 38\n",
        CROWD,
    ),
    "steal in mpstat": (MPSTAT.format("1.00"), MPSTAT.format("41.00"), CROWD),
    "iowait in iostat": (
        IOSTAT + CPU.format("30.00") + CPU.format("1.00"), IOSTAT + CPU.format("1.00") + CPU.format("30.00"),
        "slow-storage",
    ),
    "load and nproc": (
        f"$ uptime\n{UPTIME}$ nproc\n64\n", f"$ uptime\n{UPTIME}$ nproc\n8\n", "thread-oversubscription",
    ),
    "load alone": (UPTIME, f"{UPTIME}CPU(s):                          4\n", CROWD),
    "processes of others in top": (
        TOP.format(busy=3.1, idle=96.4, stolen=0.0) + ROWS.format(98.1),
        TOP.format(busy=99.1, idle=0.4, stolen=0.0) + ROWS.format(2998.1),
        CROWD,
    ),
    "processes of others in ps": (
        PS.format("anna", 99.0), PS.format("anna", 1181.0), CROWD,
    ),
    "my own processes in ps": (PS.format("me", 1181.0), PS.format("root", 1181.0), CROWD),
    "size of shared memory": (
        "tmpfs on /dev/shm type tmpfs (rw,nosuid,nodev,size=24683652k,inode64)\n",
        "shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k,inode64)\n",
        "shm-too-small",
    ),
    "disks that rotate": (
        "NAME    ROTA TYPE SIZE MODEL\nsda        1 disk  64G Virtual Disk\n",
        "NAME    ROTA TYPE SIZE MODEL\nsda        1 disk  64G ST8000NM0055\n",
        "slow-storage",
    ),
    "default columns of lsblk": (
        "NAME   MAJ:MIN RM   SIZE RO TYPE MOUNTPOINTS\nsda      8:0    0   7.3T  0 disk /data\n",
        "NAME ROTA\nsda     1\n├─sda1  1\n└─sda2  1\n",
        "slow-storage",
    ),
    "reads of an NVMe disk": (
        DEVICES.format(reads="9101.87", wait="0.15"), DEVICES.format(reads="101.87", wait="250.15"), "slow-storage",
    ),
    "reads of an idle disk": (
        DEVICES.format(reads="0.10", wait="250.15"), DEVICES.format(reads="90.10", wait="250.15"), "slow-storage",
    ),
    "workers and CPUs": (
        "$ nproc\n12\n$ env | grep nnUNet\nnnUNet_n_proc_DA=12\n",
        "$ nproc\n4\n$ env | grep nnUNet\nnnUNet_n_proc_DA=32\n",
        "few-cores-allocated",
    ),
    "some of the CPUs": (
        "$ nproc; nproc --all\n32\n64\n", "$ nproc; nproc --all\n2\n64\n", "few-cores-allocated",
    ),
    "errors of GPU memory in the table": (
        f"{SMI.replace('N/A', '  0')}", f"{SMI.replace('N/A', ' 12')}", "gpu-lost-or-gsp",
    ),
    "errors of GPU memory": (ECC.format(now=0, ever=9), ECC.format(now=4, ever=9), "gpu-lost-or-gsp"),
    "processes on the GPU": (
        f"{SMI}{ON_GPU.format(type='G', name='/usr/lib/xorg/Xorg', mib=1108)}",
        f"{SMI}{ON_GPU.format(type='C', name='...vs/torch/bin/python3.9', mib=9108)}",
        "gpu-shared-or-zombie",
    ),
    "nvidia-smi": (
        f"{SMI}|ERR!   61C    P2             320W / 350W |  11900MiB / 24576MiB |    100%      Default |\n",
        f"{SMI}|ERR!  ERR!  ERR!            ERR! / ERR!  |   GPU is lost.       |    ERR!      Default |\n",
        "gpu-lost-or-gsp",
    ),
    "reasons as bits": (  # power limit; power limit and heat
        REASONS.format("0x0000000000000004"), REASONS.format("0x0000000000000044"), "gpu-thermal-or-power",
    ),
    "power limit": (
        THROTTLE.format("Active", "Not Active"), THROTTLE.format("Active", "Active"), "gpu-thermal-or-power",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TWINS)
def test_only_the_output_with_trouble_accuses(name: str) -> None:
    healthy, faulty, cause = TWINS[name]
    for text in (healthy, f"```\n{healthy}```\n", f"$ cat it\n{healthy}"):
        assert not accuses(facts_of(text))
    found = facts_of(faulty)
    assert accuses(found)
    verdicts = {verdict.cause: verdict.verdict for verdict in diagnosed(stated(found)).verdicts}
    assert verdicts[cause] != "excluded"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ZSH.format(t="unlimited", f="unlimited"), {"fds.limit": 20000}),
        # zsh counts in blocks of 512 bytes
        (ZSH.format(t=3600, f=2097152), {
            "fds.limit": 20000, "limit.cpu_time_s": 3600.0, "limit.file_size_bytes": 2.0**30,
        }),
    ],
)  # fmt: skip
def test_limits_of_zsh_are_read_and_are_no_story(text: str, expected: dict[str, object]) -> None:
    found = facts_of(text)
    assert {name: hit.value for name, hit in found.items()} == expected
    assert not accuses(found)


def test_the_product_of_a_licence_is_no_gpu() -> None:
    text = (
        "    vGPU Software Licensed Product\n"
        "        Product Name                      : NVIDIA RTX Virtual Workstation\n"
        "        License Status                    : Unlicensed (Unrestricted)\n"
    )
    assert "gpu.label" not in facts_of(text)
    name = "    Product Name                          : NVIDIA A40\n"
    assert facts_of(name + text)["gpu.label"].value == "NVIDIA A40"


# As Slurm 23.02, NVIDIA's manual page of nvidia-smi and docker stats show them.
TABLES = {
    "squeue": "  JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
    "   4711       gpu    train       me  R      31:00      1 n12\n"
    "   4712       gpu    train       me PD       0:00      1 (Resources)\n",
    "topo": "\tGPU0\tGPU1\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\nGPU0\t X \tPHB\t0-31\t0\t\tN/A\n"
    "GPU1\tPHB\t X \t0-31\t0\t\tN/A\n\nLegend:\n\n  X    = Self\n"
    "  PIX  = Connection traversing at most a single PCIe bridge\n"
    "  NV#  = Connection traversing a bonded set of # NVLinks\n",
    "compute-apps": "gpu_uuid, pid, process_name, used_gpu_memory [MiB]\n"
    "GPU-3c8e2a1b-0000-0000-0000-000000000000, 4711, python, 11808 MiB\n",
    "dmon": "# gpu    pwr  gtemp  mtemp     sm    mem    enc    dec   mclk   pclk \n"
    "# Idx      W      C      C      %      %      %      %    MHz    MHz \n"
    "    0     91     47      -     96     60      0      0   9501   1740 \n",
    "docker stats": "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O        PIDS\n"
    "3f2a1b4c5d6e   train     203.12%   33.4GiB / 62.8GiB     53.18%    1.2MB / 3.4kB     41\n",
    "/proc/vmstat": "nr_free_pages 4113391\npgfault 9134391\noom_kill 16\n",  # since the machine was started
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_shows_no_trouble_is_no_story(name: str) -> None:
    for text in (TABLES[name], f"> {TABLES[name]}".replace("\n", "\n> ")):
        found = facts_of(text)
        assert "resembles" not in found
        assert not accuses(found)


# What a healthy machine prints, made here. A machine that is used by others may be short of CPUs or waits for its disk.
COMMANDS = (
    "df -P -k", "df -B 1M", "free -w -t", "iostat -xz 1 2", "iostat", "mpstat -P ALL 1 1", "pidstat 1 1", "sar -u 1 1",
    "zsh -c 'ulimit -a'", "zsh -c limit", "dash -c 'ulimit -a'", "top -b -n 1 -1", "cat /proc/loadavg", "uptime",
    "lsblk -d -o name,rota,type,size,model,tran", "cat /proc/cpuinfo", "cat /proc/meminfo", "cat /proc/vmstat",
    "cat /proc/mounts", "cat /proc/self/mountinfo", "cat /proc/self/status", "cat /proc/self/limits", "ip addr",
    "findmnt", "w", "ls -la /", "head -30 /proc/interrupts",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_what_this_machine_prints_is_no_story(command: str) -> None:
    if shutil.which(command.split()[0], path=PATH) is None:
        pytest.skip(f"{command.split()[0]} is not here")
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60,
        env={"LC_ALL": "C", "PATH": PATH, "COLUMNS": "160"},
    )  # fmt: skip
    found = facts_of(f"me@node:~$ {command}\n{done.stdout}")
    assert "resembles" not in found
    shown = {"waits-for-disk", "others-use-cpu", "slow-disk"}  # what such a machine may really show
    assert set(found["symptoms"].value if "symptoms" in found else ()) <= shown  # type: ignore[arg-type]
