"""Outputs of the commands that Holter asks for, as the programs print them."""

from __future__ import annotations

import subprocess

import pytest

from holter.evidence.text_facts import facts_of
from needs import needs
from tools import PATH

DF = """\
$ df -h
Filesystem      Size  Used Avail Use% Mounted on
overlay         1.8T  1.1T  600G  66% /
shm              64M   63M  1.0M  99% /dev/shm
/dev/sdb1       916G  916G     0 100% /data
"""
FREE = """\
               total        used        free      shared  buff/cache   available
Mem:            62Gi        60Gi       210Mi       1.0Gi       1.2Gi       500Mi
Swap:          8.0Gi       7.9Gi       100Mi
"""
SMI = """\
| NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |
|   0  NVIDIA GeForce RTX 3090        On  | 00000000:01:00.0 Off |                  N/A |
| 90%   91C    P2             120W / 350W |  23900MiB / 24576MiB |      0%      Default |
|  No running processes found                                                           |
"""
SMI_Q = """\
    Virtualization Mode                   : VGPU
    vGPU Software Licensed Product
        License Status                    : Unlicensed (Restricted)
"""
PS = """\
USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
me          7537  0.0  2.0 123456 65432 pts/0    Sl+  10:00   0:10 python nnUNetv2_train
me          7554  0.0  1.0 123456 65432 pts/0    T    10:00   0:10 python nnUNetv2_train
me          7555  0.0  1.0 123456 65432 pts/0    D    10:00   0:10 python nnUNetv2_train
"""
TOP = "%Cpu(s):  5.3 us,  2.1 sy,  0.0 ni, 50.1 id, 42.5 wa,  0.0 hi,  0.0 si,  0.0 st\n"
GROUP = "$ cat /sys/fs/cgroup/cpu.max\n200000 100000\nnr_periods 1000\nnr_throttled 900\noom_kill 2\n"
SACCT = "JobID    JobName  State      ExitCode\n------\n77       train    OUT_OF_ME+    0:125\n"
DOCKER = '"HostConfig": {"ShmSize": 67108864, "NanoCpus": 2000000000}, "State": {"OOMKilled": true}\n'
PY_SPY = """\
Thread 7537 (idle): "MainThread"
    __get_next_item (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:188)
    __next__ (batchgenerators/dataloading/nondet_multi_threaded_augmenter.py:210)
    run_training (nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py:1211)
"""
PIP = "Package         Version\n--------------- -------\ntorch           2.1.0\nbatchgenerators 0.25.1\n"
MOUNT = "server:/export on /data type nfs4 (ro,relatime,vers=4.2,addr=10.0.0.1)\n"
READ = {
    "df": (DF, {"shm.used_ratio": 0.99, "shm.total_bytes": 67108864.0, "disk.full": True, "disk.folder": "/data"}),
    "free": (FREE, {"memory.used_ratio": 0.992, "symptoms": ("swap-full",)}),
    "nvidia-smi": (SMI, {"gpu.temperature_c": 91.0, "gpu.memory_ratio": 0.972, "gpu.utilization_ratio": 0.0}),
    "zombie": (SMI, {"gpu.zombie_bytes": 23900 * 2.0**20}),
    "nvidia-smi -q": (SMI_Q, {"gpu.virtualization": "vgpu", "gpu.licence_text": "Unlicensed (Restricted)"}),
    "ps": (PS, {"workers.stopped": ("python (PID 7554)",), "workers.blocked": ("python (PID 7555)",)}),
    "top": (TOP, {"symptoms": ("waits-for-disk",), "cpu.host_busy_ratio": 0.074}),
    "cgroup": (GROUP, {"cpu.quota": 2.0, "cpu.throttled_ratio": 0.9, "oom.kills": 2}),
    "sacct": (SACCT, {"oom.kills": 1, "episode.kind": "death"}),
    "docker": (DOCKER, {"shm.total_bytes": 67108864.0, "cpu.quota": 2.0, "oom.kills": 1}),
    "py-spy": (PY_SPY, {"main.waits_on": "batch-queue"}),
    "pip": (PIP, {"software.torch": "2.1.0", "software.batchgenerators": "0.25.1"}),
    "mount": (MOUNT, {"storage.fs_type": "nfs4", "disk.read_only": True}),
    "ulimit": ("open files                          (-n) 1024\n", {"fds.limit": 1024}),
    "nproc": ("$ nproc\n2\n", {"cpu.effective": 2}),
    "env": ("NCCL_P2P_DISABLE=1\nOMP_NUM_THREADS=1\n", {"setting.nccl_p2p": False, "setting.omp_threads": 1}),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_an_output_is_read_inside_any_paste(text: str, expected: dict[str, object]) -> None:
    for whole in (text, f"My training is slow, here is what I see:\n\n{text}\nAny idea?\n"):
        found = facts_of(whole)
        assert {name: found[name].value for name in expected} == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["df", "--local", "-h"],  # of other users' mounts that hang df would not return
        ["lscpu"],
        pytest.param(["free", "-h"], marks=needs("procps")),
        pytest.param(["ps", "u", "-p", "1"], marks=needs("procps")),
        pytest.param(["vmstat", "1", "2"], marks=needs("procps")),
    ],
    ids=lambda command: command[0],
)
def test_the_real_output_of_this_machine_is_read_without_an_accusation(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PATH": PATH})
    found = facts_of(done.stdout)
    assert "episode.kind" not in found
    if command[0] in ("free", "lscpu"):
        assert {"free": "memory.used_ratio", "lscpu": "cpu.visible"}[command[0]] in found


def test_mounts_that_every_machine_has_are_no_network_storage() -> None:
    usual = (
        "systemd-1 on /proc/sys/fs/binfmt_misc type autofs (rw,relatime,fd=29)\n"
        "fusectl on /sys/fs/fuse/connections type fusectl (rw,nosuid)\n"
        "gvfsd-fuse on /run/user/1000/gvfs type fuse.gvfsd-fuse (rw,nosuid)\n"
        "/etc/auto.data on /data type autofs (rw,relatime)\n"
        "/dev/sda1 on / type ext4 (rw,relatime)\n"
    )
    assert "storage.fs_type" not in facts_of(usual)
    assert facts_of(usual + "weka on /data type wekafs (rw)\n")["storage.fs_type"].value == "wekafs"


def test_the_memory_of_a_slice_is_the_same_in_words_and_in_a_readout() -> None:
    said = facts_of("it runs in a 1g.5gb slice of an A100")["gpu.slice_bytes"].value
    assert said == facts_of("$ nvidia-smi -L\n  MIG 1g.5gb     Device  0: (UUID: MIG-1)\n")["gpu.slice_bytes"].value
    assert said == 5 << 30
