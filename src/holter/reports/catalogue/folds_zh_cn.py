"""Sentences about folds that start together and share a folder, in Simplified Chinese; English stands in the code."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "prepare.waits.splits": "第 {own} 折等待第 {fold} 折（主机 {host} 上的 PID {pid}）写完 splits_final.json",
    "prepare.waits.unpack": "第 {own} 折等待第 {fold} 折（主机 {host} 上的 PID {pid}）解包数据；剩余病例：{left}",
    "prepare.still.splits": (
        "第 {own} 折已等待第 {fold} 折（主机 {host} 上的 PID {pid}）{age:duration}：还没有 splits_final.json"
    ),
    "prepare.still.unpack": (
        "第 {own} 折已等待第 {fold} 折（主机 {host} 上的 PID {pid}）{age:duration}：剩余待解包病例：{left}"
    ),
    "prepare.goes-on.splits": "第 {own} 折在 {age:duration} 后继续：splits_final.json 已写好",
    "prepare.goes-on.unpack": "第 {own} 折在 {age:duration} 后继续：数据已解包",
    "prepare.takes-over.splits": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）没有写出 splits_final.json，不再等待："
        "第 {own} 折在 {age:duration} 后继续，并由它来写"
    ),
    "prepare.takes-over.unpack": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）还剩 {left} 个病例没有解包，不再等待："
        "第 {own} 折在 {age:duration} 后继续，并由它来解包"
    ),
    "prepare.without.splits": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）没有 splits_final.json 也在训练：第 {own} 折在 {age:duration} 后继续"
    ),
    "prepare.without.unpack": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）没有解包数据也在训练：第 {own} 折在 {age:duration} 后继续"
    ),
    "prepare.torn": "第 {own} 折等到 {most:duration} 内没有人再写这 {count} 个只写了一半的文件为止（{file} 等）",
    "prepare.removed": "第 {own} 折删除了 {count} 个只写了一半、已没有人在写的文件（{file} 等）：nnU-Net 会重新解包",
    "prepare.stopped": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）被暂停了（状态 T），而第 {own} 折在等它；"
        "让它继续：kill -CONT {stopped}"
    ),
    "prepare.nothing-started": "训练启动之前就已结束",
    "prepare.starts": (
        "第 {own} 折等待第 {fold} 折（主机 {host} 上的 PID {pid}），"
        "后者没有用 holter train 启动，正在准备同一份数据：最多等 {most:duration}"
    ),
    "prepare.beside.splits": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）正用同一份数据启动，而 splits_final.json 还不存在："
        "可能一个在读时另一个还在写（holter train 会等待）"
    ),
    "prepare.beside.unpack": (
        "第 {fold} 折（主机 {host} 上的 PID {pid}）正用同一份数据启动，而还有 {left} 个病例没有解包："
        "可能一个在读时另一个还在写（holter train 会等待）"
    ),
    "tape.elsewhere": "当前文件夹无法写入（{why}）；记录文件改存到 {folder}",
}
