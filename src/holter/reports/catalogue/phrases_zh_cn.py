"""Free English phrases of detectors, evidence and links -> Simplified Chinese.

A phrase is translated as a whole or left alone, because half a translation reads worse than none; only names of
processes are translated wherever they stand. Parts joined by "; " are told one by one.
"""

from __future__ import annotations

import re

from holter.reports.catalogue import machine_phrases_zh_cn, phrases_memory_zh_cn
from holter.reports.catalogue.phrases_reasons_zh_cn import REASONS

# Names of processes, safe to replace inside any sentence.
NAMES: tuple[tuple[str, str], ...] = (
    (r"\btrain-worker(?: (\d+))? \(PID (\d+)\)", "数据进程"),
    (r"\bval-worker(?: (\d+))? \(PID (\d+)\)", "验证数据进程"),
    (r"\bexport[- ]worker(?: (\d+))? \(PID (\d+)\)", "导出进程"),
    (r"\bworker(?: (\d+))? \(PID (\d+)\)", "数据进程"),
    (r"\bmain(?: process)?( \d+)? \(PID (\d+)\)", "主进程"),
)

# Whole phrases; what a group caught is translated in turn.
PHRASES: tuple[tuple[str, str], ...] = (
    # Actors
    (r"main", "主进程"),
    (r"main thread", "主线程"),
    (r"training", "训练"),
    (r"batch queue", "批次队列"),
    (r"(?:the )?results loop", "结果循环线程"),
    (r"tensor hand-over", "张量交接"),
    (r"tensor hand-over of (.+)", r"与{1}的张量交接"),
    (r"a worker", "某个数据进程"),
    (r"(\d+) data workers", "{1} 个数据进程"),
    (r"(\d+) workers", "{1} 个数据进程"),
    (r"(\d+) of (\d+) workers", "{2} 个数据进程中的 {1} 个"),
    (r"export pool", "导出进程池"),
    (r"(\d+) export workers", "{1} 个导出进程"),
    (r"result of a lost export worker", "已死导出进程的结果"),
    (r"nobody", "没有人"),
    (r"native call", "GPU 等原生调用"),
    (r"vGPU", "虚拟 GPU"),
    (r"vGPU licence", "虚拟 GPU 许可"),
    (r"storage", "存储"),
    (r"a read", "一次读取"),
    (r"stopped \(T\)", "已暂停（T）"),
    (r"ended: exit code (\d+)", "已结束：退出码 {1}"),
    (r"ended: (.+)", "已结束：{1}"),
    (r"CPU quota of (.+)", "CPU 配额 {1}"),
    (r"([\d.]+) CPUs", "{1} 个 CPU"),
    # How it shows
    (r"process state", "进程状态"),
    (r"process tree", "进程树"),
    (r"queue is empty \((\d+) of (\d+)\)", "队列是空的（{2} 个位置中有 {1} 个）"),
    (r"queue is full \((\d+) of (\d+)\)", "队列是满的（{2} 个位置中有 {1} 个）"),
    (r"(\d+) of (\d+)", "{2} 个位置中有 {1} 个"),
    (r"(\d+) of (\d+) work, (.+) cores in all", "{2} 个中有 {1} 个在工作，共用 {3} 个核"),
    (r"(\d+) workers, (.+) CPUs", "{1} 个数据进程，{2} 个 CPU"),
    (r"(\d+) processes work", "{1} 个进程在工作"),
    (r"(.+) of (.+) CPUs", "{2} 个 CPU 中的 {1} 个"),
    (r"(\d+) of (\d+) periods", "{2} 个周期中的 {1} 个"),
    (r"counted by cgroup or /proc/vmstat", "由 cgroup 或 /proc/vmstat 计数"),
    (r"in (none|train-batch|val-batch|export-slot|export-result)", "在等 {1}"),
    (r"train-batch", "训练批次"),
    (r"val-batch", "验证批次"),
    (r"export-slot", "导出空位"),
    (r"export-result", "导出结果"),
    (r"of (.+) CPUs", "共 {1} 个 CPU"),
    (r"effective CPUs", "可用 CPU"),
    (r"system call or wait channel", "系统调用或等待点"),
    (r"mount of the file", "文件所在的挂载点"),
    (r"only the results loop fills it", "只有结果循环线程往里放批次"),
    (r"stack: (.+)", "调用栈：{1}"),
    (r"stack of the main process \((.+)\)", "主进程的调用栈（{1}）"),
    (r"heartbeat: waits for (.+)", "心跳：在等 {1}"),
    (r"heartbeat: within a step", "心跳：正在一步之中"),
    (r"read of (.+)", "正在读 {1}"),
    (r"state ([A-Z])(?: in (.+))?", "状态 {1}，停在 {2}"),
    (r"told by (.+)", "来源：{1}"),
    (r"younger than its pool", "比进程池还新"),
    (r"the pool replaced the worker, not its task", "进程池补了新进程，却没有补它的任务"),
    # Reasons of detectors
    (r"no progress for (.+) s \(limit (.+) s\) and (.+)", "{1} 秒没有进展（限度 {2} 秒），而且{3}"),
    (r"nobody in the process tree works", "进程树里没有一个进程在工作"),
    (r"no process of the tree does anything", "进程树里没有一个进程在做任何事"),
    (r"the main thread is busy in one and the same step", "主线程一直忙在同一步里"),
    (r"no batch comes although the data workers are busy", "数据进程一直在忙，却没有批次"),
    (r"nothing was finished for (.+) s", "{1} 秒内没有完成任何东西"),
    (r"a step usually takes (.+) s", "平时一步要 {1} 秒"),
    (r"a step takes (.+) s instead of (.+) s", "现在一步要 {1} 秒，平时是 {2} 秒"),
    (r"the last (\d+) epochs took (.+) s instead of (.+) s", "最近 {1} 轮每轮 {2} 秒，平时是 {3} 秒"),
    (r"(.+) of the step time is spent waiting for batches", "每步有 {1} 的时间在等批次"),
    (r"epochs grow from (.+) s to (.+) s over the last (\d+)", "最近 {3} 轮里，每轮从 {1} 秒增到 {2} 秒"),
    (r"memory of the run grows by (.+) GiB an hour", "训练的内存每小时增长 {1} GiB"),
    (r"full in (.+) h at this rate", "照此速度 {1} 小时后用满"),
    (r"(.+) has been stopped \(state T\) for (.+) s", "{1}已暂停（状态 T）{2} 秒"),
    (r"(.+) has been blocked in the kernel \(state D, (.+)\) for (.+) s", "{1}卡在内核里（状态 D，{2}）{3} 秒"),
    (r"(.+) raised (\S+): (.+)", "{1}抛出 {2}：{3}"),
    (r"workers (?:killed|ended): (\d+), started: (\d+)", "结束 {1} 个数据进程，启动 {2} 个"),
    (r"(.+) ended: (.+)", "{1}已结束：{2}"),
    (r"(.+) is gone; how it ended is not known", "{1}不见了，不知道它是怎么结束的"),
    # What was done to the run, and how it went
    (r"(.+?) is stopped, (.+ is stopped)", "{1}已暂停、{2}"),
    (r"(.+) is stopped", "{1}已暂停"),
    (r"(.+?) was ended by (SIG\w+), (worker .+)", "{1}被 {2} 终止、{3}"),
    (r"(.+) was ended by (SIG\w+)", "{1}被 {2} 终止"),
    (r"(.+) ended with exit code (\d+)", "{1}结束，退出码 {2}"),
    (r"(.+) ended by itself \(exit code 0\), as it does after an exception of a worker", "{1}自行结束（退出码 0）"),
    (r"the results loop ended", "结果循环线程已结束"),
    (r"no batch for (.+) s, with all workers alive", "{1} 秒没有批次，而数据进程都在"),
    (
        r"workers (?:killed|ended): (\d+), started: (\d+), before: (\d+), to need less memory",
        "结束 {1} 个数据进程，启动 {2} 个（原来 {3} 个），以减少内存",
    ),
    (r"the next batch came after (.+) s", "{1} 秒后来了下一个批次"),
    (r"the next batch came after (.+) s, one of (\d+) that were ready", "{1} 秒后来了下一个批次（已备好 {2} 个）"),
    (r"no batch came from them", "它们没有送来批次"),
    (r"new workers do not help after a CUDA error", "发生 CUDA 错误后换进程没有用"),
    (r"workers were replaced (\d+) times within an hour already", "一小时内已更换过 {1} 次数据进程"),
    (r"new workers could not be started: (.+)", "新的数据进程未能启动：{1}"),
    (
        r"nothing was replaced: no worker was stopped, and no wait lasted (.+) s \(within (.+) s\)",
        "没有更换：{2} 秒内没有暂停的数据进程，也没有长达 {1} 秒的等待",
    ),
    (r"this cannot be done in this process", "在这个进程里做不到"),
    (r"the training waits for a batch \((.+)\)", "训练在等批次"),
    (r"the training waits for a batch", "训练在等批次"),
    (r"the training goes on after (.+) s", "{1} 秒后训练继续"),
    (r"epoch (\d+), (.+) s after the restart", "第 {1} 轮，重新启动 {2} 秒后"),
    (r"(\S+) \((.+)\) is read-only", "{1}（{2}）是只读的"),
    (r"(\S+) \((.+)\) has no inodes left", "{1}（{2}）没有可用的 inode"),
    (r"(\S+) \((.+)\) is full: (.+) free of (.+)", "{1}（{2}）满了：{4} 中只剩 {3}"),
    (r"(.+) free of (.+) in (\S+)", "{3}：{2} 中只剩 {1}"),
    (r"at least (.+ [kMGT]?B) of (.+)", "{2} 中至少要 {1}"),
    (r"down to (\d+) of (\d+) MHz", "低到 {1} MHz，最高 {2} MHz"),
    (r"(.+) of /dev/shm were in use", "/dev/shm 已用 {1}"),
    (r"the main thread tries to write its log", "主线程在反复尝试写日志"),
    (r"held by others", "被别人占着"),
    (r"held by a process that is gone", "被一个已经不在的进程占着"),
    (r"nothing has moved for (.+) s", "{1} 秒没有任何进展"),
    (r"cleared after (.+) s", "{1} 秒后恢复正常"),
    (r"(.+) cannot be changed: (.+)", "{1} 无法改动：{2}"),
    (r"the request could not be written", "请求无法写入"),
    (r"(\d+) processes", "{1} 个进程"),
    (
        r"in the kernel \(state D\), cannot be ended: PID (.+)",
        "卡在内核里（状态 D），无法结束：PID {1}",
    ),
    (r"waiting for them", "正在等它们"),
    (r"no usable checkpoint is left", "没有可用的检查点"),
    (r"there is no checkpoint", "没有检查点"),
    (r"--restart-from-scratch begins again", "--restart-from-scratch 可从头开始"),
    (r"in the middle of the epoch, at a wait for a batch", "在本轮中间，等待批次时"),
    (r"before the training is ended", "在结束训练之前"),
    (r"no answer within (.+) s", "{1} 秒内没有答复"),
    (r"no epoch is finished yet", "还没有完成任何一轮"),
    (r"with several GPUs it is only saved at the end of an epoch", "使用多块 GPU 时只在每轮结束时保存"),
    (r"its checkpoints could not be read within (.+) s", "{1} 秒内没能读完它的检查点"),
    (r"its checkpoints cannot be read: (.+)", "它的检查点读不出来：{1}"),
    (r"this command cannot be continued", "这个命令无法继续"),
    (r"(.+) cannot be used: (.+)", "{1} 无法使用：{2}"),
    (r"at the end of this epoch", "在本轮结束时"),
    (r"after epoch (\d+), which is in (\S+)", "在第 {1} 轮之后，保存在 {2}"),
    (r"epoch (\d+) could not be saved", "第 {1} 轮未能保存"),
    (r"the training goes on", "训练继续"),
    (r"the training is over", "训练已经结束"),
    (r"its final checkpoint is what there is", "只有它最后的检查点"),
    (r"checkpoints are switched off in this training", "这个训练关闭了检查点"),
    (r"(?:epoch (\d+) in )?(checkpoint\S*\.pth\S*): (.+)", "{2}：{3}"),
    (r"torn: (.+)", "残缺：{1}"),
    (r"what was read back is wrong \((.+)\)", "读回来的内容不对（{1}）"),
    (r"(.+) cannot be read: (.+)", "{1} 读不出来：{2}"),
    (r"the file is empty", "文件是空的"),
    (r"the file holds only zeros", "文件里全是零"),
    (r"the file ends too early", "文件过早结束"),
    (r"the file ends within (.+)", "文件在 {1} 中间断掉"),
    (r"its directory is damaged(?: \((.+)\))?", "文件目录已损坏"),
    (r"not a torch checkpoint(?:: (.+))?", "不是 torch 检查点"),
    (r"a checkpoint of another program: no network_weights", "是其他程序的检查点：没有 network_weights"),
    (r"(\S+) is damaged \((.+)\)", "{1} 已损坏（{2}）"),
    (r"(data/\S+) is missing", "缺少 {1}"),
    (r"(data/\S+) has the wrong size", "{1} 大小不对"),
    (r"a tensor reaches beyond (\S+)", "有张量超出 {1}"),
    (r"No space left on device", "设备上没有空间了"),
    (r"Read-only file system", "文件系统是只读的"),
    (r"Disk quota exceeded", "磁盘配额已用完"),
    (r"the checkpoint of epoch (\d+) is kept", "第 {1} 轮的检查点还在"),
    (r"there is no older one", "没有更早的检查点"),
    # Why something could not be seen
    (r"not recorded", "没有记录"),
    (r"not supported", "不支持"),
    (r"permission denied", "没有权限"),
    (r"(.+): permission denied", "{1}：没有权限"),
    (r"(.+): not supported", "{1}：不支持"),
    (r"(.+): no permission", "{1}：没有权限"),
    (r"this kernel does not tell", "这个内核不提供"),
    (r"no stack and no heartbeat", "既没有调用栈，也没有心跳"),
    (r"no frames could be read", "读不到调用栈"),
    (r"nobody could tell how it ended", "没有记录到它是怎么结束的"),
    (r"no training log found", "没有找到训练日志"),
    *phrases_memory_zh_cn.PHRASES,
    # What a log tells
    (r"(.+), with ((?:PyTorch|cuDNN) \S+), known to be slow", "{1}，使用的 {2} 已知较慢"),
    (r"about ([\d.]+) s in (\d+) epochs", "{2} 轮都约 {1} 秒"),
    (r"first epoch ([\d.]+) s, then ([\d.]+) s", "第一轮 {1} 秒，之后 {2} 秒"),
    (r"([\d.]+) s before epoch (\d+), ([\d.]+) s from then on", "第 {2} 轮之前 {1} 秒，此后 {3} 秒"),
    (r"([\d.]+) s, but ([\d.]+) s every (\d+) epochs", "平时 {1} 秒，但每 {3} 轮有一轮 {2} 秒"),
    (r"([\d.]+) s, but ([\d.]+) s in (\d+) of (\d+) epochs", "平时 {1} 秒，但 {4} 轮中有 {3} 轮 {2} 秒"),
    (r"([\d.]+) s at first, ([\d.]+) s in the end", "开始 {1} 秒，最后 {2} 秒"),
    (r"after epoch (\d+): (\d{4}.+)", "第 {1} 轮之后：{2}"),
    (r"(\d+) min after the start of the training", "训练开始后 {1} 分钟"),
    (r"in (\d+) runs ([\d, ]+) min after the start", "{1} 次运行，分别在开始后 {2} 分钟"),
    (r"somebody interrupted it while the main thread waited for a batch", "主线程等待批次时，有人中断了训练"),
    (
        r"somebody interrupted it while the main thread waited for the export pool",
        "有人在主线程等待导出进程池时中断了训练",
    ),
    (r"it was interrupted by hand before anything ended", "在任何进程结束之前，训练就被手动中断了"),
    (r"the log ends here, in the middle", "日志在中途结束"),
    (r"the log ends here, within an epoch", "日志停在一轮的中间"),
    (r"a process ended, and the log tells neither which nor how", "有一个进程结束了，日志没有说是哪个、怎么结束的"),
    (r"the log ends here, after an epoch", "日志停在一轮之后"),
    (r"the log ends here, during (\S+)", "日志停在 {1} 阶段"),
    (r"main raised (.+)", "主进程抛出 {1}"),
    (r"train-worker raised (.+)", "数据进程抛出 {1}"),
    (r"main ended: (.+)", "主进程已结束：{1}"),
    (r"(\d+) processes use ([\d.]+) cores together: nobody works", "{1} 个进程一共只用了 {2} 个核：没有进程在工作"),
    (r"this epoch has lasted ([\d.]+) s, the others took ([\d.]+) s", "本轮已经 {1} 秒，其他轮约 {2} 秒"),
    (r"(.+) is stopped \(state T\)", "{1} 已暂停（状态 T）"),
    (r"a log does not tell(?: what came after it)?", "日志里没有"),
    (r"not stated", "没有给出"),
    (r"only an echo of another error is stated", "给出的只是对另一个错误的复述"),
    (r"the error does not say why: (.+)", "报错没有说原因：{1}"),
    (r"stated so", "给出的就是这样"),
    (r"no epoch was told of", "没有任何一轮的记录"),
    (r"(\d+) epochs are too few to have a shape", "{1} 轮太少，看不出走势"),
    # Measures that stand in longer sentences above
    (r"([\d.]+) s instead of ([\d.]+) s", "{1} 秒，之前 {2} 秒"),
)

_NAMES = tuple((re.compile(pattern), name) for pattern, name in NAMES)
_PHRASES = tuple((re.compile(pattern), template) for pattern, template in (*PHRASES, *machine_phrases_zh_cn.PHRASES))


def translate_phrase(english: str) -> str:
    """Return the phrase in Chinese where it is known as a whole; names of processes in any case."""
    if english in REASONS:
        return REASONS[english]
    if "; " in english:
        return "；".join(translate_phrase(part) for part in english.split("; "))
    for pattern, template in _PHRASES:
        found = pattern.fullmatch(english)
        if found:
            groups = [translate_phrase(group) if group else "" for group in found.groups()]
            return template.format(english, *groups).removesuffix("，停在 ")
    for pattern, name in _NAMES:
        english = pattern.sub(lambda found, name=name: _named(found, name), english)  # type: ignore[misc]
    return english.replace("）, ", "）、")


def _named(found: re.Match[str], name: str) -> str:
    number, pid = found.groups()
    return f"{name}{f' {number.strip()}' if number else ''}（PID {pid}）"
