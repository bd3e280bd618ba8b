"""Decide whether a text that tells of trouble is an advert, or speaks of something else than computing."""

from __future__ import annotations

import re

from holter.patterns import later

# One of these may stand in any report.
FEWEST_MARKS = 2
# Words of computing: a story without them tells of winter, of markets or of a cat on the keyboard.
_COMPUTING = later(
    r"(?<![a-z])(?:train(?:s|ed|ing|er|ings)?|epochs?|GPUs?|CUDA|nn-?U-?Net\w*|py ?torch|torch\w*|python3?|conda"
    r"|loss|models?|networks?"
    r"|data ?sets?|data ?loaders?|workers?|process(?:es)?|scripts?|programs?|jobs?|batch(?:es)?|iter(?:ation)?s?|steps?"
    r"|memory|V?RAM|CPUs?|cores?|threads?|disks?|drives?|SSD|NFS|dockers?|containers?|kernel|drivers?|servers?"
    r"|machines?"
    r"|computers?|laptops?|clusters?|nodes?|slurm|terminal|console|logs?|inference|predict\w*|validation|segmentation"
    r"|preprocess\w*|augment\w*|DDP|ranks?|nccl|errors?|exceptions?|traceback|OOM|nvidia\w*|shm|swap|iowait|vGPU"
    r"|num_workers"
    r"|n_proc_DA|\w+\.(?:npy|npz|b2nd|pkl|nii|pth|py|so)|checkpoints?|MONAI|Lightning|WSL2?|Windows|Linux|Ubuntu|Colab|pods?|k8s|kubernetes)(?![a-z])"
    r"|训练|显卡|显存|内存|进程|程序|脚本|模型|数据集|数据加载|推理|预测|验证集|预处理|多卡|双卡|服务器|线程|磁盘"
    r"|硬盘|终端|日志|跑|迭代|卡死|卡住|报错"
    r"|崩溃|任务|作业|机器|电脑|集群|容器|驱动|利用率|虚拟机",
    re.IGNORECASE,
)
# Somebody who writes "I" and asks means a training, of which one such word is enough.
FEWEST_OF_COMPUTING = 2
_ADVERTISES = tuple(
    later(pattern, re.IGNORECASE)
    for pattern in (
        r"[€$£¥] ?\d|\d ?(?:€|\$|USD|EUR|元|块钱)|\b(?:from|only|just) \d+[.,]\d\d\b|\bper (?:hour|month|year|minute)\b"
        r"|低至|每(?:小时|月|天) ?\d",
        r"\b(?:order|buy|rent|book|subscribe|sign up|click|register|try it|contact us)\b|点击|立即|扫码|租赁|购买"
        r"|下单|注册|联系客服",
        r"\b(?:sale|discount|offer|cheaper|free trial|no contract|cancel (?:at )?any ?time|deal|today only)\b|\d ?% off"
        r"|促销?|优惠|折扣?|免费(?:试用|体验|领)|限时|特价",
        r"\b(?:tired of|no more|say goodbye to|never again|in \d+ seconds)\b|告别|不再|零门槛|一键|轻松|极速|全新",
    )
)
_OF_ONE_SELF = later(r"\b(?:I|my|mine)\b|[我咱]|求助|请问|为什么", re.IGNORECASE)


def advertises(text: str) -> bool:
    """Return whether a text offers something: the troubles that it names are those of its customers."""
    if _OF_ONE_SELF.search(text) is not None:
        return False
    return sum(mark.search(text) is not None for mark in _ADVERTISES) >= FEWEST_MARKS


def is_off_topic(text: str, *, asks: bool) -> bool:
    """Return whether hardly any word of a text is about computing. ``asks``: a person speaks in it for themselves."""
    words = {match[0].lower().rstrip("s") for match in _COMPUTING.finditer(text)}
    return len(words) < (1 if asks else FEWEST_OF_COMPUTING)
