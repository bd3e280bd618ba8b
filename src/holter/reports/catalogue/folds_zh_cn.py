"""Sentences about folds that start together and share a folder, in Simplified Chinese; English stands in the code."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "tape.elsewhere": "当前文件夹无法写入（{why}）；记录文件改存到 {folder}",
}
