"""The words for the administrator: filled in, in both languages, the same wherever they are told."""

from __future__ import annotations

import html as escaping
import io
import re
from itertools import combinations

import pytest
from rich.console import Console

from holter.causes.offers import ASK_ADMIN as ASK
from holter.records import ActionTaken, Diagnosis, Environment, Episode, Fact, Verdict
from holter.remedies import REMEDIES, propose
from holter.remedies.admin_request import asked
from holter.remedies.ladder import WAIT_FOR
from holter.reports.catalogue import Lang, every_sentence
from holter.reports.catalogue.filling import blanks
from holter.reports.html import html
from holter.reports.json.as_json import to_json
from holter.reports.live import lines as live
from holter.reports.terminal import print_diagnosis
from holter.reports.wording import words_for_administrator
from holter.tape import Recording

KNOWN: dict[str, object] = {
    "disk.folder": "/data/results/fold_0", "disk.mount": "nfs4 server:/export on /data", "disk.free_bytes": 4_096,
    "disk.needed_bytes": 640_000_000, "shm.total_bytes": 64 << 20, "shm.used_ratio": 0.98,
    "gpu.label": "GPU 1 (NVIDIA A100)", "gpu.clock_reasons": ("hw-thermal-slowdown",), "gpu.temperature_c": 91,
    "gpu.clock_ratio": 0.36, "gpu.zombie_bytes": 20 << 30, "gpu.licence_text": "Unlicensed (Restricted)",
    "storage.mount": "nfs4 server:/export on /data", "storage.path": "/data/set",
    "storage.latency_s": 4.2, "storage.usual_latency_s": 0.003,
}  # fmt: skip
CASES = {
    ("disk-full-or-quota", "full"): ({"disk.error": "full"}, ["node7", "/results/fold_0", "610 MiB", "server:"]),
    ("disk-full-or-quota", "inodes"): ({"disk.error": "inodes"}, ["df -i", "node7"]),
    ("disk-full-or-quota", "quota"): ({"disk.error": "quota"}, ["Disk quota exceeded", "/data/results/fold_0"]),
    ("disk-full-or-quota", "read-only"): ({"disk.error": "read-only"}, ["dmesg", "/data/results/fold_0"]),
    ("shm-too-small", ""): ({}, ["64 MiB", "98", "--shm-size"]),
    ("gpu-thermal-or-power", ""): ({}, ["GPU 1 (NVIDIA A100)", "36", "91", "hw-thermal-slowdown"]),
    ("gpu-shared-or-zombie", "others"): ({"gpu.foreign_processes": ("python (PID 77)",)}, ["python (PID 77)", "GPU 1"]),
    ("gpu-shared-or-zombie", "gone"): ({"gpu.foreign_processes": ()}, ["20 GiB", "fuser"]),
    ("slow-storage", "slow"): ({"storage.pending_s": 0.0}, ["4.2", "server:/export", "/data/set"]),
    ("slow-storage", "dead"): ({"storage.pending_s": 63.0}, ["63", "server:/export", "umount"]),
    ("vgpu-unlicensed", ""): ({}, ["Unlicensed (Restricted)", "nvidia-gridd", "node7"]),
}  # fmt: skip


def diagnosis(cause: str, more: dict[str, object]) -> Diagnosis:
    told = {**KNOWN, **more}
    facts = tuple(Fact(name=name, value=value, detail="/data/set") for name, value in told.items())
    episode = Episode(kind="stall", phase="train", start_s=10.0, alarm_s=20.0, subject="training")
    named = Verdict(cause=cause, verdict="confirmed", score=0.9)
    found = Diagnosis(episode=episode, verdicts=(named,), facts=facts)
    return propose(found, Environment(wall_start="2026-01-01T00:00:00+00:00", hostname="node7"), is_over=False)


