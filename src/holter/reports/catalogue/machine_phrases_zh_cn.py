"""Phrases of evidence about the machine around the training, as in ``phrases_zh_cn``."""

from __future__ import annotations

PHRASES: tuple[tuple[str, str], ...] = (
    (r"(\d+) on the same data", "{1} 个用同一份数据"),
    (r"of (.+) threads each", "每个有 {1} 个线程"),
    (r"(\d+) s waited, (\d+) s used", "等了 {1} 秒，用了 {2} 秒"),
    (r"(\d+) workers on (\d+) CPUs", "{1} 个数据进程在 {2} 个核上"),
    (r"workers (\d+), the training at first (\d+)", "数据进程 {1} 个，训练刚启动时 {2} 个"),
    (r"in (\d+) of (\d+) epochs", "{2} 轮中有 {1} 轮"),
    (r"(\d+) of (\d+) stacks", "{2} 个调用栈中有 {1} 个"),
    (r"(\d+) MB in the last third, (\d+) MB in the first", "最后三分之一 {1} MB，最初三分之一 {2} MB"),
    (r"first step after (.+) of an epoch", "第一步在一轮的 {1} 处"),
    (
        r"(\d+) lines of the training log in (\d+) s, none of them in (.+)",
        "{2} 秒里训练日志多了 {1} 行，{3} 里一行也没有",
    ),
    (r"the output goes to /dev/null", "输出到了 /dev/null"),
    (r"standard output is a file", "标准输出是文件"),
    (r"standard output is a pipe", "标准输出是管道"),
    (r"standard output is a terminal", "标准输出是终端"),
    (r"([\d.]+(?: x [\d.]+)+) voxels", "{1} 体素"),
    (r"(\d+) s before the alarm", "警报前 {1} 秒"),
)
