"""The order of the pages, with the short titles of both languages. A test finds each page of docs/ here once."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A page: its path below docs/, and its titles in the navigation; ``zh`` is None if it is in English only."""

    path: str
    en: str
    zh: str | None = None


class Section(NamedTuple):
    """A part of the navigation."""

    en: str
    zh: str
    entries: tuple[Entry, ...]


NAV: tuple[Section, ...] = (
    Section(
        "Start",
        "开始",
        (
            Entry("index.md", "Holter", "Holter"),
            Entry("first-stall.md", "Your first stall", "第一次卡住"),
            Entry("faq.md", "Questions", "常见问题"),
        ),
    ),
    Section(
        "How to",
        "操作指南",
        (
            Entry("doctor.md", "Check before you train", "训练前检查"),
            Entry("how-to/slurm.md", "Slurm", "Slurm"),
            Entry("how-to/containers.md", "Docker and Apptainer", "Docker 和 Apptainer"),
            Entry("how-to/windows-wsl.md", "Windows and WSL", "Windows 和 WSL"),
            Entry("how-to/remote-desktops.md", "VS Code, Open OnDemand", "VS Code、Open OnDemand"),
            Entry("notifications.md", "Messages to your phone", "手机通知"),
            Entry("how-to/send-a-report.md", "Send a report", "发送报告"),
            Entry("metrics.md", "Prometheus, Grafana", "Prometheus、Grafana"),
            Entry("study.md", "Many trainings: a study", "多次训练：study"),
            Entry("pytorch.md", "Any PyTorch DataLoader", "任意 PyTorch DataLoader"),
            Entry("top.md", "Watch in the terminal", "在终端里观察"),
            Entry("web.md", "Watch in the browser", "在浏览器里观察"),
            Entry("runs.md", "Find and compare runs", "查找和比较训练"),
            Entry("how-to/tensorboard.md", "TensorBoard and tables", "TensorBoard 和表格"),
            Entry("bench.md", "What limits a training", "训练的瓶颈"),
            Entry("tune.md", "The fastest settings", "最快的设置"),
            Entry("evidence.md", "State evidence by hand", "手写证据文件"),
            Entry("compatibility.md", "nnU-Net's other commands and versions", "nnU-Net 的其他命令和版本"),
        ),
    ),
    Section(
        "Reference",
        "参考",
        (
            Entry("reference/commands.md", "Commands", "命令"),
            Entry("causes.md", "Causes", "原因"),
            Entry("evidence-facts.md", "Facts", "事实"),
            Entry("reference/metrics.md", "Metrics and alerts", "指标和警报"),
            Entry("reference/exit-codes.md", "Exit codes", "退出码"),
            Entry("reference/healing-rules.md", "Rules of healing", "自愈的规则"),
            Entry("diagnosis-json.md", "JSON", "JSON"),
            Entry("reference/keys.md", "Keys of top", "top 的按键"),
            Entry("settings.md", "holter.toml", "holter.toml"),
            Entry("reference/environment.md", "Environment variables", "环境变量"),
        ),
    ),
    Section(
        "Explanation",
        "原理",
        (
            Entry("explanation/how-it-notices.md", "How it notices", "怎样发现问题"),
            Entry("explanation/why-trust-it.md", "Why it may be trusted", "为什么可信"),
            Entry("loader.md", "The data loader", "数据加载器"),
            Entry("healing.md", "Healing", "自愈"),
            Entry("explanation/threat-model.md", "Threat model", "威胁模型"),
            Entry("glossary.md", "Glossary", "术语表"),
        ),
    ),
    Section(
        "For developers",
        "开发者",
        (
            Entry("architecture.md", "Architecture"),
            Entry("folders.md", "Folders"),
            Entry("upstream.md", "Weak spots upstream"),
        ),
    ),
)
# For those who change Holter, like its code.
ENGLISH_ONLY = tuple(entry.path for section in NAV for entry in section.entries if entry.zh is None)
