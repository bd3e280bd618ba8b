"""What a running recording says of itself, in Chinese; the English words stand where they are said."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "live.left-out": "因为没有人读取，这里省略了 {count} 行；记录文件中有这些内容",
    "listener.no-tape": "没有记录文件：{path} 没有空间可写，或者已被删除",
    "notify.not-sent": "发往 {target} 的通知送不到（{trouble}）；训练不受影响",
    "run.orphans": "训练还有 {count} 个进程没有结束；要结束它们：kill {pids}",
    "run.not-recorded": "无法记录本次运行（{error}）；训练继续",
    "run.no-longer-recorded": "Holter 自身出错（{error}），记录与修复已停止；训练继续",
    "notice.scratch-gone": "Holter 自己的文件夹 {folder} 被删除，已经重建。训练不受影响；"
    "它的进程最后一秒说的话可能丢失",
    "notice.scratch-lost": "Holter 自己的文件夹 {folder} 被删除，而且无法重建。训练不受影响，但它的新进程不再受监视，"
    "Holter 也不能替换数据进程、不能保存检查点",
    "contract.scratch-lost": "Holter 自己的文件夹被删除，无法重建",
    "run.paths-not-set": "nnunet-paths-not-set：没有设置 {names}，nnU-Net 会拒绝启动",
}
