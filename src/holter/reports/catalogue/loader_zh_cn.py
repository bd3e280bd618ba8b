"""Simplified Chinese sentences of the data loader, in the training's log."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "loader.stock": "holter：使用 nnU-Net 自带的数据加载器：{reason}",
    "loader.own": "holter：使用训练器自己的 get_dataloaders（由 {trainer} 定义）",
    "loader.begins": "holter：数据加载器没有工作进程：{threads} 个读取线程，数据增强在 {where} 上进行，随机种子 {seed}",
    "loader.continues": "holter：数据加载器从第 {step} 个批次继续，随机种子 {seed}",
    "loader.chain": "holter：{purpose} 数据增强：{mapping}",
    "loader.fallback": "holter：Holter 没有 {names} 的对应实现：这一步在 CPU 上运行 nnU-Net 自带的版本",
    "loader.reading": "holter：读取：{note}",
    "loader.gpu-short": "holter：数据增强在 CPU 上进行：{reason}",
    "loader.gpu-out-of-memory": "holter：GPU 内存不足；从第 {step} 个批次起，数据增强改在 CPU 上进行，没有丢失任何批次",
    "loader.gpu-failed": "holter：数据增强无法在这块 GPU 上运行，改在 CPU 上进行：{reason}",
    "loader.left-behind": "holter：有线程卡在读取中，已被留下：{names}",
    "loader.trouble.hung": "holter：病例 {case}：读取 {where} 已 {waited} 秒没有返回",
    "loader.trouble.unreadable": "holter：病例 {case}：无法读取 {where}（{detail}）；将重试",
    "loader.trouble.quarantined": "holter：病例 {case} 从现在起不再使用：{where}：{detail}",
    "loader.trouble.back": "holter：病例 {case} 又可以读取了",
}
