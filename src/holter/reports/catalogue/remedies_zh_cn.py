"""Simplified Chinese sentences of remedies; keys and placeholders as in ``remedies_en``."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Going on
    "remedy.continue-process": "让被暂停的进程继续运行：几秒内训练会自行恢复。",
    "remedy.end-and-continue": "结束训练，从最近的检查点继续。",
    "remedy.continue-by-hand": "请手动从最近的检查点继续：这里没有已知的命令可用。",
    "remedy.end-and-continue-by-hand": "请结束训练并手动继续：这里没有已知的命令可用。",
    "remedy.continue-from-checkpoint": "从最近的检查点继续；若还没有写过检查点，nnU-Net 会从头开始。",
    "remedy.validate-again": "结束这次运行，只重做验证。",
    "remedy.fewer-exporters": "减少导出进程（nnUNet_def_n_proc）：同时占用的内存更少。",
    "remedy.keep-session": "用 tmux、nohup 或 systemd-run 运行，关掉终端也不会中断训练。",
    "remedy.longer-job": "申请更长的作业时间（sbatch --time=...）；下一个作业用 --c 从这个作业结束的地方继续。",
    "remedy.more-time": "向调度系统申请更长的时间或更多的内存。",
    # Workers and memory
    "remedy.file-system-sharing": "改用文件方式传递张量：一个数据进程冻住就不会再拖住其他进程。",
    "remedy.fewer-workers": "减少数据进程：更省内存，但数据准备会变慢。",
    "remedy.more-memory": "给作业更多内存。",
    "remedy.bigger-shm": "加大 /dev/shm（Docker：--shm-size）。",
    "remedy.upgrade-native-libraries": "升级在数据进程里崩溃的库。",
    "remedy.workers-not-forked": "让数据进程全新启动而不是 fork：不会继承锁和线程。",
    # Errors and files
    "remedy.read-first-traceback": "看最先出现的回溯信息，而不是最后那句：关于后台进程的提示只是余波。",
    "remedy.read-traceback": "看回溯信息：最后一行说明出了什么错，上面的各层说明错在哪里。",
    "remedy.set-checkpoint-aside": (
        "把读不出来的检查点移开。用 --c 启动时，nnU-Net 依次找 checkpoint_final.pth、checkpoint_latest.pth、"
        "checkpoint_best.pth；用 Holter 训练时还有 checkpoint_latest.previous.pth。"
    ),
    "remedy.checkpoint-versions": "换更新的 nnunetv2，或 2.6 之前的 PyTorch；检查点本身可能是完好的。",
    "remedy.look-at-both-memories": "看看满的是哪一个：内存、锁页内存的上限，还是显存。",
    "remedy.see-gpus": "对照 CUDA_VISIBLE_DEVICES、-num_gpus 和实际有的 GPU。",
    "remedy.set-paths": "在启动训练的地方设置 nnUNet_raw、nnUNet_preprocessed 和 nnUNet_results。",
    "remedy.preprocess-case-again": "重新预处理这个病例。",
    "remedy.verify-dataset": "检查数据集的完整性。",
    "remedy.find-torn-json": "找出读不了的 JSON 文件。",
    "remedy.make-json-again": "从备份中取回该文件，或重新规划实验。",
    "remedy.look-at-file": "看看这个文件：有多大，什么时候写的。",
    "remedy.check-disk-and-quota": "检查剩余空间和配额：残缺文件多半是磁盘写满造成的。",
    # CPU
    "remedy.workers-as-cores": "数据进程数与可用 CPU 数一致。",
    "remedy.gpu-augmentation": "把数据增强搬到 GPU 上（随机数不同，分布相同）。",
    "remedy.more-cores": "给训练更多 CPU 核：每个输入通道配 2 到 3 个核是不错的起点。",
    "remedy.ask-for-cores": "向调度系统申请更多 CPU 核（--cpus-per-task）。",
    "remedy.raise-quota": "提高 CPU 配额，或改为给容器绑定整核。",
    # Storage
    "remedy.measure-storage": "看看数据放在哪里、还剩多少空间。",
    "remedy.copy-to-local-disk": "把预处理数据复制到本地 SSD，并让 nnUNet_preprocessed 指向那里。",
    # Writing and shared memory
    "remedy.measure-room": "看看还剩多少空间和 inode。",
    "remedy.make-room": "在那块磁盘上腾出空间，或重新以可写方式挂载；旧的检查点还在。",
    "remedy.measure-shm": "看看共享内存有多大、用了多少。",
    "remedy.ask-administrator": "把下面的话原样发给管理员：",
    # GPU
    "remedy.look-at-gpu": "查看 GPU 的频率、功耗和错误。",
    "remedy.look-at-kernel-log": "在内核日志里找 GPU 错误（Xid）。",
    "remedy.look-at-clocks": "查看频率及其限制、温度和功耗。",
    "remedy.who-is-on-gpu": "看看谁在用这块 GPU。",
    "remedy.end-leftovers": "结束自己以前运行留在这块 GPU 上的进程。",
    "remedy.show-licence": "自己查看一下许可状态。",
    "remedy.license-vgpu": "给虚拟机配好许可：令牌就位、nvidia-gridd 在运行、系统时间准确。",
    "remedy.physical-gpu": "申请 GPU 直通，或改用物理机。",
    # Not stuck
    "remedy.look-at-training-log": "看结果文件夹里的日志，不要只看终端。",
    "remedy.unbuffered-output": "让 Python 不缓冲输出：PYTHONUNBUFFERED=1。",
}
