"""Free English phrases of detectors, evidence and links -> Simplified Chinese.

A phrase is translated as a whole or left alone, because half a translation reads worse than none; only names of
processes are translated wherever they stand. Parts joined by "; " are told one by one.
"""

from __future__ import annotations

import re

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
    (r"results loop", "结果循环线程"),
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
    (r"the main thread is busy in one and the same step", "主线程一直忙在同一步里"),
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
    (r"(.+) ended: (.+)", "{1}已结束：{2}"),
    (r"(.+) is gone; how it ended is not known", "{1}不见了，不知道它是怎么结束的"),
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
    # Measures that stand in longer sentences above
    (r"([\d.]+) s instead of ([\d.]+) s", "{1} 秒，之前 {2} 秒"),
)

_NAMES = tuple((re.compile(pattern), name) for pattern, name in NAMES)
_PHRASES = tuple((re.compile(pattern), template) for pattern, template in PHRASES)


def translate_phrase(english: str) -> str:
    """Return the phrase in Chinese where it is known as a whole; names of processes in any case."""
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
