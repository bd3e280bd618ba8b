"""Simplified Chinese of ``asks_en``."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "ask.disk-full-or-quota": (
        "{host} 上的磁盘满了：{disk} 只剩 {free}。我们的训练往 {folder} 写结果，下一个检查点需要 {need}。"
        "请在那里腾出空间，或给我们一个空间更大的目录。有了空间，训练会自行继续。"
    ),
    "ask.disk-full-or-quota.inodes": (
        "{host} 上的文件系统没有可用的 inode 了（df -i）：{disk} 上无论还剩多少空间，都无法再新建文件。我们的训练往 "
        "{folder} 写结果。请清理或打包那里小文件特别多的目录，或给我们另一个文件系统上的目录。能新建文件后，训练会自行"
        "继续。"
    ),
    "ask.disk-full-or-quota.quota": (
        "我们的磁盘配额用完了：在 {host} 上写 {folder}（{disk}）时报 “Disk quota exceeded”。训练的下一个检查点需要 "
        "{need}。请提高空间配额和文件数配额，或告诉我们可以写到哪里。"
    ),
    "ask.disk-full-or-quota.read-only": (
        "{host} 上的文件系统是只读的：写 {folder}（{disk}）时报 “Read-only file system”。如果这不是有意为之，多半是内核"
        "在 I/O 出错后改成只读的：请查看 dmesg 和磁盘或服务器的状态，检查文件系统，再以可写方式挂载。之后训练会自行"
        "继续。"
    ),
    "ask.shm-too-small": (
        "{host} 上的共享内存太小：/dev/shm 只有 {shm}，我们的训练失去一个进程时（SIGBUS 或 “No space left on device”）"
        "已用 {shm_percent}%。PyTorch 靠它传递批次。请用 --ipc=host 或 --shm-size=16g 启动我们的容器（Kubernetes：把 "
        "medium: Memory 的 emptyDir 挂到 /dev/shm；没有容器时：mount -o remount,size=16g /dev/shm）。"
    ),
    "ask.gpu-thermal-or-power": (
        "{host} 上的 {gpu} 在负载下降频，只有最高频率的 {clock_percent}%，温度最高 {temperature} °C。驱动给出的原因："
        "{reasons}。请检查散热（风扇、灰尘、风道、机房温度）、供电线和电源，以及功耗上限；用 nvidia-smi -q -d "
        "PERFORMANCE,TEMPERATURE,POWER,CLOCK 可以看到状态。"
    ),
    "ask.gpu-shared-or-zombie": (
        "我们的训练在 {host} 的 {gpu} 上运行，同一块 GPU 上还有别的进程在计算：{others}。请结束或移走它们，或给我们一块"
        "独占的 GPU；独占模式（nvidia-smi -c EXCLUSIVE_PROCESS）可以不让别人进来。"
    ),
    "ask.gpu-shared-or-zombie.gone": (
        "{host} 的 {gpu} 上有 {held} 显存被占用，但 nvidia-smi 列出的进程都不占有它：多半属于一个已经结束或卡死的进程。"
        "请查一下谁还开着设备（fuser -v /dev/nvidia*）并结束它，或在没人使用时重置 GPU（nvidia-smi --gpu-reset）。"
    ),
    "ask.slow-storage": (
        "{host} 上读文件很慢：读 {path}（{mount}）的一小块要 {latency} 秒，之前是 {usual} 秒，进程卡在 D 状态。请检查"
        "文件服务器和到它的网络的负载与状态，并确认其他机器访问这个挂载点是否也有同样的问题。"
    ),
    "ask.slow-storage.dead": (
        "{host} 上的一个挂载点没有响应：读 {path}（{mount}）的一小块已有 {pending} 秒没有返回。用到它的进程卡在 D "
        "状态，谁也无法结束它们。请检查文件服务器是否在运行、从 {host} 能否连到它，并确认其他机器"
        "是否也有同样的问题。如果它回不来了，就需要强制卸载（先 umount -f，再 umount -l）或重启 {host}。"
        "挂载点恢复响应后，训练会自行继续。"
    ),
    "ask.vgpu-unlicensed": (
        "虚拟机 {host} 的 NVIDIA vGPU（{gpu}）没有许可：nvidia-smi -q 显示 License Status: {licence}，而不是 "
        "Licensed；几分钟后驱动会把 GPU 降到几乎停止。请把有效的客户端配置令牌放到 /etc/nvidia/ClientConfigToken，"
        "并确认 nvidia-gridd 正在运行（systemctl status nvidia-gridd）、从那里能连到许可服务器、系统时间正确。"
    ),
}
