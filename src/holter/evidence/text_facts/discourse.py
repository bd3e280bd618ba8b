"""Decide whether a text reports what happened to a training, or explains, advertises or speaks of something else."""

from __future__ import annotations

import re

from holter.patterns import later
from holter.texts.plain import prose

# Such a text consists of sentences. A report quotes what a program printed.
LEAST_PROSE = 0.8
# One of these may stand in any report.
FEWEST_MARKS = 2
_MARKS = tuple(
    later(pattern, re.IGNORECASE)
    for pattern in (
        r"\bif (?:you (?:see|get|want|use|need)|training|a|an|the|your|positive|gpu)\b"
        r"|遇到时|若(?:出现|遇到)|如果(?:出现|遇到)",
        r"\b(?:such as|for instance|for example|e\.g\.)|例如|比如说?",
        r"\b(?:see|refer to|described in|listed in|explained in)\b|请?参[考见]|详见|见后",
        r"\b(?:recommend(?:s|ed)|typical(?:ly)?|usually means|means that|default)\b",
        r"\b(?:you (?:may|can|should)|may be (?:set|used)|is used (?:to|for)|use \w+ to)\b|可以(?:使用|通过)",
        r"\b(?:this|the) (?:page|chapter|guide|section|document|tutorial|manual|reference|FAQ|table)\b"
        r"|本(?:文|教程|页|节|手册)",
        r"\b(?:troubleshooting|release notes|changelog|reference|documentation|how to use|licen[cs]ing)\b[ .:0-9]",
        r"(?:^|[.;] )(?:added|fixed|changed|removed|deprecated): |\(\w+, optional\)|^\w[\w ]{2,40}: [a-z]",
        r"\b(?:(?:programs?|pods?|jobs|processes) that|option sets|configure"
        r"|(?:is|are) (?:terminated|printed|listed|selected)"
        r"|is an? (?:mechanism|tool|library|feature|signal|option))\b"
        r"|默认|会(?:打印|关闭|启用|自动)|说明[:：]|几种(?:常用)?方法",
        r"\b(?:exceed|sends?|restarts?|selects?|fails? with|sets?|prints?|delays?) (?:it|this|the|them|an?)\b"
        r"|when memory runs out",
        r"第[一二三]步|常见(?:问题|报错|错误)|含义|表示[^。；]{2,30}[；。]|一览|介绍|\badministrators?\b",
    )
)
_REPORTED = later(
    r"\b(?:I|me|my|mine|we|our|us)\b|\b(?:yesterday|today|last (?:night|week)|since (?:monday|the))\b"
    r"|[我咱]|求助|请问|昨[天晚]|今[天晚]|刚才|为什么|怎么办",
    re.IGNORECASE,
)
# The beginning of what a program prints, advice included.
_PRINTED = later(
    r"^[ \t>]*(?:OpenBLAS blas_\w+|OMP|libgomp|NVRM|slurmstepd|srun|nvidia-\w+): ", re.MULTILINE | re.IGNORECASE
)


def explains(text: str) -> bool:
    """Return whether a text only explains what may happen in general, and reports nothing that did happen."""
    written = prose(text)
    if len(written.strip()) < LEAST_PROSE * len(text.strip()) or _REPORTED.search(written) is not None:
        return False
    if _PRINTED.match(text) is not None:
        return False
    return sum(mark.search(written) is not None for mark in _MARKS) >= FEWEST_MARKS


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
    r"|n_proc_DA|checkpoints?|MONAI|Lightning|WSL2?|Windows|Linux|Ubuntu|Colab|pods?|k8s|kubernetes)(?![a-z])"
    r"|训练|显卡|显存|内存|进程|程序|脚本|模型|数据集|数据加载|推理|预测|验证集|预处理|多卡|双卡|服务器|线程|磁盘"
    r"|硬盘|终端|日志|跑|迭代|卡死|卡住|报错"
    r"|崩溃|机器|电脑|集群|容器|驱动|利用率|虚拟机",
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
