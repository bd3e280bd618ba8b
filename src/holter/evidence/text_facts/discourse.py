"""Decide whether a text reports what happened to a training, or explains, advertises or speaks of something else."""

from __future__ import annotations

import re

from holter.evidence.text_facts.genres import asks_of_a_setting, tells_no_event
from holter.evidence.text_facts.kinds import TROUBLE
from holter.patterns import later
from holter.texts.plain import joined, plain, prose

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
        r"首先[^\n]{2,80}其次|(?m:^[ \t#*]*(?:如何|怎样)[^\n?]{2,30}[??]|\bhow to [^\n?.]{3,40}$)",
        r"(?:通常|一般|往往)(?:是|会|由)|说明[^:：\n]{2,20}(?:跟不上|不足|不够|过[大小多])|如果(?:经常|你|您"
        r"|发现|想|需要)|决定你|为什么你",
        r"\A\s*目录\s*\n|(?m:^)[ \t]*[一二三四五]、[^\n]{2,60}\n(?:[^\n]*\n){0,6}[ \t]*[二三四五六]、",
        r"(?m:^)(?:[ \t]*(?:exit code )?\d{1,3}[ \t]*[:|=][^\n]*(?:\n|\Z)){3}",
        r"第[一二三]步|常见(?:问题|报错|错误)|含义|表示[^。；]{2,30}[；。]|一览|介绍|\badministrators?\b",
    )
)
_REPORTED = later(
    r"(?<![-\w])I\b|\b(?:me|my|mine|we|our|us)\b|\b(?:yesterday|today|last (?:night|week)|since (?:monday|the))\b"
    r"|[我咱]|求助|请问|昨[天晚]|今[天晚]|刚才|为什么(?!你)|怎么办",
    re.IGNORECASE,
)
# Somebody who met a trouble tells so, also of an error that a manual explains or that a change would prevent.
_MET = tuple(
    later(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        # In the first person: what was done, seen or tried. "Should I use" asks, "we should add" wishes.
        r"(?<!should )(?<!can )(?<!do )(?<!could )(?<!must )(?<![-\w])\b(?:I|we)(?:'m|'ve|'d| (?:(?:just|also"
        r"|always|still|now"
        r"|only|then|even|already|have|had|did|do|sometimes|often|recently) )*(?:am|are(?= \w+ing)|was|were|got"
        r"|get|ran|run"
        r"|running|tried|try|saw|see|seen|used|use|using|trained|train|started|start\b(?! a)|set|put|did|noticed"
        r"|notice|reduced"
        r"|increased|changed|installed|updated|upgraded|encounter(?:ed)?|face[d]?|met|hit|observe[d]?|found|find"
        r"|follow(?:ed)?"
        r"|cannot|can't|can not|couldn't|suspect|think|believe|wonder|checked|killed|restarted|know))\b",
        r"\b(?:my|our) (?:\w+ ){0,2}(?:training|runs?|jobs?|script|program|code|process\w*|server|machine"
        r"|workers?|epochs?|gpus?)"
        r" (?:\w+ )?(?:is|are|was|were|has|have|dies?|died|hangs?|hung|stops?|stopped|fails?|failed|crash\w*"
        r"|gets?|got|takes?"
        r"|stays?|keeps?|freezes|runs?|starts?)\b",
        # What goes on at the time of writing: a state with its numbers.
        r"\b(?:training|run|job|step|epoch) (?:hangs|stalls|freezes|dies|crashes|stops) (?:right |soon |always "
        r"|forever|here|then|with(?= [\w ]*\d))",
        r"\b(?:yesterday|today|this morning|last (?:night|week)|since (?:monday|tuesday|wednesday|thursday"
        r"|friday|yesterday"
        r"|last|the (?:update|upgrade|reboot)))\b",
        r"\b(?:same|this) (?:error|problem|issue|thing) (?:again|after|here|with|happen\w*|occur\w*|persist\w*|still)\b"
        r"|\b(?:still|again|always) (?:the same|get|gets|got|fails?|failed|dies|died|hangs?|crash\w*|stuck|happens)\b"
        r"|\b(?:did|does)(?: not|n't) help\b|(?:^[ \t>*•-]*|[.;:] )(?:tried|reinstalled|rebooted|restarted"
        r"|switched to)\b"
        r"|^[ \t#*]*(?:cause|原因)[: \n]+(?:unknown|unclear|not known|未知|不明|不清楚)",
        r"\b(?:any (?:idea|ideas|help|hint|hints|solution|suggestion|suggestions|clue|advice)\b|any ?one (?:else"
        r"|know\w*|ha[sd])"
        r"|how (?:to|can I|do I) (?:fix|solve|resolve|avoid)\b[^\n?]{0,40}\?|please (?:help|advise)|help me)",
        r"\b(?:in|at|from|until|during|after) (?:the )?(?:epoch|step|iteration) \d|\bafter \d+ (?:epochs?|steps"
        r"|iterations)\b",
        r"^[ \t#*]*(?:describe the bug|to reproduce|steps to reproduce|actual (?:behaviou?r|result)|what (?:was"
        r"|I|have you) tried"
        r"|bug report|bug description)\b",
        r"我(?!们?的?(?:建议|推荐))|咱|求(?:助|解|教|指点)|请问|请教|昨[天晚日]|今[天晚早]|刚才|上周|大佬|各位"
        r"|有没有人|求问",
        r"(?:还|仍|又|依)(?:是|然|旧)?(?:会)?(?:报|卡|崩|不行|没用|失败|出现)|不知(?:道)?|试(?:过|了)"
        r"|没(?:有)?(?:用|解决|效果)",
        r"(?:跑|训练|训)(?:到|了)(?:第)? ?\d|第 ?\d+ ?(?:个|轮)|复现步骤|问题描述|实际结果",
    )
)
# What a program printed while it ran.
_RAN = later(r"^(?:Traceback \(|[ \t]*File \"[^\n]+\", line \d|\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d)", re.MULTILINE)
# The beginning of what a program prints, advice included.
_PRINTED = later(
    r"^[ \t>]*(?:OpenBLAS blas_\w+|OMP|libgomp|NVRM|slurmstepd|srun|nvidia-\w+): ", re.MULTILINE | re.IGNORECASE
)


def explains(text: str) -> bool:
    """Return whether a text reports nothing that did happen.

    Then it explains in general what may happen, lists answers, changes, wishes or features, or asks about a setting.
    """
    text = plain(text)
    if _PRINTED.match(text) is not None or meets_trouble(text):
        return False
    if tells_no_event(text) or (asks_of_a_setting(text) and not TROUBLE.search(text)):
        return True
    written = prose(text)
    if len(written.strip()) < LEAST_PROSE * len(text.strip()) or _REPORTED.search(written) is not None:
        return False
    return sum(mark.search(written) is not None for mark in _MARKS) >= FEWEST_MARKS


def meets_trouble(text: str) -> bool:
    """Return whether somebody tells of a trouble that was met, or shows what a program printed when it was."""
    whole = f"{text}\n{joined(text)}"
    return _RAN.search(text) is not None or any(mark.search(whole) is not None for mark in _MET)


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
