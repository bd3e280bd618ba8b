"""English words for the administrator: ``ask.CAUSE``, or ``ask.CAUSE.VARIANT`` where one cause asks for several things.

They are to be sent as they stand: who reads them has never heard of Holter or nnU-Net, and needs to know where, what
was seen, and what is asked for.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "ask.disk-full-or-quota": (
        "A disk on {host} is full: {disk} has {free} left. Our training writes to {folder}, and its next checkpoint "
        "needs {need}. Please make room there, or give us a folder on a disk with more room. The training goes on by "
        "itself as soon as there is room."
    ),
    "ask.disk-full-or-quota.inodes": (
        "A file system on {host} has no inodes left (df -i): on {disk} no new file can be made, however much space is "
        "free. Our training writes to {folder}. Please remove or pack directories with very many small files there, "
        "or give us a folder on another file system. The training goes on by itself as soon as files can be made."
    ),
    "ask.disk-full-or-quota.quota": (
        "Our disk quota is used up: on {host}, writing to {folder} ({disk}) ends with “Disk quota exceeded”. The next "
        "checkpoint of our training needs {need}. Please raise the quota for space and for the number of files, or "
        "tell us where we may write instead."
    ),
    "ask.disk-full-or-quota.read-only": (
        "A file system on {host} is mounted read-only: writing to {folder} ({disk}) ends with “Read-only file "
        "system”. If that is not intended, the kernel has probably done it after an I/O error: please look at dmesg "
        "and the health of the disk or server, check the file system, and mount it for writing again. The training "
        "goes on by itself then."
    ),
    "ask.shm-too-small": (
        "Shared memory is too small on {host}: /dev/shm has {shm} and was {shm_percent} % full when our training lost "
        "a process (SIGBUS or “No space left on device”). PyTorch passes its batches through it. Please start our "
        "container with --ipc=host or --shm-size=16g (Kubernetes: an emptyDir with medium: Memory, mounted at "
        "/dev/shm; without a container: mount -o remount,size=16g /dev/shm)."
    ),
    "ask.gpu-thermal-or-power": (
        "{gpu} on {host} lowers its clock under load, to {clock_percent} % of its maximum, at up to {temperature} °C. "
        "The driver's reason: {reasons}. Please check its cooling (fans, dust, air flow, temperature of the room), "
        "its power cables and supply, and its power limit; nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK shows "
        "the state."
    ),
    "ask.gpu-shared-or-zombie": (
        "Our training runs on {gpu} of {host}, and others compute on the same GPU: {others}. Please end or move them, "
        "or give us a GPU of our own; exclusive mode (nvidia-smi -c EXCLUSIVE_PROCESS) keeps others away."
    ),
    "ask.gpu-shared-or-zombie.gone": (
        "On {gpu} of {host}, {held} of memory are in use although no process that nvidia-smi lists holds them: "
        "probably one that has ended or hangs. Please look for who still has the device open (fuser -v /dev/nvidia*) "
        "and end it, or reset the GPU (nvidia-smi --gpu-reset) when nobody uses it."
    ),
    "ask.slow-storage": (
        "Reads are slow on {host}: a small read of {path} ({mount}) takes {latency} s, before it took {usual} s, and "
        "processes hang in state D. Please check the load and the health of the file server and the network to it, "
        "and whether other machines see the same on this mount."
    ),
    "ask.slow-storage.dead": (
        "A mount on {host} does not answer: a small read of {path} ({mount}) has not come back for {pending} s. "
        "Processes that use it hang in state D, where nobody can end them. Please check whether the file server runs "
        "and can be reached from {host}, and whether other machines see the same. If it does not come back, a forced "
        "unmount (umount -f, then umount -l) or a restart of {host} is needed. The training goes on by itself when "
        "the mount answers."
    ),
    "ask.vgpu-unlicensed": (
        "The NVIDIA vGPU of the virtual machine {host} ({gpu}) has no licence: `nvidia-smi -q` shows “License Status: "
        "{licence}” instead of “Licensed”, and after some minutes the driver slows the GPU down to almost nothing. "
        "Please put a valid client configuration token into /etc/nvidia/ClientConfigToken, check that nvidia-gridd "
        "runs (systemctl status nvidia-gridd), that the licence server can be reached from there and that the clock "
        "is right."
    ),
}
