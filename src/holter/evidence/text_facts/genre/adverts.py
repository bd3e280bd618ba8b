"""Decide whether a text is an advert, a question about usage, or about something else, and a sentence an old story."""

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
_SETS = (
    r"(?:set|us(?:e|ing)|chang\w+|configur\w+|choos\w+|select|specify|adjust|increas\w+|reduc\w+|decreas\w+|limit"
    r"|enabl\w+|disabl\w+|run|train|start|continue|resume|install|add|defin\w+|customi[sz]e|pass|control|modify|apply"
    r"|implement|create|convert|export|combine|evaluate|predict|interpret|compute|split|write|load|save|store|put|find)"
)
_WHO = r"(?:I|we|one|you|it|nnU-?Net\w*)"
# What can be asked of settings and commands where nothing went wrong.
_OF_USAGE = tuple(
    later(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bhow (?:(?:do|does|can|could|should|would|must|may) {_WHO}|to) (?:\w+ly )?{_SETS}\b",
        r"\bhow (?:many|much) [^?\n]{0,60}\b(?:should|does|do|is|are|can|would|need\w*)\b",
        rf"\b(?:should|can|could|may|must|do) (?:I|we) (?:also |still |just )?(?:(?:need|have) to|{_SETS})\b",
        r"\bwhat (?:is|are|would be|should be|'s) (?:the|a|an) (?:\w+ )?(?:recommended|best|right|good|default|optimal"
        r"|ideal|proper|correct|minimum|maximum|meaning|difference|purpose)\b",
        r"\b(?:is it|would it be) (?:possible|ok(?:ay)?|enough|safe|necessary|helpful|useful|better)\b"
        r"|\b(?:is|are) there (?:an?y?|some) (?:\w+ )?(?:way|option|setting|flag|command|recommendation|guideline)s?\b",
        rf"\bwhere (?:can|do|should|could) {_WHO}\b|\bwhich [^?\n]{{0,40}}\bshould (?:I|we)\b"
        r"|\b(?:does|do|is) [^?\n]{0,40}\b(?:support(?:ed)?|enabled by default)\b",
        r"(?m:^|[.!?;,:] ?|\b(?:and|so|but) )(?:is|are|does|do|can|could|should|would|will|which|what|where) "
        r"(?!going|happen|wrong|the (?:reason|cause|problem)|this |that |it )[^?\n]{8,120}\?",
        r"(?:如何|怎么|怎样)(?:才能|样|去|来)?(?:设|使用|用|修?改|调|选|配|指定|控制|增加|减少|启用|关闭|安装|运行|继续|加载|实现|添加|自定义)",
        r"(?:是否|能否|能不能|可不可以|要不要|需不需要)|(?:设|选|用|改|调)(?:置|成|为|到)?多少|在哪(?:里|儿)?(?:设|改|看)"
        r"|(?:可以|支持|需要|够)[^?\n。]{0,30}吗",
    )
)
_ASKS = later(r"[?？]|吗\b|\bhow (?:do|can|to|should)\b|如何|怎[么样]|请问", re.IGNORECASE)
# What is asked about something that is there, or of others who have it.
_OF_A_CASE = later(
    r"\b(?:save|fix|stop|kill|rescue|recover|restart|see|saw|seen|ha[sd]|have) (?:it|this|that|them|the same)\b"
    r"|\b(?:any|some)(?:one|body) (?:else |also )?(?:see|get|know|ha[sd]|have|met)\w*|\btoo ?\?|有人|遇到|碰到",
    re.IGNORECASE,
)
# An event of former times, and what happened then.
_LONG_AGO = later(
    r"\bonce,? (?:I|we|my|our|an?|one|the|when)\b|\bone (?:day|time|night)\b|\bback (?:then|in|when)\b"
    r"|\b(?:\w+|\d+) (?:years?|months) ago\b|\b(?:in|since) (?:19|20)\d\d\b|\b(?:I|we) (?:still )?remember\b"
    r"|\bin (?:the past|my last job|a former project|an earlier project)\b"
    r"|曾经?|有一[次回]|前几年|去年|[几多两三]年前|早[期年]|刚入门",
    re.IGNORECASE,
)
_THEN = later(
    r"\b(?:was|were|had|did|got|died|crashed|hung|froze|stopped|failed|ran|went|lost|took|killed|became)\b"
    r"|了|过(?![程滤])|被",
    re.IGNORECASE,
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


def asks_about_usage(sentence: str) -> bool:
    """Return whether a sentence asks how something is set or used, and of no trouble."""
    if _ASKS.search(sentence) is None or _OF_A_CASE.search(sentence) is not None:
        return False
    return any(each.search(sentence) is not None for each in _OF_USAGE)


def is_of_long_ago(sentence: str) -> bool:
    """Return whether a sentence tells an event of former times, as advice is illustrated."""
    return _LONG_AGO.search(sentence) is not None and _THEN.search(sentence) is not None
