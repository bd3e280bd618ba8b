"""Outputs in other languages, of other shells, versions and machines: facts, and no word about a healthy one."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.targets import read_pipe
from holter.diagnosis.words import accuses
from holter.evidence.text_facts import facts_of, quiet_commands
from holter.reports.quiet import is_of_outputs

GIB = 2.0**30
SMI = "| NVIDIA-SMI 535.183.01             Driver Version: 535.183.01   CUDA Version: 12.2     |\n"
# A divided GPU prints no utilisation; in a container no process is listed.
MIG = (
    f"{SMI}|   0  NVIDIA A100-SXM4-80GB          On  | 00000000:07:00.0 Off |                   On |\n"
    "| N/A   47C    P0             211W / 400W |  38005MiB / 81920MiB |     N/A      Default |\n"
    "|                                         |                      |              Enabled |\n"
    "| MIG devices:                                                                          |\n"
    "|  0    1   0   0  |           37987MiB / 40192MiB  | 42      0 |  3   0    2    0    0 |\n"
    "|  No running processes found                                                           |\n"
)
BUSY = (
    f"{SMI}|   0  NVIDIA GeForce RTX 3090        Off | 00000000:01:00.0  On |                  N/A |\n"
    "| 41%   62C    P2             285W / 350W |   9821MiB / 24576MiB |     97%      Default |\n"
    "|    0   N/A  N/A     23761      C   ...envs/nnunet/bin/python3.9                 9745MiB |\n"
)
AT_ITS_POWER = (
    "    Clocks Event Reasons\n        SW Power Cap                      : Active\n"
    "        HW Slowdown                       : Not Active\n"
    "    Utilization\n        Gpu                               : 99 %\n"
    "    GPU Power Readings\n        Power Draw                        : 348.11 W\n"
    "        Current Power Limit               : 350.00 W\n"
)
GRIDD = "Nov 24 09:12:0{} vm1 nvidia-gridd[831]: {}\n"
NO_LICENCE = (
    "Valid GRID license not found. GPU features and performance will be restricted. "
    "To enable full functionality please configure licensing details."
)
GOT = "License acquired successfully. (Info: 10.1.2.3, NVIDIA RTX Virtual Workstation; Expiry: 2023-11-25 9:12:6 GMT)"
MANAGER = "Sep 15 06:55:5{} node nvidia-vgpu-mgr[4260]: notice: vmiop_log: (0x0): vGPU license state: {}\n"
POD = (
    "Name:             nnunet-train-0\nNamespace:        imaging\nStatus:           Running\n"
    "    State:          Terminated\n      Reason:       {}\n      Exit Code:    {}\n"
    "    Limits:\n      cpu:             8\n      memory:          64Gi\n      nvidia.com/gpu:  1\n"
)
HTOP = (
    "    PID USER       PRI  NI  VIRT   RES   SHR S  CPU%-MEM%   TIME+  Command\n"
    "  23761 me          20   0 41.2G 5121M  196M S   0.0  4.1 20h01:11 python /opt/conda/bin/nnUNetv2_train 4 2d 0\n"
    "  23801 me          20   0 20.2G 2121M 98.8M {}   0.0  1.6  6h41:11 python /opt/conda/bin/nnUNetv2_train 4 2d 0\n"
)
SYSSTAT = (
    "Linux 6.8.0-45-generic (ws) \t29.09.2025 \t_x86_64_\t(24 CPU)\n\n"
    "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"
    "          31,15    0,01    2,80    0,02    0,00   66,02\n\n"
    "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"
    "          31,15    0,01    2,80   41,02    0,00   25,02\n"
)
MEMTESTER = "memtester version 4.5.1 (64-bit)\nLoop 1/1:\n  Stuck Address       : ok\n  Random Value        : {}\n"
READ = {
    "df in German": (
        "Dateisystem    Größe Benutzt Verf. Verw% Eingehängt auf\n/dev/sda2       916G    916G     0  100% /home\n",
        {"disk.full": True, "disk.folder": "/home"},
    ),
    "df in French": (
        "Sys. de fichiers Taille Utilisé Dispo Uti% Monté sur\ntmpfs               64M       0   64M   0% /dev/shm\n",
        {"shm.total_bytes": 64 * 2.0**20},
    ),
    "free in German": (
        "              gesamt       benutzt     frei      gemns.  Puffer/Cache verfügbar\n"
        "Speicher:       125Gi       124Gi       200Mi       1,2Gi        1Gi       625Mi\n",
        {"memory.used_ratio": 0.995},
    ),
    "vmstat in Chinese": (
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
        " r  b 交换 空闲 缓冲 缓存   si   so    bi    bo   in   cs us sy id wa st\n"
        " 2  0   6656 3123456 211234 81234567    0    0    98    41    1    2 21  1 78  0  0\n"
        " 1  9   6656 3113456 211234 81234567    0    0 98128     0 9121 8121  3  2 37 58  0\n",
        {"cpu.iowait_ratio": 0.58},
    ),
    "decimal commas": (SYSSTAT, {"cpu.iowait_ratio": 0.41}),
    "top with commas": (
        "%Cpu(s):  5,3 us,  2,1 sy,  0,0 ni, 50,1 id, 42,5 wa,  0,0 hi,  0,0 si,  0,0 st\n",
        {"cpu.iowait_ratio": 0.425},
    ),
    "ulimit of fish": (
        "Maximum number of open file descriptors                             (-n) 256\n", {"fds.limit": 256},
    ),
    "htop": (HTOP.format("T"), {"workers.stopped": ("python (PID 23801)",), "episode.kind": "stall"}),
    "findmnt in WSL": (
        "TARGET SOURCE FSTYPE OPTIONS\n/mnt/d D:\\    9p     rw,noatime,aname=drvfs;path=D:\\;uid=1000\n",
        {"storage.fs_type": "9p", "storage.windows_drive": True},
    ),
    "pip show": ("Name: nnunetv2\nVersion: 2.5.1\nSummary: nnU-Net.\n", {"software.nnunetv2": "2.5.1"}),
    "collect_env": (
        "PyTorch version: 2.3.1+cu121\nIs debug build: False\nCUDA used to build PyTorch: 12.1\n[pip3] torch==2.3.1\n",
        {"software.torch": "2.3.1+cu121", "software.cuda": "12.1"},
    ),
    "docker stats": (
        "CONTAINER ID   NAME     CPU %   MEM USAGE / LIMIT   MEM %    NET I/O         BLOCK I/O        PIDS\n"
        "3f2a1b4c5d6e   train    3.44%   31.98GiB / 32GiB    99.93%   12.6MB / 1MB    1.02TB / 10GB    87\n",
        {"memory.used_ratio": 0.999, "system.container": "docker"},
    ),
    "paused container": (
        '        "State": {\n            "Status": "paused",\n            "Paused": true,\n'
        '            "ExitCode": 0,\n',
        {"frozen.processes": ("the container",), "episode.kind": "stall"},
    ),
    "suspended job": (
        "JobId=77 JobName=train\n   JobState=SUSPENDED Reason=None Dependency=(null)\n   ExitCode=0:0\n",
        {"frozen.processes": ("the job",), "episode.kind": "stall"},
    ),
    "pod": (POD.format("Error", 139), {"cpu.quota": 8.0, "main.exit_signal": 11, "system.container": "kubernetes"}),
    "memtester": (
        MEMTESTER.format("FAILURE: 0x7fdf8a3b5f1c2b1a != 0x7fdf8a3b5f1c2b0a at offset 0x1a2b3c40."),
        {"episode.kind": "death"},
    ),
    "nvidia-gridd": (
        GRIDD.format(1, "Acquiring license. (Info: 10.1.2.3:7070)") + GRIDD.format(9, NO_LICENCE),
        {"gpu.virtualization": "vgpu", "gpu.licence_text": "Unlicensed"},
    ),
    "Get-PSDrive": (
        "Name           Used (GB)     Free (GB) Provider      Root\n----           ---------     --------- --------\n"
        "C                 411,22         64,11 FileSystem    C:\\\n"
        "D                1811,01          0,02 FileSystem    D:\\\n",
        {"disk.full": True, "disk.folder": "D:\\"},
    ),
    "Get-Counter": (
        "12.03.2024 09:11:05       \\\\ws\\memory\\committed bytes :\n                          49539607552\n\n"
        "                          \\\\ws\\memory\\commit limit :\n                          51539607552\n",
        {"memory.used_ratio": 0.961},
    ),
    "processors": (
        "PS C:\\Users\\me> (Get-CimInstance Win32_ComputerSystem).NumberOfLogicalProcessors\n16\n", {"cpu.visible": 16},
    ),
}  # fmt: skip
HEALTHY = {
    "divided GPU": MIG,
    "GPU at work": BUSY,
    "GPU at its power limit": AT_ITS_POWER,
    "licence that came": GRIDD.format(1, NO_LICENCE) + GRIDD.format(6, GOT),
    "licence of a guest": MANAGER.format(0, "Unlicensed (Unrestricted)") + MANAGER.format(2, "Licensed"),
    "pod": POD.format("Completed", 0),
    "htop": HTOP.format("S"),
    "limits": "open files                          (-n) 1024\nmax user processes                  (-u) 513418\n",
    "memory": "               total        used        free      shared  buff/cache   available\n"
    "Mem:           125Gi        41Gi        12Gi       1.2Gi        72Gi        82Gi\n",
    "driver": "name, driver_version\nNVIDIA A100-SXM4-40GB, 535.104.05\n",
    "top in Chinese": "top - 10:14:51 up 12 days,  1:22,  3 users,  load average: 12.11, 11.90, 11.88\n"
    "任务: 412 total,   2 running, 410 sleeping,   0 stopped,   0 zombie\n"
    "%Cpu(s): 12.3 us,  1.1 sy,  0.0 ni, 86.4 id,  0.1 wa,  0.0 hi,  0.1 si,  0.0 st\n\n"
    " 进程号 USER      PR  NI    VIRT    RES    SHR    %CPU  %MEM     TIME+ COMMAND\n",
}
FRAMES = {
    "alone": "{}",
    "sentence": "Hello, this is what the command prints on our server:\n\n{}\nThanks for having a look.\n",
    "Chinese": "你好，这是服务器上该命令的输出：\n\n{}\n谢谢。\n",
    "fence": "```\n{}```\n",
    "page": "<pre>{}</pre>",
    "PowerShell": "(nnunet) PS C:\\Users\\me> the-command\n{}(nnunet) PS C:\\Users\\me> \n",
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", READ)
def test_the_output_is_read(name: str, frame: str) -> None:
    text, expected = READ[name]
    found = facts_of(FRAMES[frame].format(text))
    assert {fact: found[fact].value for fact in expected if fact in found} == expected


@pytest.mark.slow
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_output_accuses_nobody_whatever_stands_around_it(name: str, frame: str) -> None:
    found = facts_of(FRAMES[frame].format(HEALTHY[name]))
    assert "symptoms" not in found
    assert not accuses(found)


def test_memory_that_a_slice_uses_is_not_held_by_a_dead_process() -> None:
    assert "gpu.zombie_bytes" not in facts_of(MIG)
    assert "gpu.zombie_bytes" in facts_of(MIG.replace("     N/A      Default", "      0%      Default"))


QUIET = {
    "mount": "sysfs on /sys type sysfs (rw,nosuid)\n/dev/nvme0n1p2 on / type ext4 (rw,relatime,errors=remount-ro)\n",
    "nfsstat": "Client rpc stats:\ncalls      retrans    authrefrsh\n12345678   12         12345690\n",
    "memtester": MEMTESTER.format("ok"),
    "journalctl": "-- No entries --\n",
    "dmesg": "[    5.112345] NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n",
    "kubectl": "NAME               READY   STATUS    RESTARTS   AGE\n"
    "train-0            1/1     Running   0          3h12m\n",
}


@pytest.mark.parametrize("name", QUIET)
def test_an_output_without_anything_unusual_is_said_to_be_so(name: str) -> None:
    result = read_pipe(io.BytesIO(QUIET[name].encode()))
    assert is_of_outputs(result.recording)
    (note,) = result.notes
    assert note.key == "target.from-quiet"
    assert name in dict(note.values)["commands"]


@pytest.mark.parametrize(
    "line",
    [
        "[ 1234.567890] BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "[ 1234.567890] watchdog: BUG: soft lockup - CPU#3 stuck for 23s! [python:4242]",
        "[ 1234.567890] rcu: INFO: rcu_sched self-detected stall on CPU",
        "[ 1234.567890] BTRFS error (device sdb): bdev /dev/sdb errs: wr 0, rd 12, flush 0, corrupt 0, gen 0",
        "[ 1234.567890] mce: CPU3: Core temperature above threshold, cpu clock throttled (total events = 5)",
        "NAME READY STATUS RESTARTS AGE\nnn-0 0/1 CrashLoopBackOff 12 3h",
    ],
)
def test_an_output_with_a_trouble_that_is_not_known_is_not_called_quiet(line: str) -> None:
    assert quiet_commands(f"{line}\n") == ()