def words(told: str) -> str:
    """Without the line breaks of a page."""
    return re.sub(r"\s+", "", told)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_words_are_whole_and_the_same_wherever_they_are_told(case: tuple[str, str], lang: Lang) -> None:
    more, expected = CASES[case]
    found = diagnosis(case[0], more)
    recording = Recording(all_episodes=(found.episode,))
    wait = ActionTaken(t_s=21.0, action="wait", state="begun", cause=case[0], asks=asked(found, case[0]))
    line = live.action(wait, lang)
    assert line is not None
    quoted = line[line.index("“") :]
    assert "…" not in quoted
    assert [word for word in expected if word not in quoted] == []
    output = io.StringIO()
    print_diagnosis(Console(file=output, width=80, no_color=True), recording, (found,), lang)
    assert words(quoted) in words(output.getvalue())
    page = re.sub(r"<[^>]+>", "", html(recording, (found,), lang))
    assert words(quoted) in words(escaping.unescape(page))
    (remedy,) = [
        remedy["text"]
        for remedy in to_json((found,), lang)["episodes"][0]["diagnosis"][0]["remedies"]
        if remedy["id"] == ASK
    ]
    assert remedy.endswith(quoted)


@pytest.mark.parametrize("cause", ["shm-too-small", "slow-storage"])
def test_live_lines_tell_them_once_with_the_cause_or_with_the_wait(cause: str) -> None:
    lines = live.cause(diagnosis(cause, {}), "en").splitlines()
    quoted = [line for line in lines[:3] if "“" in line]  # a notification tells three lines of each
    assert len(quoted) == (cause not in WAIT_FOR)


def test_everything_that_is_waited_for_and_everything_with_words_offers_them() -> None:
    spoken = {key.split(".")[1] for key in every_sentence() if key.startswith("ask.")}
    offering = {cause for cause, offers in REMEDIES.items() if any(offer.id == ASK for offer in offers)}
    assert offering == spoken
    assert set(WAIT_FOR) <= offering


@pytest.mark.parametrize(
    ("lang", "whole"),
    [
        (
            "en",
            "of our virtual machine (GPU 0) has no licence: `nvidia-smi -q` does not show “License Status: Licensed”",
        ),
        ("zh", "我们虚拟机的 NVIDIA vGPU（GPU 0）没有许可：nvidia-smi -q 没有显示 License Status: Licensed"),
    ],
)
def test_what_is_not_known_is_left_out_and_no_sentence_is_cut(lang: Lang, whole: str) -> None:
    told = words_for_administrator((("cause", "vgpu-unlicensed"), ("gpu", "GPU 0")), lang)
    assert told is not None
    assert whole in told


def letters() -> list[tuple[str, str]]:
    """Cause and variant of every text to an administrator."""
    keys = sorted(key.removeprefix("ask.") for key in every_sentence() if key.startswith("ask."))
    return [(cause, variant) for cause, _, variant in (key.partition(".") for key in keys)]


VALUES: dict[str, object] = {
    "folder": "/data/results", "disk": "nfs4 on /data", "free": 4096, "need": 64e7, "shm": 64 << 20,
    "shm_percent": 0.98, "gpu": "GPU 1", "reasons": ("sw-power-cap",), "temperature": "91", "clock_percent": 0.36,
    "host": "node7", "others": ("python (PID 77)",), "held": 2e10, "licence": "Unlicensed", "mount": "nfs4 on /data",
    "path": "/data/set",
    "latency": 4.2, "usual": 0.003, "pending": 63.0,
}  # fmt: skip
# An empty bracket or quotation, a double blank, a blank before a stop, a sentence that begins with its stop.
GAPS = re.compile(
    r"…|\(\s*\)|（\s*）|“\s*”|\s\s|\s[.,;:，。；：]|[.:。：，,]\s*[.,，。]|^[“\s]*[.,:，。：]|[\[\]|{}]|None"
)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("letter", letters(), ids="-".join)
def test_no_letter_has_a_gap_whichever_values_are_unknown(letter: tuple[str, str], lang: Lang) -> None:
    cause, variant = letter
    used = sorted(blanks(every_sentence()[f"ask.{cause}.{variant}".rstrip(".")]))
    for size in range(len(used) + 1):
        for known in combinations(used, size):
            given = {"cause": cause, "variant": variant, **{name: VALUES[name] for name in known}}
            told = words_for_administrator(tuple(given.items()), lang)  # type: ignore[arg-type]
            assert told is not None
            assert GAPS.search(told) is None, told
            assert (lang == "zh") == any("\u4e00" <= letter <= "\u9fff" for letter in told)
            assert told.startswith("“") and told.endswith("”")
            assert ("node7" in told) == ("host" in known)
